"""The fast path: inside its stated bound, and the choice of it by what the bound says."""

import math

import pytest
import torch

from memsim.wires.effective import effective
from memsim.wires.lines import Lines, network
from memsim.wires.wired_array import WiredArray
from tests.wires.test_nodal import uniform

SHAPES = [(32, 32), (24, 8), (8, 24), (1, 20), (20, 1)]


def kappa_arrays(rows: int, columns: int, seed: int):
    """Conductances, lines and voltages of either sign, sparse ones too, with kappa from .01 to 1."""
    kappa, share = 10 ** float(2 * uniform(1, seed=seed) - 2), float(uniform(1, seed=seed + 1))
    g = 1e-4 * uniform(20, rows, columns, seed=seed + 2)
    scale = 2 * kappa / float(g.max())
    lines = Lines(share * scale / columns**2, (1 - share) * scale / rows**2)
    voltage = 0.2 * (2 * uniform(20, 4, rows, seed=seed + 3) - 1)
    voltage[:, 2:] = voltage[:, 2:].abs() * (uniform(20, 2, rows, seed=seed + 4) < 0.3)
    assert lines.kappa(g) == pytest.approx(kappa)
    return g, lines, voltage


@pytest.mark.parametrize("shape", SHAPES)
def test_the_fast_path_stays_inside_its_bound_on_a_thousand_arrays(shape):
    """20 arrays of one kappa at a time, 200 of a shape."""
    nearest = 0.0
    for draw in range(10):
        g, lines, voltage = kappa_arrays(*shape, seed=10 * draw)
        array = WiredArray(g, lines)
        exact = array.read(voltage).currents
        rows, columns = shape
        assert array.contraction <= lines.r_word * lines.r_bit * float(g.max()) ** 2 * (
            rows * (rows + 1) * columns * (columns + 1) / 4
        )
        for sweeps in range(3):
            found = array.read(voltage, accuracy=max(array.contraction, 1e-15) ** (sweeps + 0.99))
            assert (found.method, found.sweeps) == ("sweeps" if sweeps else "ladder", sweeps)
            wrong = (found.currents - exact).abs()
            rounding = 1e-14 * voltage.abs().max() * g.sum(-2, keepdim=True)
            assert (wrong <= found.bound + rounding).all()
            nearest = max(nearest, float((wrong / (found.bound + rounding)).max()))
        ideal = ((voltage @ g) - exact).abs().max()
        assert (array.read(voltage, accuracy=1.0).currents - exact).abs().max() < ideal
    assert nearest > 0.02  # the bound is not loose by orders of magnitude


def test_the_bound_of_one_row_of_drops_is_met_exactly():
    """One cell: u and t are what a divider gives, and the error is what the bound says but for a factor."""
    g, lines = torch.tensor([[1e-3]]).double(), Lines(100.0, 300.0)
    array = WiredArray(g, lines)
    assert array.contraction == pytest.approx((0.1 / 1.1) * (0.3 / 1.3))
    found = array.read(torch.ones(1, 1).double())
    assert float(found.currents) == pytest.approx(1 / (1000 + 100 + 300))
    assert float(array.read(torch.ones(1, 1).double(), accuracy=0.1).currents) == pytest.approx(
        1e-3 / 1.1 / 1.3
    )


def test_the_choice_tells_which_one_ran():
    voltage, g = 0.2 * uniform(3, 24), 1e-4 * uniform(24, 24, seed=1)
    small, large = WiredArray(g, Lines(0.1, 0.1)), WiredArray(g, Lines(2e3, 2e3))
    assert small.kappa < 0.01 < 50 < large.kappa
    assert small.read(voltage, accuracy=1e-4).method == "ladder"
    assert small.read(voltage).method == "sweeps"
    assert large.read(voltage).method == "blocks"
    assert WiredArray(g, Lines(0.0, 2e3)).read(voltage).method == "ladder"  # exact without either line
    assert float(large.read(voltage).bound.max()) == 0.0


@pytest.mark.parametrize("r", [1.0, 50.0, 5e3])
def test_one_matrix_serves_all_inputs(r):
    voltage, g = 0.2 * uniform(2, 3, 12), 1e-4 * uniform(2, 12, 10, seed=1)
    array = WiredArray(g, Lines(r, r))
    torch.testing.assert_close(
        voltage @ array.transconductance(), array.read(voltage).currents, rtol=1e-11, atol=0
    )
    many = voltage.repeat(1, 9, 1)  # more inputs than rows
    torch.testing.assert_close(
        array.read(many).currents[:, :3], array.read(voltage).currents, rtol=1e-11, atol=0
    )


def test_an_array_has_the_same_bits_alone_and_beside_lines_beyond_float64():
    g, lines = 1e-4 * uniform(4, 40, 37), Lines(2.0, 3.0)
    g[1, 3], g[2, :, 5] = 1e30, 1e30  # a word line and a bit line, shorted
    every = effective(network(lines, g))
    for n in range(4):
        alone = effective(network(lines, g[n : n + 1]))
        assert all(torch.equal(x[n], y[0]) for x, y in zip(every, alone, strict=True))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1e-9])
def test_one_wrong_device_of_many_is_refused(wrong):
    g = 1e-4 * uniform(3, 40, 37)
    g[1, 33, 36] = wrong
    with pytest.raises(ValueError, match="conductance_RC holds"):
        WiredArray(g, Lines(2.0, 3.0))


@pytest.mark.parametrize("wrong", [math.nan, -math.inf])
def test_one_wrong_voltage_of_many_is_refused(wrong):
    voltage = uniform(3, 5, 40)
    voltage[1, 2, 39] = wrong
    with pytest.raises(ValueError, match="voltage_BR holds"):
        WiredArray(1e-4 * uniform(3, 40, 7), Lines(2.0, 3.0)).read(voltage)
