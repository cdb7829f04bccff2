"""Rate laws against closed forms and scipy's quad: threshold-exponential and the gap model."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from memsim import devices
from memsim.devices import GapModel, ThresholdExponential, coded_pulses, pulse_response
from memsim.devices.stdp.rate_law import drive

GAPS = np.array([0.1, 0.5, 1.0, 1.7]) * 1e-9
NM = 1e-9


def test_threshold_law_by_hand():
    law = ThresholdExponential(v_th=1.0, v0=0.5, i0=3.0)
    v = np.array([-1.5, -1.0, 0.0, 0.999, 1.0, 1.25])
    expected = 3 * np.array([-(np.exp(3) - np.exp(2)), 0, 0, 0, 0, np.exp(2.5) - np.exp(2)])
    np.testing.assert_allclose(law.rate(v, np.zeros(6)), expected, rtol=1e-12)


def test_gap_conductances():
    """Chen & Yu's device: 100, 23, 3.8, .30 uS at .1 V, and 1.23 times that at .5 V."""
    law = GapModel()
    np.testing.assert_allclose(1e6 * law.weight(GAPS), [100, 23, 3.8, 0.30], rtol=0.02)
    nonlinearity = law.current(np.array(0.5), GAPS) / 0.5 / law.weight(GAPS)
    np.testing.assert_allclose(nonlinearity, 1.23, atol=0.005)


def test_gap_rates_and_half_select():
    """At g = 1 nm and 300 K: 7.8 um/s at 1.4 V, 59 pm/s at 1.0 V, 29.5 /V; half of 1.4 V 1e8 times slower."""
    law, v = GapModel(), np.array([1.4, 1.0, 0.7, 0.0])
    rate = -law.rate(v, np.full(4, NM))
    assert rate[0] == pytest.approx(7.8e-6, rel=0.01) and rate[1] == pytest.approx(5.9e-11, rel=0.01)
    assert np.log(rate[0] / rate[1]) / 0.4 == pytest.approx(29.5, abs=0.05)
    assert 1e8 < rate[0] / rate[2] < 1e9
    assert -1e-22 < rate[3] < 0, "at rest the gap grows, for 1e13 s"
    hotter = GapModel(temperature=350.0)
    assert -hotter.rate(v, np.full(4, NM))[1] == pytest.approx(
        150 * np.exp((-1.501 + 0.7625) / 0.0301607), rel=1e-3
    )


def exact_pulse(law, gap, v, width):
    """The gap after a constant voltage, from the time it takes: t(g) = integral dg / rate, by quad."""

    def time(end):
        return quad(lambda g: 1 / float(law.rate(np.array(v), np.array(g))), gap, end, epsrel=1e-11)[0]

    low, high = (law.g_min * (1 + 1e-9), gap) if v > 0 else (gap, law.g_max * (1 - 1e-9))
    for _ in range(60):
        middle = (low + high) / 2
        passed = time(middle) > width
        low, high = (middle, high) if passed == (v > 0) else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize(
    ("gap", "v", "width"), [(1.0, 1.2, 5e-5), (1.0, -1.2, 5e-5), (0.4, 1.1, 1e-2), (1.5, 1.2, 3.0)]
)
def test_a_pulse_takes_the_gap_where_its_rate_says(gap, v, width):
    law, start = GapModel(), np.array([gap * NM])
    after = drive(law, start, lambda t: np.full_like(t, v), np.array([[0.0], [width]]))[0]
    expected = exact_pulse(law, gap * NM, v, width)
    assert abs(expected - start[0]) > 1e-3 * NM
    assert after - start[0] == pytest.approx(expected - start[0], rel=1e-5)


@pytest.mark.parametrize("v", [2.5, -2.5])
def test_the_gap_stays_between_its_bounds(v):
    law = GapModel()
    weight = law.weight(GAPS) + pulse_response(law, GAPS, v, 1.0)
    bound = law.g_min if v > 0 else law.g_max
    np.testing.assert_allclose(weight, law.weight(np.full(4, bound)), rtol=1e-4)


def test_threshold_law_is_additive():
    change = pulse_response(ThresholdExponential(), np.linspace(-2, 2, 5), 1.2, 3e-3)
    np.testing.assert_allclose(change, 3e-3 * (np.exp(8.4) - np.exp(7)), rtol=1e-6)


@pytest.mark.parametrize("v", [1.1, -1.1])
def test_gap_law_is_multiplicative(v):
    """Identical pulses change G by G |dg| / g0, and |dg| falls with the cube of the gap: the measured power
    d ln dG / d ln G is 1 + 3.75 (g / nm)^2 (g0 / nm) a0 V / (L kT), 1 for small gaps.
    """
    law = GapModel()
    gap = np.linspace(0.15, 1.2, 22) * NM
    width = 1e-3 * law.g0 / np.abs(law.rate(np.array(v), gap)).max()
    change, weight = pulse_response(law, gap, v, width), law.weight(gap)
    assert bool((np.sign(change) == np.sign(v)).all())
    power = np.gradient(np.log(np.abs(change)), gap) / np.gradient(np.log(weight), gap)
    expected = 1 + 3.75 * (gap / NM) ** 2 * 0.27505 * 0.05 * abs(v) / (8.617333e-5 * 300)
    np.testing.assert_allclose(power[2:-2], expected[2:-2], rtol=0.01)
    assert power[2] < 1.2 and power[-3] > 3


