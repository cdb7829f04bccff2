"""Tiles of pairs with resistive lines, against the exact network of each tile."""

import pytest
import torch

from memsim.wires import tiles
from memsim.wires.lines import Lines
from memsim.wires.nodal import nodal_read
from tests.wires.test_nodal import uniform


def pairs(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    w = 2 * uniform(*shape) - 1
    return 1e-4 * w.clamp(min=0), 1e-4 * (-w).clamp(min=0)


def exact(plus, minus, voltage, lines: Lines) -> torch.Tensor:
    """Currents of pairs of one tile: columns side by side, bit lines sensed at the first row."""
    g = torch.stack([plus, minus], -1).flatten(-2)
    current = nodal_read(voltage.flip(1), g.flip(0), r_word=lines.r_word, r_bit=lines.r_bit, idle=lines.idle)
    return current[:, 0::2] - current[:, 1::2]


def test_grounded_rows_are_the_exact_network_within_the_bound():
    plus, minus = pairs(1, 64, 32)
    voltage, lines = 0.2 * (uniform(40, 64, seed=1) < 0.15).double(), Lines(2.0, 2.0)
    found = tiles.pairs_through_lines(plus, minus, lines, (1, 1))
    expected = exact(plus[0], minus[0], voltage, lines)
    wires = expected - voltage @ (plus - minus)[0]
    wrong = expected - voltage @ (found[0] - found[1])[0]
    assert wrong.square().mean() < (0.02**2) * wires.square().mean()


@pytest.mark.parametrize("activity", [0.15, 0.5])
def test_rows_switched_off_are_right_in_the_mean(activity):
    """400 random patterns; what is left is the pattern's own, under a fifth of what wires cost."""
    plus, minus = pairs(1, 64, 32)
    voltage, lines = 0.2 * (uniform(400, 64, seed=1) < activity).double(), Lines(4.0, 4.0, "off")
    found = tiles.pairs_through_lines(plus, minus, lines, (1, 1), activity)
    expected = exact(plus[0], minus[0], voltage, lines)
    wires = expected - voltage @ (plus - minus)[0]
    wrong = expected - voltage @ (found[0] - found[1])[0]
    assert wrong.square().mean() < (0.2**2) * wires.square().mean()
    assert wrong.mean(0).abs().mean() < 0.04 * wires.mean(0).abs().mean()
    other = tiles.pairs_through_lines(plus, minus, lines, (1, 1), activity * 1.5)
    worse = expected - voltage @ (other[0] - other[1])[0]
    assert worse.mean(0).abs().mean() > 1.5 * wrong.mean(0).abs().mean()  # the activity tells


def test_all_rows_driven_is_the_same_for_any_idle_rows():
    plus, minus = pairs(2, 20, 6)
    grounded, off = (
        tiles.pairs_through_lines(plus, minus, Lines(5.0, 5.0, idle), (1, 1)) for idle in ("grounded", "off")
    )
    for one, other in zip(grounded, off, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("idle", ["grounded", "off"])
def test_each_tile_is_an_array_of_its_own(idle, monkeypatch):
    """3 x 2 tiles of 50 x 9 pairs, the last ones smaller, few at a time."""
    plus, minus = pairs(2, 50, 9)
    lines = Lines(8.0, 3.0, idle)
    monkeypatch.setattr(tiles, "CELLS", 500)
    found = tiles.pairs_through_lines(plus, minus, lines, (3, 2), 0.3)
    for rows in (slice(0, 17), slice(17, 34), slice(34, 50)):
        for columns in (slice(0, 5), slice(5, 9)):
            part = (slice(None), rows, columns)
            own = tiles.pairs_through_lines(plus[part], minus[part], lines, (1, 1), 0.3)
            for whole, one in zip(found, own, strict=True):
                torch.testing.assert_close(whole[part], one, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("idle", ["grounded", "off"])
def test_no_resistance_changes_nothing(idle):
    plus, minus = (x.float() for x in pairs(2, 30, 7))
    found = tiles.pairs_through_lines(plus, minus, Lines(idle=idle), (2, 2), 0.3)
    assert torch.equal(found[0], plus) and torch.equal(found[1], minus)
