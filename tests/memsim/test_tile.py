"""A whole tile against IBM's 14 nm PCM chips; a card set from one chip judges the others only."""

import pytest

from memsim import Technology
from memsim.energy.tile import HERMES, OTHERS, Tile

BOTTOM_UP, SET = Technology.load("14nm"), Technology.load("hermes")


def test_bottom_up_a_product_by_hand():
    """256 rows, 65,536 cells, 256 conversions; the devices read for half of 127 ns at half of 20.7 uS."""
    parts = Tile(technology=BOTTOM_UP).product()
    assert parts["devices"].energy == pytest.approx(65536 * 0.04 * 20.7e-6 / 2 * 63.5e-9)
    assert parts["converters"].energy == pytest.approx(256 * 1.67e-12 * 0.1779, rel=1e-3)
    assert parts["rows"].energy == pytest.approx(256 * (0.417e-12 * 0.1779 + 0.291e-12 * 0.1329), rel=5e-3)


def test_bottom_up_misses_most_of_hermes():
    """As it falls: published parts add up to 15 % of the core, whose columns hold an oscillator and logic."""
    assert HERMES.predicted(BOTTOM_UP) / HERMES.energy == pytest.approx(0.147, abs=0.001)


def test_the_second_card_is_set_from_hermes():
    """No judgement: its one constant was chosen so."""
    assert HERMES.predicted(SET) == pytest.approx(HERMES.energy, rel=1e-3)
    own = {d for d, converter in SET.adc.items() if "HERMES" in converter.source}
    assert own == {"column-hermes"} and not any("HERMES" in part.source for part in SET.parts.values())


def test_it_predicts_the_64_cores_within_30_per_cent():
    ratios = [chip.predicted(SET) / chip.energy for chip in OTHERS[:2]]
    assert ratios == pytest.approx([0.93, 0.85], abs=0.01)


def test_it_does_not_predict_the_34_tiles_within_30_per_cent():
    """Missed by 33 and 41 %: HERMES' total does not say how it divides between what grows with columns (95
    fJ a MAC, were it all) and with cells (191), and the chip's figure holds traffic that a tile has not.
    """
    ratios = [chip.predicted(SET) / chip.energy for chip in OTHERS[2:]]
    assert ratios == pytest.approx([0.67, 0.59], abs=0.01)
    per_cell, per_column = HERMES.energy / 256**2, HERMES.energy / (256 * 512)
    assert per_column < 161e-15 < per_cell


def test_energy_of_a_product_grows_with_phases_but_for_the_devices():
    tile = Tile(technology=SET)
    once, four = tile.product(), tile.product(4)
    assert four["converters"].energy == 4 * once["converters"].energy
    assert four["devices"].energy == once["devices"].energy
    assert four["devices"].latency == 4 * once["devices"].latency
