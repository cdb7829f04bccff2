"""The band: bottom-up parts below, a published chip's column above; what flips inside it is not decided."""

import pytest

from memsim import CardError, ChipCard, Technology
from memsim.energy.band import Band, conversion, ends
from memsim.energy.estimate import Held, crossbar
from memsim.energy.line import Line
from memsim.energy.work import Attention, Matrix
from memsim.packaged_cards import built_in
from memsim.prices.scaling import relative_energy

CARD = ChipCard.load("default")
MATRIX = Matrix(name="fc", rows=300, columns=10, positions=2, passes=3, inputs=600, ones=90, drives=90)
CORE = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)


def test_at_the_chips_own_node_an_8_bit_conversion_reaches_its_column():
    """HERMES: (12.5 nJ - 1.76 nJ) / 256 columns."""
    low, high = conversion(ChipCard.parse({"name": "bare", "technology": "14nm"}), "adc-8b")
    assert high.energy == pytest.approx(41.96e-12, rel=1e-9)
    assert low.energy == Technology.load("14nm").converter_price(8).energy
    assert "HERMES" in high.source and high.assumption


def test_at_another_node_the_column_is_scaled():
    up = relative_energy(45e-9, 0.9) / relative_energy(14e-9, 0.8)
    assert conversion(CARD, "adc-8b")[1].energy == pytest.approx(up * 41.96e-12, rel=1e-9)


def test_what_a_column_takes_beyond_its_converter_does_not_depend_on_bits():
    gaps = [
        high.energy - low.energy for low, high in (conversion(CARD, f"adc-{bits}b") for bits in (4, 6, 8, 10))
    ]
    assert gaps == pytest.approx([gaps[0]] * 4, rel=1e-9)


@pytest.mark.parametrize("name", ["hermes", "neurram"])
def test_a_chips_own_column_is_one_end_and_its_design_from_parts_the_other(name):
    card, technology = ChipCard.parse({"name": "chip", "technology": name}), Technology.load(name)
    low, high = conversion(card, "adc-8b")
    own = technology.converter_price(8).energy
    parts = technology.converter_price(8, "sar-kull").energy
    assert (low.energy, high.energy) == (min(own, parts), max(own, parts))


def test_an_own_price_of_a_converter_gets_the_same_addition():
    own = {"energy [J]": 1e-12, "source": "measured here", "node": "45nm"}
    low, high = conversion(CARD.replace(prices={"adc-8b": own}), "adc-8b")
    usual = conversion(CARD, "adc-8b")
    assert low.energy == 1e-12
    assert high.energy - low.energy == pytest.approx(usual[1].energy - usual[0].energy, rel=1e-9)


@pytest.mark.parametrize("technology", [n for n in built_in("memsim.technologies") if n != "any-node"])
def test_the_band_holds_the_bill_and_only_conversions_differ(technology):
    card = CARD.replace(technology=technology)
    bill = crossbar([MATRIX, CORE], card, Held(pulses=7.0, weight=6e-6, attention=40e-6))
    low, high = ends(bill, card)
    energy = sum(line.energy for line in bill)
    band = ends(bill, card).band
    assert 0 < band.low <= energy * (1 + 1e-12) and energy <= band.high * (1 + 1e-12)
    for one, below, above in zip(bill, low, high, strict=True):
        assert one.number == below.number == above.number
        if not one.event.startswith("adc-"):
            assert one == below == above


def test_by_hand():
    """120 + 120 conversions of 8 bits."""
    lines = [
        Line.of("fc", "adc-8b", 240, 1.0, "made up here"),
        Line.of("fc", "digital-add", 5, 2.0, "made up"),
    ]
    low, high = conversion(CARD, "adc-8b")
    band = ends(lines, CARD).band
    assert band == pytest.approx((240 * low.energy + 10, 240 * high.energy + 10))


@pytest.mark.parametrize(
    ("digital", "verdict"),
    [(0.5, "digital"), (1.0, "not decided"), (2.0, "not decided"), (3.0, "not decided"), (3.5, "crossbars")],
)
def test_a_verdict_that_flips_inside_is_none(digital, verdict):
    assert Band(1.0, 3.0).against(digital) == verdict
    assert Band(1.0, 3.0).plus(1.0) == (2.0, 4.0)


def test_without_width_every_difference_is_decided():
    assert Band(1.0, 1.0).against(1.01) == "crossbars" and Band(1.0, 1.0).against(0.99) == "digital"
    assert Band(1.0, 1.0).against(1.0) == "not decided"


def test_a_technology_without_a_node_has_no_band(tmp_path):
    path = tmp_path / "node.toml"
    path.write_text(
        'name = "mine"\nconverter = "own"\n[adc.own]\n"energy [J]" = {8 = 1e-12}\nsource = "a good guess"\n'
    )
    card = ChipCard.parse({"name": "chip", "technology": str(path)})
    with pytest.raises(CardError, match=r"needs its node \[m\] and supply \[V\]"):
        conversion(card, "adc-8b")
