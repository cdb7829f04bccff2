"""ADCs of a card's own, held against the technology's: what is 10,000 times away is refused by its field."""

import pytest

from memsim import ChipCard
from memsim.card.own_adcs import usual
from memsim.devices.toml_file import CardError
from memsim.prices.technology import Technology

HOME = Technology.load("45nm")
SAID = {"source": "our own converter, 2026", "node": "45nm"}
CARD = ChipCard.load("default")


def own(array, bits, **numbers):
    return CARD.replace(**{array: {"adc_bits": bits, "adc": SAID | numbers}})


@pytest.mark.parametrize("array", ["weights", "attention"])
@pytest.mark.parametrize("bits", [6, 8, 12, 14])
def test_energies_near_the_technologys_are_taken_and_a_million_times_off_refused(array, bits):
    energy = usual(HOME, bits).energy
    for factor in (1e-3, 1.0, 1e3):
        assert own(array, bits, **{"energy [J]": factor * energy})
    assert own(array, bits, **{"energy [J]": 0.0})
    for factor in (1e-6, 1e6, 1.01e-4 / 1.03, 1.01e4):
        with pytest.raises(CardError, match=rf"{array}\.adc\.energy \[J\] = .*was a prefix missed"):
            own(array, bits, **{"energy [J]": factor * energy})


def test_bits_beyond_the_table_cost_twice_each():
    table = HOME.adc[HOME.converter].energy
    assert usual(HOME, max(table)).energy == pytest.approx(table[max(table)])
    assert usual(HOME, max(table) + 2).energy == pytest.approx(4 * table[max(table)])


@pytest.mark.parametrize(
    ("key", "value"),
    [("area [m2]", 9e-5), ("rate [1/s]", 2.0), ("hold_power [W]", 9.7e-3)],
)
def test_areas_rates_and_powers_too(key, value):
    numbers = {"energy [J]": usual(HOME, 8).energy, "area [m2]": 1e-9, "columns_per_adc": 8}
    assert own("weights", 8, **numbers)
    with pytest.raises(CardError, match=r"weights\.adc\..* is allowed"):
        own("weights", 8, **(numbers | {key: value}))


def test_a_node_is_followed_before_it_is_compared():
    """What is right at 130 nm is scaled to the card's node first."""
    old = {"energy [J]": 3e3 * usual(HOME, 8).energy, "node": "130nm"}
    assert own("weights", 8, **old)


@pytest.mark.parametrize("name", ["default", "hermes", "neurram-wan2022"])
def test_the_cards_that_come_with_memsim_are_taken(name):
    assert ChipCard.load(name)