@pytest.mark.parametrize("name", ["reram-om", "ecram-li"])
def test_soft_bounds_are_multiplicative_the_other_way(name):
    """Where steps shrink towards a bound, an up pulse moves a device less the more it was potentiated: dw+
    falls with w, that of a gap rises.
    """
    cell, n = devices.get(name).only(), torch.arange(100)
    fabric = cell.fabricate(n.shape, rng=devices.stream(0))
    w = cell.rewrite(fabric, n[None, None], rng=devices.stream(1), image=None, step=None)[0, 0].double()
    step = np.diff(w)
    moving = step > 0.01 * step[0]
    assert moving.sum() > 20 and np.corrcoef(w[:-1][moving], step[moving])[0, 1] < -0.999
    gap = np.linspace(1.0, 0.2, 30) * NM
    change = pulse_response(GapModel(), gap, 1.1, 1e-9)
    assert np.polyfit(GapModel().weight(gap), change, 1)[0] > 0


class TestCoding:
    delay = np.linspace(0, 60e-3, 13)
    part = np.exp(-delay / 20e-3)

    def written(self, coding, rate, part=part):
        voltage, width, number = coded_pulses(part, coding, voltage=1.3, width=1e-3, v0=1 / 7, n_max=16)
        return number * width * rate(voltage)

    def test_a_linear_ramp_through_an_exponential_rate_is_an_exponential_window(self):
        voltage = coded_pulses(self.part, "amplitude", voltage=1.3, width=1e-3, v0=1 / 7).voltage
        np.testing.assert_allclose(np.diff(voltage, 2), 0, atol=1e-12)
        assert (voltage[0] - voltage[-1]) / 60e-3 == pytest.approx(1 / 7 / 20e-3), "v0 / tau volts a second"
        window = self.written("amplitude", lambda v: np.exp(v / (1 / 7)))
        np.testing.assert_allclose(window / window[0], self.part, rtol=1e-12)

    def test_the_gap_model_makes_it_so_to_its_own_curvature(self):
        """v0 at 1 nm is kT L / (gamma a0) = 34 mV; without a threshold the ramp holds to a part in 1e8."""
        law, v0 = GapModel(), 8.617333e-5 * 300 * 20 / 15.25
        assert v0 == pytest.approx(0.034, abs=1e-4)
        voltage, width, _ = coded_pulses(self.part, "amplitude", voltage=1.3, width=1e-8, v0=v0)
        moved = -law.rate(voltage, np.full_like(voltage, NM)) * width
        np.testing.assert_allclose(moved / moved[0], self.part, rtol=1e-8)

    def test_a_threshold_takes_a_constant_off_the_exponential(self):
        law = ThresholdExponential()
        window = self.written("amplitude", lambda v: law.rate(v, np.zeros_like(v)))
        lost = np.exp(7) * 1e-3
        expected = np.maximum(np.exp(1.3 * 7) * 1e-3 * self.part - lost, 0)
        np.testing.assert_allclose(window, expected, rtol=1e-9, atol=1e-12)
        assert window[-1] == 0

    def test_width_is_exact_and_count_its_rounding_on_a_linear_device(self):
        """One pulse of width t f and n f pulses of t / n differ by rounding alone; over all f in the mean by
        nothing.
        """
        law = ThresholdExponential()
        part = np.linspace(0, 1, 1601)
        one, many = (self.written(c, lambda v: law.rate(v, 0 * v), part) for c in ("width", "count"))
        full = one[-1]
        np.testing.assert_allclose(one, full * part, rtol=1e-12)
        assert np.abs(many - one).max() == pytest.approx(full / 32, rel=1e-9)
        assert abs((many - one).mean()) < 1e-3 * full / 16

    @pytest.mark.parametrize("coding", ["amplitude", "width", "count"])
    def test_nothing_is_written_for_nothing(self, coding):
        law = ThresholdExponential()
        assert self.written(coding, lambda v: law.rate(v, 0 * v), np.zeros(2)).tolist() == [0, 0]

    def test_refusals(self):
        with pytest.raises(ValueError, match=r"no coding 'frequency'.*amplitude, width, count"):
            coded_pulses(np.ones(1), "frequency", voltage=1.0, width=1.0)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"part = 0 .. 1.5: 0 to 1"):
            coded_pulses(np.array([0, 1.5]), "width", voltage=1.0, width=1.0)
