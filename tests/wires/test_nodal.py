"""Currents of arrays with resistive lines: limits, symmetries, conservation of power, curves, refusals."""

import math

import pytest
import torch

from memsim import devices
from memsim.devices.weights.iv_curve import Cubic, SinhCurve
from memsim.wires import nodes, wired_array
from memsim.wires.lines import Lines
from memsim.wires.nodal import nodal_read, nodal_solution
from memsim.wires.wired_array import WiredArray

IDLE = ("grounded", "floating", "off")


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def an_array(rows: int = 11, columns: int = 7, inputs: int = 3, top: float = 1e-4, seed: int = 0):
    """Voltages of which a third are 0, and conductances of which a tenth are."""
    g = top * uniform(rows, columns, seed=seed)
    g[uniform(rows, columns, seed=seed + 1) < 0.1] = 0.0
    voltage = 0.2 * uniform(inputs, rows, seed=seed + 2)
    voltage[uniform(inputs, rows, seed=seed + 3) < 0.33] = 0.0
    return voltage, g


def power(voltage, g, lines: Lines, found) -> tuple[float, float]:
    """What the drivers give, and what devices and wires turn into heat, of one linear array [W]."""
    word, bit = found.word, found.bit
    driven = (voltage != 0) if lines.idle == "floating" else torch.ones_like(voltage, dtype=torch.bool)
    device = g * (voltage != 0)[..., None] if lines.idle == "off" else g
    heat = (device * (word - bit) ** 2).sum()
    given = torch.zeros(())
    for side in (0, -1) if lines.word_ends == "both" else (0,):
        current = lines.g_word * (voltage - word[..., side]) * driven
        given = given + (current * voltage).sum()
        heat = heat + lines.r_word * (current**2).sum()
    for side in (0, -1) if lines.bit_ends == "both" else (-1,):
        heat = heat + lines.r_bit * ((lines.g_bit * bit[..., side, :]) ** 2).sum()
    heat = heat + lines.g_word * (word.diff(dim=-1) ** 2).sum() + lines.g_bit * (bit.diff(dim=-2) ** 2).sum()
    return float(given), float(heat)


def test_lines_without_resistance_give_ohms_law():
    voltage, g = an_array()
    assert torch.equal(nodal_read(voltage, g, r_word=0.0, r_bit=0.0), voltage @ g)
    for idle in IDLE:  # a floating row between columns at 0 V stays at 0 V
        found = nodal_solution(voltage, g, Lines(idle=idle))
        torch.testing.assert_close(found.currents, voltage @ g, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("idle", IDLE)
@pytest.mark.parametrize("without", ["r_word", "r_bit"])
def test_one_line_without_resistance_is_the_limit_of_a_small_one(idle, without):
    voltage, g = an_array()
    both = {"r_word": 30.0, "r_bit": 50.0}
    exact = nodal_read(voltage, g, **(both | {without: 0.0}), idle=idle)
    small = nodal_read(voltage, g, **(both | {without: 1e-6}), idle=idle)
    smaller = nodal_read(voltage, g, **(both | {without: 1e-7}), idle=idle)
    torch.testing.assert_close(small, exact, rtol=1e-7, atol=0.0)
    assert (smaller - exact).abs().max() < 0.2 * (small - exact).abs().max()  # falls as the resistance does


def test_transposing_transposes():
    """Reciprocity: what row i at 1 V sends into column j is what column j at 1 V sends into row i."""
    _, g = an_array()
    found = WiredArray(g, Lines(20.0, 70.0)).transconductance()
    turned = WiredArray(g.flip(0, 1).T.contiguous(), Lines(70.0, 20.0)).transconductance()
    torch.testing.assert_close(found, turned.T.flip(0, 1), rtol=1e-12, atol=0.0)


def test_drivers_on_both_sides_are_symmetric():
    voltage, g = an_array()
    how = {"r_word": 40.0, "r_bit": 60.0, "word_ends": "both", "bit_ends": "both"}
    found = nodal_read(voltage, g, **how)
    torch.testing.assert_close(nodal_read(voltage, g.flip(1), **how), found.flip(1), rtol=1e-12, atol=0.0)
    torch.testing.assert_close(nodal_read(voltage.flip(1), g.flip(0), **how), found, rtol=1e-12, atol=0.0)
    ideal = voltage @ g
    one_sided = nodal_read(voltage, g, r_word=40.0, r_bit=60.0)
    assert (one_sided < found).all() and (found < ideal).all()


@pytest.mark.parametrize("idle", IDLE)
@pytest.mark.parametrize("top", [1e-4, 0.3])
@pytest.mark.parametrize("ends", [("first", "last"), ("both", "both"), ("first", "both")])
def test_power_is_conserved(idle, top, ends):
    voltage, g = an_array(top=top)
    lines = Lines(15.0, 25.0, idle, *ends)
    found = nodal_solution(voltage, g, lines)
    given, heat = power(voltage, g, lines, found)
    assert given > 0 and abs(given - heat) <= 1e-10 * given
    assert found.method == ("blocks" if top > 1e-3 else "sweeps")
    torch.testing.assert_close(found.devices.sum(-2), found.currents)
    again = nodal_read(voltage, g, r_word=15.0, r_bit=25.0, idle=idle, word_ends=ends[0], bit_ends=ends[1])
    torch.testing.assert_close(again, found.currents, rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (1, 4), (4, 1), (1, 1)])
