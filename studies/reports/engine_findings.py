"""Results of two engines with one card: the tiles of aihwkit and the arrays of memsim."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from memsim.studies.evaluation.unpaired import welch
from memsim.studies.reports.findings import interval, sets_of
from memsim.studies.reports.quantities import points

Summary = Mapping[str, Any]


def engines(summary: Summary) -> list[tuple[str, ...]]:
    """Return engine, data set, accuracy with its interval over chips, over chips and images, same answers."""
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
    """Return whether the engines differ, by Welch's interval over chips, and the effects that both lack."""
    if "beside" not in summary:
        return ""
    ours, theirs = (one["crossbar"]["accuracy"]["per_chip"] for one in (summary["beside"], summary))
    words = [f"Effects that aihwkit does not have are off in both: {', '.join(summary['lacking'])}."]
    words = words if summary["lacking"] else []
    if min(len(ours), len(theirs)) < 2:
        return " ".join([*words, "One chip each: the engines cannot be compared."])
    difference, found = statistics.fmean(theirs) - statistics.fmean(ours), welch(ours, theirs)
    if found.low == found.high:
        words.append(
            f"The mean accuracy with aihwkit differs from that with memsim by {points(difference)} points. "
            "All chips of an engine are equal, so there is no interval, and the difference is not "
            "significant."
        )
        return " ".join(words)
    words.append(
        f"The mean accuracy with aihwkit differs from that with memsim by {points(difference)} points "
        f"[{points(found.low)}, {points(found.high)}] on these images; the difference is "
        f"{'' if found.sign else 'not '}significant."
    )
    return " ".join(words)
