"""Intervals of differences where chips or images are others: against scipy, closed forms, simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from memsim.studies.evaluation.intervals import Span
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.unpaired import apart, mover, over_same_images, welch

A, B = [0.90, 0.92, 0.95, 0.91], [0.88, 0.97, 0.93]


def marks(table: np.ndarray) -> list[str]:
    """Marks of a table (chips, images) of truth values."""
    return [f"{len(row)}:{np.packbits(row.astype(bool)).tobytes().hex()}" for row in table]


def point(table: np.ndarray, data: str = "one") -> Point:
    """A run whose chips were right on these images."""
    chips = list(range(len(table)))
    column = {"accuracy [1]": table.mean(1).tolist()}
    own = {"accuracy [1]": marks(table)}
    return Point(labels={}, chips=chips, per_chip=column, marks=own, shared={"dataset": data})


def test_welch_is_that_of_scipy() -> None:
    found = stats.ttest_ind(B, A, equal_var=False).confidence_interval()
    assert welch(A, B) == pytest.approx((found.low, found.high), rel=1e-12)
    assert welch(B, A) == pytest.approx((-found.high, -found.low), rel=1e-12)


def test_one_chip_has_no_spread_and_equal_chips_no_width() -> None:
    assert welch([0.9], B) == Span(-math.inf, math.inf)
    assert welch([0.9, 0.9], [0.8, 0.8]) == pytest.approx((-0.1, -0.1))


def test_mover_of_symmetric_intervals_adds_their_squares() -> None:
    found = mover(0.5, Span(0.47, 0.53), 0.6, Span(0.56, 0.64))
    assert found == pytest.approx((0.05, 0.15))
    lopsided = mover(0.99, Span(0.90, 1.0), 0.99, Span(0.90, 1.0))
    assert lopsided == pytest.approx((-math.hypot(0.09, 0.01), math.hypot(0.09, 0.01)))


def test_the_same_images_are_paired_and_others_are_not() -> None:
    """One image in three is hard for every chip: pairs take that out, other images cannot."""
    rng = np.random.default_rng(0)
    easy = rng.random(300) > 1 / 3
    first, second = (easy & (rng.random((5, 300)) > 0.02) for _ in range(2))
    same, other = (apart(point(first), point(second, data), "accuracy [1]") for data in ("one", "two"))
    assert same.mean == other.mean == pytest.approx(second.mean() - first.mean())
    assert (same.low, same.high) == (other.low, other.high) == welch(first.mean(1), second.mean(1))
    assert same.task is not None and other.task is not None
    assert same.task.high - same.task.low < 0.5 * (other.task.high - other.task.low)


def test_runs_of_which_no_answers_are_kept_have_an_interval_over_chips_alone() -> None:
    bare = Point(labels={}, chips=[0, 1, 2], per_chip={"margin [1]": [1.0, 2.0, 4.0]})
    found = apart(bare, bare, "margin [1]")
    assert found.task is None and found.mean == 0 and found.low == -found.high < 0


@pytest.mark.parametrize("chips", [1, 4])
def test_the_interval_over_other_chips_and_images_holds_the_truth(chips: int) -> None:
    """Of runs 3 points apart: in 95 % of trials less four standard errors at least; 0 in fewer."""
    rng, trials, spread = np.random.default_rng(chips), 400, 0.004 * (chips > 1)
    held = {0.0: 0, 0.03: 0}
    for _ in range(trials):
        hard = rng.random(400)
        runs = []
        for share in (0.90, 0.93):
            of_chip = share + rng.normal(0, spread, (chips, 1))
            # (U + V) / 2 < c of two uniform numbers, one of the image, has the probability 1 - 2 (1 - c)^2
            runs.append((hard + rng.random((chips, 400))) / 2 < 1 - np.sqrt((1 - of_chip) / 2))
        low, high = over_same_images(*(run.astype(float) for run in runs))
        held = {truth: count + (low <= truth <= high) for truth, count in held.items()}
    assert held[0.03] / trials > 0.95 - 4 * math.sqrt(0.95 * 0.05 / trials)
    assert held[0.0] < held[0.03] / 2 or chips == 1
