"""What attention is worth, as a table on the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def worth_grid(rows: list[dict[str, Any]]) -> Table:
    """Return what STDP attention is worth, one line for each kind of attention and how it came in."""
    sets = list(dict.fromkeys(row["dataset"] for row in rows))
    table = Table(
        title="STDP attention against other attention (digital; accuracy [95 % interval])", box=None
    )
    for column in ("attention", "how", *sets, "CE [nat]"):
        table.add_column(column, no_wrap=True)
    lines: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        share = f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        line = lines.setdefault((row["attention"], row["how"]), [row["attention"], row["how"]])
        line += [share, f"{row['cross_entropy']:.3f}"] if row["dataset"] == sets[-1] else [share]
    for line in lines.values():
        table.add_row(*line)
    return table
