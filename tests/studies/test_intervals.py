"""Intervals against closed forms, tables and their own definition."""

import math

import numpy as np
import pytest
from scipy import stats

from memsim.studies.evaluation.intervals import over_chips, wilson

Z = 1.959963984540054


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and ends of a share's interval."""
    found = over_chips(values, share=True)
    return found.mean, found.low, found.high


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (1, 10), (225, 450), (448, 450)])
def test_wilson_bounds_are_the_shares_that_the_score_test_just_keeps(successes: int, trials: int) -> None:
    """Wilson's interval is { p : |p_hat - p| <= z sqrt(p (1 - p) / n) }: its ends are edges."""
    share = successes / trials
    for bound in wilson(successes, trials):
        if 1e-9 < bound < 1 - 1e-9:
            assert abs(share - bound) == pytest.approx(Z * math.sqrt(bound * (1 - bound) / trials), rel=1e-9)


def test_wilson_at_the_ends_has_its_closed_form() -> None:
    """No success in n: 0 to z^2 / (n + z^2); all of n: the mirror image."""
    low, high = wilson(0, 20)
    assert low == pytest.approx(0, abs=1e-12)
    assert high == pytest.approx(Z**2 / (20 + Z**2))
    assert wilson(20, 20) == pytest.approx((1 - high, 1.0))


def test_wilson_agrees_with_scipy() -> None:
    expected = stats.binomtest(444, 450).proportion_ci(0.9, method="wilson")
    assert wilson(444, 450, 0.9) == pytest.approx((expected.low, expected.high))


def test_wilson_is_symmetric_in_success_and_failure() -> None:
    low, high = wilson(3, 50)
    assert wilson(47, 50) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (0, 0)])
def test_wilson_refuses_what_is_no_share(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="need 0 <= successes <= trials"):
        wilson(successes, trials)


def test_chips_interval_of_two_is_cauchy() -> None:
    """One degree of freedom is a Cauchy law: t = tan(0.475 pi) = 12.706; half the spread times that."""
    mean, low, high = interval([0.50, 0.51])
    half = math.tan(0.475 * math.pi) * 0.005
    assert (mean, low, high) == pytest.approx((0.505, 0.505 - half, 0.505 + half))


def test_chips_interval_of_three_has_its_closed_form() -> None:
    """Two degrees of freedom: t = (2p - 1) sqrt(2 / (1 - (2p - 1)^2)) with 2p - 1 = 0.95."""
    values = [0.50, 0.52, 0.57]
    mean, half = np.mean(values), 0.95 * math.sqrt(2 / (1 - 0.95**2)) * np.std(values, ddof=1) / math.sqrt(3)
    assert interval(values) == pytest.approx((mean, mean - half, mean + half))


def test_chips_interval_covers_as_often_as_it_says() -> None:
    """2,000 sets of five normal chips: 95 % of the intervals hold the truth, within 5 standard errors."""
    draws = np.random.Generator(np.random.Philox(1)).normal(0.5, 0.02, (2000, 5))
    found = [interval(row.tolist()) for row in draws]
    error = math.sqrt(0.95 * 0.05 / len(found))
    assert abs(np.mean([low <= 0.5 <= high for _, low, high in found]) - 0.95) < 5 * error
    narrow = [(low + 0.1 * (high - low), high - 0.1 * (high - low)) for _, low, high in found]
    assert abs(np.mean([low <= 0.5 <= high for low, high in narrow]) - 0.95) > 5 * error


def test_equal_chips_have_no_width_and_one_chip_tells_nothing() -> None:
    assert interval([0.75, 0.75, 0.75]) == (0.75, 0.75, 0.75)
    assert interval([0.75]) == (0.75, 0.0, 1.0)
    assert over_chips([0.75], share=False).high == math.inf


def test_chips_interval_stays_inside_shares() -> None:
    assert interval([1.0, 0.96])[2] == 1.0
