"""Differences of two runs on other chips or other images: intervals where nothing can be paired."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from memsim.studies.evaluation.intervals import LEVEL, Estimate, Span, over_both
from memsim.studies.evaluation.marks import table
from memsim.studies.evaluation.points import Point


def welch(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Span:
    """Return Welch's interval of mean(b) - mean(a) of two independent samples.

    var = s_a^2 / n_a + s_b^2 / n_b, with Satterthwaite's degrees of freedom (Welch, Biometrika 34, 28, 1947).
    A sample of one has no spread: everything is possible. Equal values on both sides have no width.
    """
    difference = fmean(b) - fmean(a)
    if min(len(a), len(b)) < 2:
        return Span(-math.inf, math.inf)
    return _around(difference, [(variance(one) / len(one), len(one) - 1) for one in (a, b)], level)


def _around(centre: float, parts: Sequence[tuple[float, int]], level: float) -> Span:
    """Student's interval of a sum of independent variances, each with its degrees of freedom."""
    total = sum(part for part, _ in parts)
    if not total > 0:
        return Span(centre, centre)
    freedom = total**2 / sum(part**2 / free for part, free in parts)
    half = float(student.ppf(0.5 + level / 2, freedom)) * math.sqrt(total)
    return Span(centre - half, centre + half)


def apart(a: Point, b: Point, column: str) -> Estimate:
    """Return the mean of b minus that of a with intervals; chips are not paired.

    Over chips: Welch's. Over chips and images: where both saw the same images, these are paired
    (`over_same_images`); else from the intervals of both (`mover`). KeyError for a column that either lacks.
    """
    ours, theirs = b.per_chip[column], a.per_chip[column]
    here = welch(theirs, ours)
    chips = min(len(ours), len(theirs))
    found = Estimate(
        mean=fmean(ours) - fmean(theirs), low=here.low, high=here.high, chips=chips, halving=None
    )
    return replace(found, task=over_chips_and_images(a, b, column))


def over_chips_and_images(a: Point, b: Point, column: str) -> Span | None:
    """Return the interval over chips and images of b minus a; None where it is not known which images
    counted.
    """
    if column not in a.marks or column not in b.marks:
        return None
    first, second = table(a.marks[column]), table(b.marks[column])
    if a.shared.get("dataset") == b.shared.get("dataset") and first.shape[1] == second.shape[1]:
        return over_same_images(first, second)
    means = float(first.mean()), float(second.mean())
    return mover(means[0], over_both(first, share=True), means[1], over_both(second, share=True))


def over_same_images(a: NDArray, b: NDArray, level: float = LEVEL) -> Span:
    """Return the interval of mean(b) - mean(a), tables (chips, images) of 0 and 1: other chips, same images.

    The variance is that of each image's difference over images, plus that of chips in either run; part of
    the chips' is in the first as well, so that the interval is too wide rather than too narrow. One image
    of each sign is added, as in `over_both`; of one chip alone no spread of chips is known.
    """
    apart_by_image = np.append(b.mean(0) - a.mean(0), [1.0, -1.0])
    parts = [(float(apart_by_image.var(ddof=1)) / len(apart_by_image), len(apart_by_image) - 1)]
    parts += [(float(one.mean(1).var(ddof=1)) / len(one), len(one) - 1) for one in (a, b) if len(one) > 1]
    return _around(float(b.mean() - a.mean()), parts, level)


def mover(a: float, span_a: Span, b: float, span_b: Span) -> Span:
    """Return the interval of b - a of independent estimates from the interval of each.

    low = b - a - sqrt((b - low_b)^2 + (high_a - a)^2), high likewise
    (Newcombe, Statistics in Medicine 17, 873, 1998, method 10).
    """
    low = b - a - math.hypot(b - span_b.low, span_a.high - a)
    return Span(low, b - a + math.hypot(span_b.high - b, a - span_a.low))
