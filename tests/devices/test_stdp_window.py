"""Windows of spike pairs: the published figures, closed forms, scipy's quad, and what a lone spike does."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from memsim.devices import GapModel, Spike, SpikePair, STDPWindow, ThresholdExponential, stdp_window

MS = 1e-3
DELAY = np.arange(5, 41) * MS  #: where the source's time constants are fitted
LOBES = ("potentiation", "depression")


def by_quad(pair, law, dt):
    """The change by scipy's quad, between jumps and threshold crossings found on a fine grid."""
    knots = np.unique(pair.knots(np.array(dt)))
    total = 0.0
    for begin, end in pairwise(knots):
        inner = begin + (end - begin) * np.linspace(1e-9, 1 - 1e-9, 4001)
        over = np.abs(pair.voltage(inner, np.array(dt))) > law.v_th
        crossed = np.flatnonzero(over[1:] != over[:-1])
        cuts = np.concatenate([inner[[0]], np.sort([*inner[crossed], *inner[crossed + 1]]), inner[[-1]]])
        for a, b in pairwise(cuts):
            total += quad(lambda t: float(law.rate(pair.voltage(np.array(t), np.array(dt)), 0.0)), a, b)[0]
    return total


@pytest.mark.parametrize("a_pre", [0.9, 1.0])
def test_window_is_the_integral_of_the_rate(a_pre):
    pair, law = SpikePair(a_pre=a_pre), ThresholdExponential()
    delay = np.array([0.1, 0.7, 2, 4.9, 12, 24, 40, 70]) * MS
    window = stdp_window(pair, law, delay)
    for change, sign in ((window.potentiation, -1), (window.depression, 1)):
        expected = [by_quad(pair, law, sign * d) for d in delay]
        np.testing.assert_allclose(change, expected, rtol=0, atol=2e-6 * window.height("potentiation"))


def test_published_unequal_spikes():
    """a_pre = .9: tau 12.6 ms; the depressing lobe has 40 % of the height and ends."""
    window = stdp_window(SpikePair(a_pre=0.9))
    fit = stdp_window(SpikePair(a_pre=0.9), delay=DELAY).fit("potentiation")
    assert fit.tau == pytest.approx(12.64 * MS, abs=0.01 * MS) and fit.r2 > 0.9997
    near = stdp_window(delay=np.arange(1, 21) * MS / 10)
    heights = [near.height(lobe) for lobe in LOBES]
    assert heights[1] / heights[0] == pytest.approx(0.393, abs=0.001)
    assert bool((window.potentiation >= 0).all()) and bool((window.depression <= 0).all())
    assert window.support("depression") < 28.4 * MS < 70 * MS < window.support("potentiation")


def test_published_equal_spikes_are_symmetric():
    fits = [stdp_window(SpikePair(a_pre=1.0), delay=DELAY).fit(lobe) for lobe in LOBES]
    for fit in fits:
        assert fit.tau == pytest.approx(12.36 * MS, abs=0.01 * MS) and fit.r2 > 0.9999
    window = stdp_window(SpikePair(a_pre=1.0))
    np.testing.assert_allclose(window.depression, -window.potentiation, atol=1e-6)


@pytest.mark.parametrize(("per_v0", "tau"), [(1, 14.47), (3, 13.78), (7, 12.36), (12, 10.59)])
def test_a_steeper_law_makes_a_shorter_window(per_v0, tau):
    """About .3 tau- throughout; recalled as 14.2, 13.6, 12.3, 10.9 ms, which no range of the fit gives."""
    law = ThresholdExponential(v0=1 / per_v0)
    assert stdp_window(SpikePair(a_pre=1.0), law, DELAY).fit("potentiation").tau == pytest.approx(
        tau * MS, abs=0.01 * MS
    )


@pytest.mark.parametrize("a_pre", [0.7, 0.8, 0.9])
def test_support_ends_where_tail_and_peak_fall_below_the_threshold(a_pre):
    """a_pre + tail(x) = v_th: at x = 28.4 ms for a_pre = .9."""
    last = np.exp(-75 / 40)
    needed = (1 - a_pre) / 0.25 * (1 - last) + last
    end = -40 * MS * np.log(needed)
    if a_pre <= 0.75:
        assert not stdp_window(SpikePair(a_pre=a_pre)).depression.any(), "its tail never lifts it enough"
        return
    inside, outside = stdp_window(SpikePair(a_pre=a_pre), delay=[0.98 * end, 1.001 * end]).depression
    assert inside < 0 and outside == 0
    assert stdp_window(SpikePair(a_pre=a_pre)).support("depression") == pytest.approx(end, rel=0.05)
    if a_pre == 0.9:
        assert end == pytest.approx(28.37 * MS, abs=0.01 * MS)


