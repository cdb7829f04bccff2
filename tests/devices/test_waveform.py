"""Spikes and their pairs: values by hand, overlap, refusals."""

import numpy as np
import pytest

from memsim import devices
from memsim.devices.stdp.waveform import Spike, SpikePair


def test_the_source_s_spike_by_hand():
    """At -1 ms (e^(-1/3) - e^(-5/3)) / (1 - e^(-5/3)) V; the tail likewise at 40 ms."""
    v = Spike().voltage(np.array([-6e-3, -5e-3, -1e-3, -1e-12, 0.0, 40e-3, 75e-3, 1.0]))
    peak = (np.exp(-1 / 3) - np.exp(-5 / 3)) / (1 - np.exp(-5 / 3))
    tail = (np.exp(-1) - np.exp(-75 / 40)) / (1 - np.exp(-75 / 40))
    np.testing.assert_allclose(v, [0, 0, peak, 1, -0.25, -0.25 * tail, 0, 0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("shape", "half"), [("linear", 0.5), ("rectangular", 1.0)])
def test_other_shapes_by_hand(shape, half):
    spike = Spike(peak=1.2, rise=4e-3, tail=0.3, fall=60e-3, shape=shape)
    v = spike.voltage(np.array([-5e-3, -2e-3, -1e-9, 0, 30e-3, 61e-3]))
    np.testing.assert_allclose(v, [0, 1.2 * half, 1.2, -0.3, -0.3 * half, 0], rtol=1e-6)


def test_the_earlier_spike_lifts_the_later_one_s_peak():
    """dt = t_pre - t_post: at dt < 0 the row's tail adds to the column's peak, else the reverse."""
    pair = SpikePair(a_pre=0.8, post=Spike(tail=0.2))
    before = -1e-9  # just before the postsynaptic peak, 10 ms after the presynaptic one
    tail = -Spike().voltage(np.array(10e-3))
    assert pair.voltage(np.array(before), np.array(-10e-3)) == pytest.approx(1 + 0.8 * tail, rel=1e-6)
    later = -0.8 - 0.2 / 0.25 * tail
    assert pair.voltage(np.array(10e-3 - 1e-9), np.array(10e-3)) == pytest.approx(later, rel=1e-6)


def test_knots_are_where_the_voltage_jumps_or_bends_and_nothing_lies_outside():
    pair, dt = SpikePair(), np.array([-90e-3, -3e-3, 0.0, 20e-3])
    knots = pair.knots(dt)
    assert knots.shape == (6, 4) and bool((np.diff(knots, axis=0) >= 0).all())
    assert pair.reach == pytest.approx(80e-3)
    for outside in (knots[0] - 1e-9, knots[-1] + 1e-9):
        assert not pair.voltage(outside, dt).any()
    t = np.linspace(-0.2, 0.2, 40_001)[:, None]
    bend = np.abs(np.diff(pair.voltage(t, dt), 2, axis=0))
    sharp = t[1:-1][(bend > 1e-2).any(1)]
    assert len(sharp) and np.abs(sharp - knots.ravel()).min(1).max() < 2e-5


def test_equal_spikes_at_once_cancel():
    t = np.linspace(-0.01, 0.1, 999)
    assert not SpikePair(a_pre=1.0).voltage(t, np.array(0.0)).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Spike(rise=5.0, fall=75.0), "fall = 75 s.*up to 10 s; did you pass milliseconds"),
        (lambda: Spike(peak=1000.0), "peak = 1000 V.*millivolts"),
        (lambda: Spike(tail=0.0), "tail = 0 V"),
        (lambda: Spike(tau_fall=float("nan")), "tau_fall = nan s"),
        (lambda: Spike(shape="sawtooth"), "sawtooth.*exponential, linear, rectangular"),  # type: ignore[arg-type]
        (lambda: SpikePair(a_pre=1.5), "a_pre = 1.5: 0 to 1"),
        (lambda: devices.ThresholdExponential(v0=1e-3), "v0 = 0.001 V"),
        (lambda: devices.ThresholdExponential(v0=7.0), "v0 = 7 V.*did you pass 1 / v0"),
        (lambda: devices.ThresholdExponential(v_th=-1.0), "v_th = -1 V"),
        (lambda: devices.ThresholdExponential(i0=0.0), "i0 = 0"),
        (lambda: devices.GapModel(start=1.0), "start = 1 m.*nanometres"),
        (lambda: devices.GapModel(g_max=1.7), "g_max = 1.7 m.*nanometres"),
        (lambda: devices.GapModel(temperature=27.0), "temperature = 27 K.*Celsius"),
        (lambda: devices.stdp_window(delay=[-1e-3, 1e-3]), "delay: .*from 0 upwards"),
        (lambda: devices.stdp_window(delay=[2e-3, 1e-3]), "ascending"),
        (
            lambda: devices.stdp_window(
                SpikePair(post=Spike(peak=20.0)), devices.ThresholdExponential(v0=0.01)
            ),
            "20.* V is more than this law can take",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_field(make, message):
    with pytest.raises(ValueError, match=message):
        make()
