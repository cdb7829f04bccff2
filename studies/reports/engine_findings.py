"""What two engines found of one card: aihwkit's tiles beside memsim's arrays."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from scipy import stats

from memsim.studies.reports.findings import interval, sets_of
from memsim.studies.reports.quantities import points

Summary = Mapping[str, Any]


def engines(summary: Summary) -> list[tuple[str, ...]]:
    """Engine, data set, accuracy with its interval over chips, over chips and images, same answers."""
    if "beside" not in summary:
        return []
    rows = []
    for engine, one in (("aihwkit", summary), ("memsim", {**summary, **summary["beside"]})):
        for name, part in sets_of(one).items():
            found = part["crossbar"]["accuracy"]
            low, high = (100 * found["task"][end] for end in ("low", "high"))
            answers = f"{100 * part['agreement']:.2f} %"
            rows.append((engine, name, interval(found["mean"], found), f"[{low:.2f}, {high:.2f}]", answers))
    return rows


def verdict(summary: Summary) -> str:
    """Whether the engines are told apart, by Welch's interval over chips; which effects neither has."""
    if "beside" not in summary:
        return ""
    ours, theirs = (one["crossbar"]["accuracy"]["per_chip"] for one in (summary["beside"], summary))
    words = [f"Effects that aihwkit does not have are off in both: {', '.join(summary['lacking'])}."]
    words = words if summary["lacking"] else []
    if min(len(ours), len(theirs)) < 2:
        return " ".join([*words, "One chip each: the engines cannot be compared."])
    difference = statistics.fmean(theirs) - statistics.fmean(ours)
    parts = [statistics.variance(one) / len(one) for one in (ours, theirs)]
    error = math.sqrt(sum(parts))
    if error == 0:
        words.append(
            f"aihwkit's chips differ from memsim's by {points(difference)} points of accuracy; the chips of "
            "an engine are all equal, so that this has no interval: not told apart."
        )
        return " ".join(words)
    freedom = sum(parts) ** 2 / sum(p**2 / (len(ours) - 1) for p in parts)
    half = float(stats.t.ppf(0.975, freedom)) * error
    apart = "told apart" if abs(difference) > half else "not told apart"
    words.append(
        f"aihwkit's chips differ from memsim's by {points(difference)} points of accuracy "
        f"[{points(difference - half)}, {points(difference + half)}] on these images: {apart}."
    )
    return " ".join(words)