@pytest.mark.parametrize("idle", IDLE)
def test_sweeps_and_elimination_agree(shape, idle, monkeypatch):
    voltage, g = an_array(*shape, top=1e-3)
    voltage[:, 0] = 0.1
    how = {"r_word": 10.0, "r_bit": 20.0, "idle": idle}
    swept = nodal_read(voltage, g, **how)
    monkeypatch.setattr(nodes, "MOST_SWEEPS", -1)
    monkeypatch.setattr(wired_array, "MOST_SWEEPS", -1)
    torch.testing.assert_close(nodal_read(voltage, g, **how), swept, rtol=1e-11, atol=1e-25)
    held = 0.1 * uniform(3, shape[1])
    found = nodal_solution(voltage, g, Lines(**how), bit_voltage_BC=held)
    monkeypatch.undo()
    again = nodal_solution(voltage, g, Lines(**how), bit_voltage_BC=held)
    assert (found.method, again.method) == ("blocks", "sweeps")
    torch.testing.assert_close(found.bit, again.bit, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("rows", [5, 40])  # fewer inputs than rows, and more
def test_leading_axes_are_chips_and_arrays(rows):
    voltage, g = 0.2 * uniform(2, 1, 20, rows), 1e-3 * uniform(2, 3, rows, 6, seed=1)
    found = nodal_read(voltage, g, r_word=9.0, r_bit=5.0)
    assert found.shape == (2, 3, 20, 6)
    for chip in range(2):
        for array in range(3):
            one = nodal_read(voltage[chip, 0], g[chip, array], r_word=9.0, r_bit=5.0)
            torch.testing.assert_close(found[chip, array], one, rtol=1e-12, atol=0.0)
    floating = nodal_read(voltage, g, r_word=9.0, r_bit=5.0, idle="floating")  # no row is idle
    torch.testing.assert_close(floating, found, rtol=1e-11, atol=0.0)


def test_an_idle_row_sinks_current_where_it_is_grounded_and_none_where_it_is_off():
    voltage, g = torch.tensor([[0.2, 0.0, 0.0, 0.2]], dtype=torch.float64), torch.full((4, 4), 1e-3).double()
    read = {idle: nodal_read(voltage, g, r_word=20.0, r_bit=20.0, idle=idle).sum() for idle in IDLE}
    assert read["grounded"] < 0.95 * read["off"]
    assert read["grounded"] < 0.95 * read["floating"]  # no current leaves through a floating row
    driven = g * (voltage[0] != 0)[:, None]
    assert read["off"] == pytest.approx(float(nodal_read(voltage, driven, r_word=20.0, r_bit=20.0).sum()))


class TestCurves:
    @pytest.mark.parametrize("idle", IDLE)
    @pytest.mark.parametrize("lines", [(20.0, 30.0), (0.0, 30.0), (20.0, 0.0), (0.0, 0.0)])
    def test_a_straight_curve_is_the_linear_network(self, idle, lines):
        voltage, g = an_array(top=1e-3)
        found = nodal_solution(voltage, g, Lines(*lines, idle), curve=lambda g, v: g * v)
        assert found.steps <= 2 and found.residual <= 1e-12
        straight = nodal_solution(voltage, g, Lines(*lines, idle))
        torch.testing.assert_close(found.currents, straight.currents, rtol=1e-11, atol=0.0)

    @pytest.mark.parametrize("curve", [SinhCurve(0.2, 0.2), Cubic(-0.25), Cubic(3.0)])
    @pytest.mark.parametrize("idle", IDLE)
    @pytest.mark.parametrize("top", [1e-4, 3e-2])
    def test_currents_obey_the_curve_and_kirchhoff(self, curve, idle, top):
        voltage, g = an_array(top=top)
        lines = Lines(15.0, 25.0, idle)
        found = nodal_solution(voltage, g, lines, curve=curve)
        device = g * (voltage != 0)[..., None] if idle == "off" else g
        expected = curve(device.expand(3, *g.shape), found.word - found.bit)
        torch.testing.assert_close(found.devices, expected, rtol=1e-9, atol=1e-20)
        leaving = lines.g_bit * found.bit[..., -1, :]  # through the wires, at the ends
        torch.testing.assert_close(leaving, found.currents, rtol=1e-9, atol=0.0)
        assert found.residual <= 1e-9 and 2 <= found.steps < 20

    def test_a_curve_matters_with_wires_as_it_does_without(self):
        """At one voltage a curve is a factor; wires spread the voltages, so that it no longer is."""
        voltage, g = 0.4 * torch.ones(1, 16).double(), 1e-4 * uniform(16, 16)
        ideal = nodal_read(voltage, g, r_word=0.0, r_bit=0.0, curve=SinhCurve(0.4, 0.2))
        torch.testing.assert_close(ideal, voltage @ g, rtol=1e-12, atol=0.0)
        curved = nodal_read(voltage, g, r_word=20.0, r_bit=20.0, curve=SinhCurve(0.4, 0.2))
        straight = nodal_read(voltage, g, r_word=20.0, r_bit=20.0)
        assert (curved < straight).all()  # the chord at a lower voltage is lower

    def test_a_falling_curve_is_refused(self):
        voltage, g = an_array()
        with pytest.raises(ValueError, match="falls with the voltage"):
            nodal_read(10 * voltage, g, r_word=1.0, r_bit=1.0, curve=lambda g, v: g * (v - 0.25 * v**3))
        with pytest.raises(ValueError, match=r"holds up to 1\.15 V"):
            nodal_read(10 * voltage, g, r_word=1.0, r_bit=1.0, curve=Cubic(-0.25))

    @pytest.mark.parametrize("name", ["reram-milo2021", "cubic", "sinh"])
    def test_the_curve_of_a_cell_is_read_between_lines(self, name):
        """With ideal lines its currents are those of the chord, and wires take them lower."""
        law = {"cubic": {"iv_cube [1/V^2]": 0.8}, "sinh": {"v_0 [V]": 0.4}}
        about = {"name": name, "technology": "ReRAM", "source": "made up here"}
        weight = {"g_max [S]": 200e-6} | law.get(name, {})
        cell = devices.get(about | {"weight": weight} if name in law else name)
        voltage, g = (
            torch.tensor([[0.5], [0.1], [0.0]], dtype=torch.float64).expand(3, 16),
            2e-4 * uniform(16, 8),
        )
        ideal = nodal_read(voltage, g, r_word=0.0, r_bit=0.0, curve=cell.curve)
        for v, currents in ((0.5, ideal[0]), (0.1, ideal[1])):
            torch.testing.assert_close(currents, v * cell.chord(g, v).sum(0), rtol=1e-12, atol=0.0)
        solved = nodal_solution(voltage, g, Lines(5.0, 5.0), curve=cell.curve)
        assert solved.residual <= 1e-9 and (solved.currents[:2] < ideal[:2]).all()
        torch.testing.assert_close(
            nodal_read(-voltage, g, r_word=5.0, r_bit=5.0, curve=cell.curve), -solved.currents
        )

    def test_numbers_of_curves(self):
        assert float(SinhCurve(0.2, 0.43)(torch.tensor(1e-5), torch.tensor(0.2))) == pytest.approx(2e-6)
        with pytest.raises(ValueError, match="above 0"):
            SinhCurve(0.2, 0.0)


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"r_word": -1.0}, "r_word=-1 ohm: 0 or above"),
            ({"r_bit": math.inf}, "r_bit=inf ohm"),
            ({"idle": "open"}, "grounded, floating, off"),
            ({"word_ends": "last"}, "first, both"),
        ],
    )
    def test_lines(self, change, told):
        with pytest.raises(ValueError, match=told):
            nodal_read(*an_array(), **({"r_word": 1.0, "r_bit": 1.0} | change))

    @pytest.mark.parametrize("idle", IDLE)
    def test_numbers(self, idle):
        voltage, g = an_array()
        how = {"r_word": 1.0, "r_bit": 1.0, "idle": idle}
        with pytest.raises(ValueError, match="infinite resistance is 0 S"):
            nodal_read(voltage, 1 / g, **how)
        with pytest.raises(ValueError, match=r"holds -0\.0001: 0 or above"):
            nodal_read(voltage, 0 * g - 1e-4, **how)
        with pytest.raises(ValueError, match="with the same R"):
            nodal_read(voltage, g.T, **how)
        with pytest.raises(ValueError, match="at least one input"):
            nodal_read(voltage[:0], g, **how)

    def test_arrays_prepared_once(self):
        with pytest.raises(ValueError, match="network of its own"):
            WiredArray(an_array()[1], Lines(1.0, 1.0, "off"))


def test_currents_have_gradients():
    voltage, g = an_array(4, 3, 2, top=1e-3)
    voltage, g = voltage.requires_grad_(), (g + 1e-5).requires_grad_()

    def read(voltage, g):
        return 1e3 * nodal_read(voltage, g, r_word=10.0, r_bit=10.0)

    assert torch.autograd.gradcheck(read, (voltage, g), eps=1e-8, atol=1e-5)
