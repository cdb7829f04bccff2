"""Forgetting: gates provided by devices, compared with a learned gate and with fixed digital gates.

All networks have the same features and number of lines, and only lines are on arrays, of the same cell.  The
gate is learned and depends on the token; is learned as one constant per head; or depends on age only, as
values relax or drift.  The latter is computed digitally, or provided by the device with a column of ones as
normaliser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

from matplotlib.figure import Figure

from memsim.studies.evaluation import sequences
from memsim.studies.evaluation.intervals import over_chips
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Forgetting by the device, by a learned gate, and by a fixed gate"

SEEDS = 3
STEPS = 1000  #: training steps; after 600, one of three learned gates had not converged
FAST, SLOW = 1e3, 1e-3  #: tokens per second; at the slow rate there is noticeable drift within a context
VOLATILE = "by age, of volatile values"
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "no gate": ("softmax-plain", {"rate [1/s]": FAST}),
    "learned, by token": ("forgetting", {"rate [1/s]": FAST}),
    "fixed, by head": ("forgetting-fixed", {"rate [1/s]": FAST}),
    "by age, digital": ("forgetting-volatile", {"rate [1/s]": FAST}),
    VOLATILE: ("forgetting-volatile", {"rate [1/s]": FAST, "ones": True, "gate": "device"}),
    "by drift, digital": ("forgetting-drift", {"rate [1/s]": FAST}),
    "by drift, of the values": ("forgetting-drift", {"rate [1/s]": SLOW, "ones": True, "gate": "device"}),
}
"""Maps the name of a gate to its mixer and to the options of its lines."""

NOTE = (
    "Means over training seeds of the means over chips, with 95 % intervals (Student's t over seeds); all "
    "gates have the same chips and test sequences. “by drift, of the values” has one token in 1,000 s, and "
    "its keys drift too."
)

prepare, measure = sequences.prepare, sequences.measure


def methods(setting: Setting) -> str:
    """Return a paragraph on the methods."""
    return (
        f"{sequences.ABOUT} They learn the task last write wins with {STEPS} steps, with {SEEDS} seeds. "
        "Only lines are on arrays, with converters and noise of the card; values relax in 32 tokens. "
        f"{sequences.UNWIRED}"
    )


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every kind of gate and training seed, on each block of chips."""
    from memsim.models.mixers.systems.forgetting import VOLATILE_TAU

    card = sequences.card_of(setting, "forgetting")
    for chips in blocks(setting.chips):
        for seed in range(SEEDS):
            for kind, (mixer, own) in KINDS.items():
                form = sequences.network(mixer, "last-write-wins", STEPS, setting.seed + seed)
                shared = sequences.on_lines(setting, chips, form, card=card) | {"kind": kind}
                labels = {"gate": kind, "training seed": seed}
                held = {"retention": VOLATILE_TAU / FAST} if kind == VOLATILE else {}
                yield Task(study="forgetting", labels=labels, shared=shared, own=own | held)


def by_kind(points: Sequence[Point]) -> dict[str, dict[int, Point]]:
    """Return points by kind of gate, then by training seed."""
    out: dict[str, dict[int, Point]] = {}
    for kind in KINDS:
        for point in points:
            if point.labels["gate"] == kind:
                out.setdefault(kind, {})[point.labels["training seed"]] = point
    return out


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy and cross-entropy by kind of gate: digital, on chips, and against the
    learned gate.
    """
    if not points:
        return {}
    out, kinds = {}, by_kind(points)
    for file, column in {"accuracy": "accuracy [1]", "cross-entropy": "cross-entropy [nat]"}.items():
        rows = [[kind, *_row(of, kinds.get("learned, by token", {}), column)] for kind, of in kinds.items()]
        unit = "points" if column in draw.PER_CENT else "nat"
        header = ["gate", "seeds", "digital", "on chips", f"against the learned one [{unit}]"]
        heading = f"{draw.heading(column)} by kind of gate"
        out[file] = Table(title=heading, header=header, rows=rows, note=NOTE)
    return out


def _row(of: dict[int, Point], learned: dict[int, Point], column: str) -> list[str]:
    """Return the cells of a row: seeds, digital, on chips, against the learned gate."""
    name = f"digital {column}"
    digital = [p.total[name] for p in of.values() if name in p.total]
    chips = [mean(p.per_chip[column]) for p in of.values()]
    shown = [_over_seeds(values, column) for values in (digital, chips)]
    return [str(len(of)), *shown, _against(of, learned, column)]


def _over_seeds(values: Sequence[float], column: str) -> str:
    return draw.cell(over_chips(values, share="accuracy" in column), column) if values else ""


def gaps(of: dict[int, Point], other: dict[int, Point], column: str) -> list[float]:
    """Return differences of the means over chips, for each training seed that both have."""
    return [mean(of[s].per_chip[column]) - mean(other[s].per_chip[column]) for s in of if s in other]


def _against(of: dict[int, Point], other: dict[int, Point], column: str) -> str:
    found = gaps(of, other, column)
    if not found or of is other:
        return ""
    return draw.change(over_chips(found, share=False), column)


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure of all kinds of gates on chips for each training seed."""
    out = {}
    for seed in range(SEEDS):
        shown = {kind: of[seed] for kind, of in by_kind(points).items() if seed in of}
        if shown:
            caption = f"Training seed {seed}: means over chips with 95 % intervals."
            out[f"seed-{seed}"] = draw.forest(shown, caption=caption)
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences that compare gates provided by devices with the learned gate and their digital
    form.
    """
    kinds, column, out = by_kind(points), "accuracy [1]", []
    for kind, other in (
        ("by age, of volatile values", "learned, by token"),
        ("by age, of volatile values", "fixed, by head"),
        ("by age, of volatile values", "by age, digital"),
        ("by drift, of the values", "learned, by token"),
        ("by drift, of the values", "by drift, digital"),
    ):
        found = gaps(kinds.get(kind, {}), kinds.get(other, {}), column)
        if found:
            said = draw.change(over_chips(found, share=False), column, "points")
            seeds = f"{len(found)} training seeds"
            out.append(f"Gate “{kind}” against gate “{other}”: {said} of accuracy over {seeds}.")
    return out or (["No two gates that are compared have been measured yet."] if points else [])
