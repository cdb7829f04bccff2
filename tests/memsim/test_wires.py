"""Resistive lines of weight tiles: a switch of the card, against the exact network, monotone."""

import pytest
import torch

import memsim
from memsim import CardError, ChipCard, nodal_read
from memsim.arrays.tile_lines import lines_of
from memsim.wires.segment import Segment
from tests.memsim.made import array

MATRIX = torch.randn(100, 24, generator=torch.Generator().manual_seed(0))
SPIKES = (torch.rand(1, 1, 1, 40 * 100, generator=torch.Generator().manual_seed(1)) < 0.15).float()


def card(wires: str = "grounded", ohm: float = 5.0, **weights) -> ChipCard:
    """Devices without errors, tiles of at most 64 x 16 pairs, no converters."""
    weights = {"wires": wires, "tile_rows": 64, "tile_columns": 16} | weights
    made = ChipCard.load("default").replace(
        weights=weights, attention={"wires": "none"}, **{"wire_resistance [ohm]": ohm}
    )
    return made.only(*(["wires"] if wires != "none" else []))


def read(made: ChipCard, chips: int = 1) -> torch.Tensor:
    """Numbers (positions, columns) that come out of the first chip."""
    weights = array(MATRIX, made, chips=chips)
    weights.run.begin(1, (0,), calibrating=True)
    weights.calibrate(SPIKES.expand(1, chips, 1, -1), weights.run.now.address("layer", 1))
    weights.run.begin(1, (0,))
    return weights.read(SPIKES.expand(1, chips, 1, -1))[0, 0, 0]


def test_the_default_card_has_lines_and_a_card_without_them_no_effect():
    plain = ChipCard.load("default")
    segment = Segment.of("45nm", side=4)
    assert plain.segment() == segment and segment.resistance == pytest.approx(0.70, abs=0.005)
    assert lines_of(plain) == memsim.Lines(segment.resistance, segment.resistance, "off")
    assert lines_of(plain.without("wires")) is None and plain.only("wires").on("wires")
    none = plain.replace(weights={"wires": "none"}, attention={"wires": "none"})
    assert "wires" in plain.effects and "wires" not in none.effects and lines_of(none) is None
    with pytest.raises(CardError, match="wires"):
        none.without("wires")


def test_the_older_word_off_is_read_as_idle_off():
    old = ChipCard.load("default").replace(weights={"wires": "off"}, attention={"wires": "off"})
    assert old == ChipCard.load("default") and old.weights.wires == "idle-off"
    with pytest.raises(CardError, match="idle-off"):
        old.replace(weights={"wires": "on"})


def test_a_segment_is_the_cards_own_or_that_of_its_technology_and_pitch():
    card = ChipCard.load("default")
    assert card.replace(**{"wire_resistance [ohm]": 3.0}).segment().resistance == 3.0
    wide = card.replace(**{"cell_pitch [m]": 640e-9}).segment()
    assert wide == Segment.of("45nm", pitch=640e-9)
    assert wide.resistance == pytest.approx(2 * card.segment().resistance)
    assert card.segment("passive").resistance == pytest.approx(card.segment().resistance / 2)
    assert card.replace(technology="14nm").segment().resistance > 2 * card.segment().resistance


@pytest.mark.parametrize("how", ["grounded", "idle-off"])
def test_zero_ohm_and_switched_off_are_bit_equal_to_no_wires(how):
    ideal = read(card("none"))
    assert torch.equal(read(card(how, 0.0)), ideal)
    assert torch.equal(read(card(how).without("wires")), ideal)
    assert not torch.equal(read(card(how)), ideal)


@pytest.mark.parametrize("how", ["grounded", "off"])  # the older word for idle-off
def test_currents_are_those_of_the_exact_network_of_each_tile(how):
    """Two row tiles of 50, two column tiles of 12 pairs; rows switched off are right in the mean."""
    found, ideal = read(card(how)).double(), read(card("none")).double()
    weights = array(MATRIX, card(how))
    plus, minus = weights.conductance()[0].double()
    expected = torch.zeros_like(found)
    for rows in (slice(0, 50), slice(50, 100)):
        for columns in (slice(0, 12), slice(12, 24)):
            pairs = torch.stack([plus[rows, columns], minus[rows, columns]], -1).flatten(-2).flip(0)
            drive = 0.2 * SPIKES.view(40, 100)[:, rows].flip(1)
            current = nodal_read(drive, pairs, r_word=5.0, r_bit=5.0, idle=how)
            expected[:, columns] += current[:, 0::2] - current[:, 1::2]
    expected = expected * weights.gain_SC[0].double()
    wires = (expected - ideal).square().mean().sqrt()
    assert (found - expected).square().mean().sqrt() < (0.03 if how == "grounded" else 0.35) * wires


def test_the_error_grows_with_the_resistance():
    ideal = read(card("none"))
    errors = [
        float((read(card("grounded", ohm)) - ideal).square().mean()) for ohm in (0.0, 0.5, 2.0, 10.0, 500.0)
    ]
    assert errors == sorted(errors) and errors[0] == 0.0 < errors[1]


def test_a_chip_is_the_same_beside_others():
    assert torch.equal(read(card(), chips=1), read(card(), chips=3))


def test_read_noise_is_left_where_currents_are():
    """Lines weaken what noise is made of; without noise nothing of it is kept."""
    noisy = ChipCard.load("default").replace(weights={"wires": "grounded"}, **{"wire_resistance [ohm]": 50.0})
    with_lines, without = (array(MATRIX, one) for one in (noisy, noisy.without("wires")))
    assert with_lines.power_SRC is not None and without.power_SRC is not None
    assert (with_lines.power_SRC <= without.power_SRC).all()
    assert with_lines.power_SRC.sum() < 0.95 * without.power_SRC.sum()
    assert array(MATRIX, noisy.only("wires")).power_SRC is None
    assert torch.equal(with_lines.row_siemens_SR, without.row_siemens_SR)


def test_settings_that_change_nothing_are_refused():
    with pytest.raises(CardError, match=r'row_activity.*belongs to wires = "idle-off"'):
        ChipCard.parse({"name": "x", "weights": {"wires": "grounded", "row_activity [1]": 0.3}})
    with pytest.raises(CardError, match="grows with wire_resistance"):
        ChipCard.load("default").replace(weights={"wires": "idle-off"}, strengths={"wires": 2.0})
    with pytest.raises(CardError, match=r"weights\.wires"):
        ChipCard.load("default").replace(weights={"wires": "floating"})


def test_aihwkit_has_no_lines():
    from memsim.engines.aihwkit import TileWeights
    from memsim.run import Run

    asked = ChipCard.load("default").replace(weights={"wires": "idle-off"})
    run = Run(card=asked, chips=(0,), seed=0, ledger=memsim.Ledger(asked))
    with pytest.raises(ValueError, match="wires"):
        TileWeights("layer", MATRIX, run)
