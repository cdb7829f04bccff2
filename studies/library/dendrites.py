"""Dendrites: spare columns of the head that learn on the chip, by perforated or by ordinary backpropagation.

The head of a trained network is trained again on arrays, while its body stays fixed: on the original images,
and on images mirrored about the diagonal, to which the features of the body are not adapted.  The head has no
spare columns, ten or thirty; these keep their random weights, learn to correlate with the errors
(perforated), or are trained as a hidden layer (ordinary).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

import memsim
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.lesson_costs import PULSES, TOTAL_ENERGY
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting
from memsim.studies.library.learning import CELLS, IDEAL, quiet
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

if TYPE_CHECKING:
    from memsim.studies.evaluation.spare_columns import Features

title = "Spare columns that learn on the chip"

IMAGES = ("mirrored", "as trained")
HEADS: tuple[tuple[str, int], ...] = (
    ("none", 0), ("random", 10), ("perforated", 10), ("ordinary", 10),
    ("random", 30), ("perforated", 30), ("ordinary", 30),
)  # fmt: skip
"""How the spare columns learn, and their number."""
ACCURACY, ENTROPY = "accuracy [1]", "cross-entropy [nat]"
HEADER = [
    "cell", "head", "accuracy [%]", "change against none [points]", ENTROPY, "pulses per device",
    "energy of the training",
]  # fmt: skip
NOTE = (
    "Every chip is trained separately, with its own devices, initial weights and order of images. Brackets "
    "hold 95 % intervals over chips (Student's t)."
)


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every head, cell and kind of images, on each block of chips.

    Raises ValueError for networks other than S2TDPT.
    """
    from memsim.models import S2TDPT
    from memsim.studies.evaluation.subject import Subject, refuse_foreign

    refuse_foreign(setting, "dendrites", "it trains the heads of memsim's own networks again")
    if not isinstance(Subject.of(setting).net, S2TDPT):
        raise ValueError(
            f"study dendrites: {setting.model} is not an S2TDPT network; the study needs the head of one"
        )
    card = memsim.ChipCard.parse(dict(setting.card))
    for images in IMAGES:
        for cell in (IDEAL, *CELLS):
            for chips in blocks(setting.chips):
                shared = crossbars(setting, chips, card=quiet(card, cell)) | {"shown": images}
                for spare, columns in HEADS:
                    if images == "as trained" and columns > 10:
                        continue
                    labels = {"images": images, "cell": cell, "spare": spare, "columns": columns}
                    own = {"spare": spare, "columns": columns}
                    yield Task(study="dendrites", labels=labels, shared=shared, own=own)


def prepare(shared: Mapping[str, Any], data: str = "data") -> Features:
    """Run the body of the network on training and test images."""
    from memsim.studies.evaluation import spare_columns

    return spare_columns.prepare(shared, data)


def measure(prepared: Features, own: Mapping[str, Any]) -> Result:
    """Train one head for each chip and test it."""
    from memsim.studies.evaluation import spare_columns

    return spare_columns.measure(prepared, own)


def heads(points: Sequence[Point], images: str, cell: str) -> dict[str, Point]:
    """Return the points of one kind of images and one cell by head, in the order of the study."""
    found = {(p.labels["spare"], p.labels["columns"]): p for p in matching(points, images=images, cell=cell)}
    return {_named(*head): found[head] for head in HEADS if head in found}


def _named(spare: str, columns: int) -> str:
    return f"{columns} {spare}" if columns else "no spare columns"


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy, its change by spare columns, cross-entropy and cost by images, cell and
    head.
    """
    if not points:
        return {}
    out = {}
    for images in IMAGES:
        rows = [
            [cell, name, *_row(point, of)]
            for cell in (IDEAL, *CELLS)
            for of in [heads(points, images, cell)]
            for name, point in of.items()
        ]
        if rows:
            title = f"Gain by spare columns, images {images}"
            out[images.replace(" ", "-")] = Table(title=title, header=HEADER, rows=rows, note=NOTE)
    return out | {"asked": draw.lines("Every head, all measures", _every(points))}


def _row(point: Point, of: Mapping[str, Point]) -> list[str]:
    accuracy, entropy = (draw.cell(point.estimate(column), column) for column in (ACCURACY, ENTROPY))
    return [accuracy, _gain(point, of.get(_named("none", 0))), entropy, *_cost(point.total)]


def _every(points: Sequence[Point]) -> dict[str, Point]:
    return {
        f"{images}, {cell}, {name}": point
        for images in IMAGES
        for cell in (IDEAL, *CELLS)
        for name, point in heads(points, images, cell).items()
    }


def _gain(point: Point, other: Point | None) -> str:
    if other is None or point is other:
        return ""
    found = point.against(other, ACCURACY)
    return "" if found is None else draw.change(found, ACCURACY)


def _cost(total: Mapping[str, Any]) -> list[str]:
    if PULSES not in total:
        return ["", ""]
    return [digits(total[PULSES]), quantity(total[TOTAL_ENERGY], "J")]


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure of all heads for each kind of images."""
    out = {}
    for images in IMAGES:
        shown = _every([point for point in points if point.labels["images"] == images])
        if shown:
            caption = f"The head trained again, images {images}: means over chips with 95 % intervals."
            out[images.replace(" ", "-")] = draw.forest(shown, caption=caption)
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences on the gain by perforated columns against none, random and ordinary ones, by cell."""
    said = []
    for images in IMAGES:
        for cell in (IDEAL, *CELLS):
            of = heads(points, images, cell)
            for columns in (10, 30):
                one = of.get(_named("perforated", columns))
                others = {"none": of.get(_named("none", 0))}
                others |= {f"{kind} ones": of.get(_named(kind, columns)) for kind in ("random", "ordinary")}
                if one is None:
                    continue
                gains = {name: _gain(one, other) for name, other in others.items()}
                shown = ", ".join(f"{gain} points against {name}" for name, gain in gains.items() if gain)
                if shown:
                    said.append(
                        f"Images {images}, {cell}: {columns} perforated columns change accuracy by {shown}."
                    )
    return said
