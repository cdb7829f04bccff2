"""Context: accuracy of a memory of lines against the age of its context, by cell and with drift correction.

A context of 32 tokens is written and read at a constant rate, from a million tokens per second to one in 45
minutes: line j has the age (i - j) / rate when token i reads.  Only lines are on arrays.  Corrected: scores
and weights are divided by the mean drift at the age of each line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from memsim.studies.evaluation import sequences
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Accuracy by the age of a context"

MIXERS = ("softmax", "forgetting", "stick-breaking", "mosaics")
CELLS = ("pcm-joshi2020", "pcm-hermes2023-1", "reram-wan2022")
TOKENS = 32
RATES = (
    1e6,
    1e3,
    1.0,
    TOKENS / 3600,
    TOKENS / 86400,
)  #: tokens per second; contexts of 32 us, 32 ms, 32 s, 1 h, 1 day

prepare, measure = sequences.prepare, sequences.measure


def methods(setting: Setting) -> str:
    """Return a paragraph on the methods."""
    return (
        f"{sequences.ABOUT} They learn the task last write wins with six keys, three of them overwritten, in "
        f"{TOKENS} tokens. Only lines are on arrays, with converters and noise of the card; the networks are "
        f"not trained again. {sequences.UNWIRED}"
    )


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every mixer, cell and rate, with correction if the cell drifts, on each block of
    chips.
    """
    from memsim.memory.line_design import LineDesign

    card = sequences.card_of(setting, "context")
    cells = [card, *(card.replace(weights={"cell": c, "g_max": None}) for c in CELLS)]
    by_name = {one.weight_cell.name: one for one in cells}
    for chips in blocks(setting.chips):
        for mixer in MIXERS:
            form = sequences.network(mixer, "last-write-wins", 1000, setting.seed)
            for name, changed in by_name.items():
                shared = sequences.on_lines(setting, chips, form, card=changed)
                drifts = LineDesign(name=name, card=changed, heads=1, keys=1, values=1, capacity=1).drifts
                for rate in RATES:
                    for correct in (False, True)[: 1 + drifts]:
                        labels = {
                            "mixer": mixer,
                            "cell": name,
                            "corrected": correct,
                            "age [s]": TOKENS / rate,
                        }
                        own = {"rate [1/s]": rate, "correct": correct}
                        yield Task(study="context", labels=labels, shared=shared, own=own)


def by_line(points: Sequence[Point]) -> dict[tuple[str, str, bool], dict[float, Point]]:
    """Return points by (cell, mixer, correction), then by the age of the context [s]."""
    out: dict[tuple[str, str, bool], dict[float, Point]] = {}
    for point in sorted(points, key=lambda p: (p.labels["cell"], MIXERS.index(p.labels["mixer"]))):
        key = point.labels["cell"], point.labels["mixer"], point.labels["corrected"]
        out.setdefault(key, {})[point.labels["age [s]"]] = point
    return out


def _span(age: float) -> str:
    return duration(age) if age >= 1 else quantity(age, "s")


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy and cross-entropy by cell, mixer, correction and age."""
    if not points:
        return {}
    ages, out = sorted({p.labels["age [s]"] for p in points}), {}
    spans = [f"after {_span(age)}" for age in ages]
    for file, column in {"accuracy": "accuracy [1]", "cross-entropy": "cross-entropy [nat]"}.items():
        rows = [
            [cell, mixer, "yes" if correct else "no"]
            + [draw.cell(line[a].estimate(column), column) if a in line else "" for a in ages]
            for (cell, mixer, correct), line in by_line(points).items()
        ]
        header = ["cell", "mixer", "corrected", *spans]
        heading = f"{draw.heading(column)} by the age of the context"
        out[file] = Table(title=heading, header=header, rows=rows, note=draw.NOTE)
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure of accuracy and cross-entropy against the age of the context for each cell."""
    out = {}
    for cell in dict.fromkeys(p.labels["cell"] for p in points):
        series = {
            f"{mixer}, corrected" if correct else mixer: list(line.items())
            for (of, mixer, correct), line in by_line(points).items()
            if of == cell
        }
        ages = sorted({age for line in series.values() for age, _ in line})
        out[cell] = draw.curves(
            series, x_label="duration of the context", columns=["accuracy [1]", "cross-entropy [nat]"],
            ticks={age: _span(age) for age in ages},
            caption=f"Contexts on {cell}: means over chips with 95 % intervals.",
        )  # fmt: skip
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences on the loss from the newest to the oldest context and on the gain by correction."""
    out, column, every = [], "accuracy [1]", by_line(points)
    pairs = [(key, line) for key, line in every.items() if len(line) > 1]
    for (cell, mixer, correct), line in pairs:
        new, old = min(line), max(line)
        lost = line[old].against(line[new], column, of=len(pairs))
        said = (
            f"On {cell}, {mixer}{', corrected' if correct else ''}: the accuracy of a context of {_span(old)}"
        )
        out.append(f"{said} against one of {_span(new)} changes by {draw.change(lost, column, 'points')}.")
    for (cell, mixer, correct), line in every.items():
        plain = every.get((cell, mixer, False), {})
        both = [age for age in line if age in plain]
        if correct and both:
            gain = line[max(both)].against(plain[max(both)], column, of=len(pairs) or 1)
            said = f"On {cell}, {mixer}: correction changes the accuracy after {_span(max(both))} by"
            out.append(f"{said} {draw.change(gain, column, 'points')}.")
    return out or (["No mixer has been measured at two ages yet."] if points else [])
