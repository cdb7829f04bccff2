"""STDP attention against other kinds of attention, trained or exchanged, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HOW = {"trained": "trained in the same way", "exchanged": "exchanged at inference, nothing retrained"}


def worth_table(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return the header and cells: a line for each attention and how it came in, columns for each test
    set.
    """
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    header = ["attention", "how"]
    for name in sets:
        header += [f"{name}: accuracy [%]", f"{name}: cross-entropy [nat]"]
    header += [f"{sets[-1]}: right where STDP is wrong / the reverse [images]"]
    lines: dict[tuple[str, str], list[str]] = {}
    for name in sets:
        for row in (r for r in rows if r["dataset"] == name):
            line = lines.setdefault((row["attention"], row["how"]), [row["attention"], HOW[row["how"]]])
            low, high = 100 * row["low"], 100 * row["high"]
            line += [f"{100 * row['accuracy']:.2f} [{low:.2f}, {high:.2f}]", f"{row['cross_entropy']:.4f}"]
            if name == sets[-1]:
                line += [f"{row['only_this']} / {row['only_stdp']}"]
    return header, list(lines.values())
