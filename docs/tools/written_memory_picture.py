"""The picture of docs/written-memory.md: an array of lines as it is written, matched and blended.

python docs/tools/written_memory_picture.py        writes docs/pictures/written-memory.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from memsim.studies.reports.figure_style import CROSSBAR, DIGITAL, PAGE, QUIET, drawn, png

PLACE = Path(__file__).parents[1] / "pictures" / "written-memory.png"
LINES, WRITTEN, COLUMNS = 7, 5, 5
KEYS, RULE, VALUES = 2.6, 9.6, 13.4
"""Left edges of the key array, of the rule and of the value array; a cell is one wide and one high."""


@drawn
def picture() -> Figure:
    """Draw the array after five tokens, while the fifth reads it."""
    figure = Figure(figsize=(PAGE, 3.5))
    axes = figure.add_subplot()
    axes.set(xlim=(-1.2, 20.8), ylim=(-3.4, 8.6), aspect="equal")
    axes.set_axis_off()
    rng = np.random.default_rng(4)
    for left in (KEYS, VALUES):
        for line in range(LINES):
            _line(axes, left, line, rng.uniform(0.08, 0.9, COLUMNS))
    for line in range(LINES):
        _flow(axes, line)
    _labels(axes)
    axes.add_patch(FancyBboxPatch((RULE, 0), 1.9, WRITTEN, boxstyle="round,pad=0.05", fc="white", ec=DIGITAL))
    axes.text(RULE + 0.95, WRITTEN / 2, "rule\nz → w", ha="center", va="center", color=DIGITAL)
    return figure


def _line(axes: Axes, left: float, line: int, numbers: np.ndarray) -> None:
    """Draw the cells of one line, shaded by what they hold, or empty; the oldest line is the lowest."""
    for column, number in enumerate(numbers):
        place, there = (left + column + 0.08, line + 0.08), line < WRITTEN
        axes.add_patch(
            Rectangle(
                place, 0.84, 0.84, fc=CROSSBAR if there else "white", alpha=number if there else 1.0, lw=0
            )
        )
        axes.add_patch(
            Rectangle(place, 0.84, 0.84, fill=False, ec=QUIET, lw=0.5, ls="-" if there else (0, (2, 2)))
        )


def _flow(axes: Axes, line: int) -> None:
    """Draw the score that a line gives and the weight that drives it; nothing flows on unwritten ones."""
    height = line + 0.5
    token = f"token {line}" if line < WRITTEN else "switched off"
    axes.text(KEYS - 0.4, height, token, ha="right", va="center", color="black" if line < WRITTEN else QUIET)
    if line < WRITTEN:
        _arrow(axes, (KEYS + COLUMNS, height), (RULE - 0.05, height), CROSSBAR)
        _arrow(axes, (RULE + 1.95, height), (VALUES, height), DIGITAL)
        axes.text((KEYS + COLUMNS + RULE) / 2, height + 0.1, f"$z_{line}$", ha="center", parse_math=True)
        axes.text((RULE + 1.9 + VALUES) / 2, height + 0.1, f"$w_{line}$", ha="center", parse_math=True)


def _labels(axes: Axes) -> None:
    """Say what stands where, and which way currents go."""
    for left, name in ((KEYS, "keys"), (VALUES, "values")):
        axes.text(left + COLUMNS / 2, LINES + 0.9, name, ha="center", weight="bold")
    axes.text(KEYS + COLUMNS / 2, LINES + 0.25, "one line a token, written once", ha="center", color=QUIET)
    axes.text(VALUES + COLUMNS / 2, LINES + 0.25, "each line has an age of its own", ha="center", color=QUIET)
    for column in range(COLUMNS):
        _arrow(axes, (KEYS + column + 0.5, -1.2), (KEYS + column + 0.5, 0.0), DIGITAL)
        _arrow(axes, (VALUES + column + 0.5, 0.0), (VALUES + column + 0.5, -1.2), CROSSBAR)
    for left, words in (
        (KEYS, "match: q drives the key columns,\nevery line is sensed"),
        (VALUES, "blend: w drives the lines,\nvalue columns are sensed"),
    ):
        axes.text(left + COLUMNS / 2, -1.5, words, ha="center", va="top")
    axes.text(KEYS - 0.4, -0.6, "query q", ha="right", va="center", color=DIGITAL)
    axes.text(VALUES + COLUMNS + 0.3, -0.6, "output o", va="center", color=CROSSBAR)
    axes.text(RULE + 0.95, -1.5, "digital:\nsoftmax, stick, ...", ha="center", va="top", color=DIGITAL)


def _arrow(axes: Axes, begin: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    axes.add_patch(
        FancyArrowPatch(
            begin, end, arrowstyle="-|>", mutation_scale=5, color=colour, lw=0.7, shrinkA=0, shrinkB=0
        )
    )


if __name__ == "__main__":
    PLACE.write_bytes(png(picture()))