def test_a_lone_spike_never_writes():
    far = [90 * MS, 200 * MS]
    for pair in (SpikePair(a_pre=1.0), SpikePair(a_pre=0.0), SpikePair(a_post=0.0, a_pre=1.0)):
        alone = stdp_window(pair, delay=far)
        assert not alone.potentiation.any() and not alone.depression.any()


def test_a_lone_spike_hardly_moves_a_gap():
    """There is no threshold, yet a peak alone moves a thousandth of what a pair does."""
    pair, law = SpikePair(a_pre=1.0), GapModel()
    alone = stdp_window(SpikePair(a_pre=0.0), law, [1 * MS]).potentiation[0]
    both = stdp_window(pair, law).height("potentiation")
    assert 0 < alone < 2e-3 * both


def test_rectangular_spikes_make_a_box():
    """W = f(A+ + a A-) times the overlap of a peak with the other's tail: closed form."""
    pair, law = (
        SpikePair(pre=Spike(shape="rectangular"), post=Spike(shape="rectangular")),
        ThresholdExponential(),
    )
    delay = np.array([0.5, 2, 5, 20, 50, 74.9, 77, 79, 81]) * MS
    overlap = np.minimum(np.minimum(delay, 5 * MS), np.maximum(80 * MS - delay, 0))
    window = stdp_window(pair, law, delay)
    for change, v in ((window.potentiation, 1 + 0.9 * 0.25), (window.depression, -(0.9 + 0.25))):
        expected = overlap * law.rate(np.array(v), 0.0)
        np.testing.assert_allclose(change, expected, rtol=1e-5, atol=1e-12)


def test_linear_spikes_make_a_ramp():
    """A peak of slope s from 1 V to v: W = (v0 (e^(v/v0) - e^(1/v0)) - (v - 1) e^(1/v0)) / s."""
    shape = {"shape": "linear"}
    pair, v0 = SpikePair(pre=Spike(**shape), post=Spike(**shape), a_pre=1.0), 1 / 3
    delay = np.linspace(5, 75, 15) * MS
    v = 1 + 0.25 * (1 - delay / (75 * MS))
    slope = 1 / (5 * MS) - 0.25 / (75 * MS)
    expected = (v0 * (np.exp(v / v0) - np.exp(1 / v0)) - (v - 1) * np.exp(1 / v0)) / slope
    window = stdp_window(pair, ThresholdExponential(v0=v0), delay)
    np.testing.assert_allclose(window.potentiation, expected, rtol=1e-5, atol=1e-5 * expected[0])
    root = np.sqrt(window.potentiation)  # W ~ (v - 1)^2: its root is the ramp
    line = np.polyfit(delay, root, 1)
    assert np.abs(root - np.polyval(line, delay)).max() < 0.03 * root[0]


def test_gap_model_makes_an_exponential_window():
    """Equal spikes: both lobes exponential, of a shorter time constant since its rate is steeper (34 mV)."""
    window = stdp_window(SpikePair(a_pre=1.0), GapModel())
    for lobe, tau in zip(LOBES, (5.0, 5.3), strict=True):
        fit = window.fit(lobe)
        assert fit.tau == pytest.approx(tau * MS, rel=0.01) and fit.r2 > 0.999
    assert window.height("depression") / window.height("potentiation") == pytest.approx(0.946, abs=0.005)


def test_a_fit_returns_what_made_it():
    delay = np.linspace(0, 30, 31) * MS
    made = STDPWindow(delay, 3 * np.exp(-delay / (7 * MS)), -2 * np.exp(-delay / (4 * MS)))
    assert made.fit("potentiation") == pytest.approx((7 * MS, 3.0, 1.0), rel=1e-6)
    assert made.fit("depression", 5 * MS, 20 * MS) == pytest.approx((4 * MS, 2.0, 1.0), rel=1e-6)
    with pytest.raises(ValueError, match=r"depression has 0 changes at 0\.04 \.\. inf s; 3 are needed"):
        made.fit("depression", 40 * MS)


def test_the_table_is_over_the_larger_lobe():
    table = stdp_window(delay=np.arange(0, 80) * MS).table()
    assert max(table["potentiation"]) == 1 and max(table["depression"]) == pytest.approx(0.378, abs=0.001)
    assert table["delay"][0] == table["potentiation"][0] == 0.0 and min(table["depression"]) == 0
    with pytest.raises(ValueError, match="this window is zero"):
        stdp_window(SpikePair(a_pre=0.0)).table()
