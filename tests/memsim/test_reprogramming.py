"""Reprogramming at intervals: an array is as old as its last writing; and what that upkeep costs."""

import pytest
import torch

import memsim
from memsim.card.sections import WeightSection
from memsim.prices.scaling import relative_energy
from tests.memsim.made import array, card, levels_matrix
from tests.statistics import assert_same_mean, assert_same_std

WEEK, HOUR = 7 * 86400.0, 3600.0


@pytest.mark.parametrize(
    ("every", "t", "cycle", "age"),
    [
        (None, 5.0, 0, 5.0),
        (10.0, 9.5, 0, 9.5),
        (10.0, 10.0, 0, 10.0),  # about to be written anew
        (10.0, 25.0, 2, 5.0),
        (0.1, 0.3, 2, 0.1),  # .3 / .1 falls just short of three
        (0.7, 2.1, 2, 0.7),
        (10.0, 0.0, 0, 0.0),
    ],
)
def test_age_is_counted_from_the_last_writing(every, t, cycle, age):
    section = WeightSection.model_validate({"reprogram_every [s]": every})
    assert section.last_write(t) == (cycle, pytest.approx(age, abs=1e-12))


def test_a_rewritten_array_follows_the_law_of_a_fresh_one_and_a_three_percent_wrong_one_does_not():
    chosen = card(scaling="layer")
    old = array(levels_matrix(), chosen.replace(weights={"reprogram_every [s]": WEEK}))
    old.advance_to(30 * WEEK + HOUR, "none")
    young = array(levels_matrix(), chosen, seed=12)
    young.advance_to(HOUR, "none")

    def check(stretch: float) -> None:
        """Mean and spread of the devices of each side and level."""
        for level in (0.2, 0.7):
            here = levels_matrix() == level
            one, other = (made.conductance()[0, 0][here] * 1e6 for made in (old, young))
            assert_same_mean(stretch * one, other)
            assert_same_std(stretch * one, other)

    check(1.0)
    with pytest.raises(AssertionError):
        check(1.03)


def test_a_time_is_reached_directly_and_each_cycle_has_devices_states_of_its_own():
    matrix, chosen = torch.randn(20, 10), card(**{"reprogram_every [s]": WEEK})
    direct, round_about, once = array(matrix, chosen), array(matrix, chosen), array(matrix, card())
    for made in (direct, round_about, once):
        made.advance_to(HOUR)
    assert torch.equal(direct.conductance(), once.conductance())  # before the first rewriting nothing differs
    first = direct.conductance()
    for t in (1.5 * WEEK, 5 * WEEK, 2 * WEEK + HOUR, 3 * WEEK + HOUR):
        round_about.advance_to(t)
    direct.advance_to(3 * WEEK + HOUR)
    assert torch.equal(direct.conductance(), round_about.conductance())
    assert torch.equal(direct.compensation_SC, round_about.compensation_SC)
    assert not torch.equal(direct.conductance(), first)
    round_about.advance_to(HOUR)
    assert torch.equal(round_about.conductance(), first)


def test_compensation_goes_by_the_last_writing():
    steady = card(**{"reprogram_every [s]": WEEK}).without("flicker-noise")  # other at any other time
    made = array(torch.ones(40, 40), steady)
    made.advance_to(2 * WEEK + 1e-6, "column")  # just written
    assert torch.allclose(made.compensation_SC, torch.ones(1, 40), atol=1e-4)


def test_a_network_is_rewritten_and_its_converters_stay():
    net = torch.nn.Sequential(torch.nn.Linear(4, 3))
    chosen = memsim.ChipCard.load("default").replace(weights={"reprogram_every [s]": WEEK})
    chip = memsim.to_crossbar(net, chosen, chips=2, calibration=torch.rand(5, 4)).program()
    ranges = chip.weight_arrays["0"].ranges
    chip.advance_to(3.5 * WEEK)
    assert chip.weight_arrays["0"].ranges is ranges and not ranges.empty
    assert chip.upkeep["writes"] == 3 * 2 * 12


def test_upkeep_by_hand():
    """Three rows and two columns of pairs, two devices a side, rows cut in tiles of two, columns of one."""
    fields = {"reprogram_every [s]": WEEK, "devices_per_weight": 2, "tile_rows": 2, "tile_columns": 1}
    made = array(torch.tensor([[1.0, -1.0], [0.5, 0.0], [0.0, 0.0]]), card(**fields).only(), chips=3)
    assert made.upkeep == {"writes": 0, "write energy [J]": 0.0, "reads": 0, "read energy [J]": 0.0}
    made.advance_to(HOUR, "none")
    assert made.upkeep["reads"] == 0
    made.advance_to(2.5 * WEEK, "column")  # two rewritings, each read once, and read once more now
    got = made.upkeep
    assert got["writes"] == 2 * (3 * 2 * 4)
    assert got["write energy [J]"] == pytest.approx(48 * 170e-12)
    assert got["reads"] == 3 * (3 * 2)
    up = relative_energy(45e-9, 0.9) / relative_energy(32e-9, 0.9)
    result = up * (1.67e-12 + 1e-15 + 8 * 0.054e-12)  # held, converted, sent over the bus
    events = 3 * (3 * 2 * up * 0.417e-12 + 6 * result + 6 * 0.05e-12)
    devices = 3 * 0.2**2 * 10e-9 * 2 * 25e-6 * (1 + 1 + 0.5)
    assert got["read energy [J]"] == pytest.approx(events + devices)


def test_ideal_weights_are_not_compensated_and_are_written_for_nothing():
    made = array(torch.ones(3, 2), card(cell="ideal", **{"reprogram_every [s]": WEEK}))
    made.advance_to(4.5 * WEEK, "global")
    assert made.upkeep == {"writes": 4 * 12, "write energy [J]": 0.0, "reads": 0, "read energy [J]": 0.0}


def test_a_writing_without_a_price_is_refused_by_name():
    chosen = card(**{"reprogram_every [s]": WEEK})
    prices = {event: price for event, price in chosen.prices.items() if event != "program-pcm"}
    without = chosen.model_copy(update={"prices": prices})
    made = array(torch.ones(3, 2), without)
    made.advance_to(HOUR)
    assert made.upkeep["writes"] == 0
    made.advance_to(1.5 * WEEK)
    with pytest.raises(memsim.CardError, match="no price for 'program-pcm'"):
        _ = made.upkeep
