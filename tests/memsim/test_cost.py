"""Costs add in series, run side by side, and are never negative."""

import pytest

from memsim import Cost

A, B = Cost(1.0, 2.0, 3.0), Cost(5.0, 1.0, 7.0)


def test_in_series_everything_adds():
    assert A + B == Cost(6.0, 3.0, 10.0)
    assert 3 * A == A + A + A == A * 3


def test_in_parallel_the_longer_latency_counts():
    assert A | B == B | A == Cost(6.0, 2.0, 10.0)
    assert A.abreast(3) == A | A | A


@pytest.mark.parametrize("value", [-1e-30, float("nan"), float("inf")])
@pytest.mark.parametrize("field", ["energy", "latency", "area"])
def test_no_cost_is_negative_or_undefined(field, value):
    with pytest.raises(ValueError, match=f"{field} = "):
        Cost(**{field: value})
    with pytest.raises(ValueError, match="energy = "):
        _ = -1 * A
