"""The checks themselves: they pass what is right and fail what is 3 % wrong."""

import numpy as np
import pytest

from tests.statistics import assert_mean, assert_same_law, assert_same_mean, assert_same_std, assert_std


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return 2.0 + 0.5 * rng.standard_normal(100_000), 2.0 + 0.5 * rng.standard_normal(100_000)


def test_right_samples_pass(samples):
    a, b = samples
    assert_mean(a, 2.0)
    assert_std(a, 0.5)
    assert_same_mean(a, b)
    assert_same_std(a, b)
    assert_same_law(a, b)


@pytest.mark.parametrize(
    "check",
    [
        lambda a, b: assert_mean(1.03 * a, 2.0),
        lambda a, b: assert_std(1.03 * a, 0.5),
        lambda a, b: assert_same_mean(1.03 * a, b),
        lambda a, b: assert_same_std(1.03 * a, b),
        lambda a, b: assert_same_law(1.03 * a, b),
        lambda a, b: assert_mean(np.append(a, np.nan), 2.0),
    ],
)
def test_wrong_samples_fail(samples, check):
    with pytest.raises(AssertionError):
        check(*samples)
