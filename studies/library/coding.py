"""Coding: representations of a weight by devices, with their accuracy, energy and area.

The study changes one thing of the card at a time, a second and a day after programming: the coding of
weights, slices of several widths, devices in parallel, batch norms folded into the conductances, and biases
in rows of the array.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

import memsim
from memsim.energy.area import areas, known
from memsim.energy.work import Matrix
from memsim.studies.evaluation import crossbars
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits, duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

if TYPE_CHECKING:
    from torch import nn

    from memsim.studies.evaluation.execution import Trial

title = "Codings of weights: accuracy, energy and area"

TIMES = (1.0, 86400.0)
CARD = "the card"
CODINGS = ("pair", "offset", "single", "slices")
SLICES = ((8,), (4, 4), (3, 3), (2, 2, 2, 2))
DEVICES = (2, 4)
AREA = "area [m2]"


def variants(card: memsim.ChipCard, net: nn.Module) -> Iterator[tuple[str, str, memsim.ChipCard]]:
    """(axis, value, card) of every point; of equal cards the first."""
    seen = set()
    for axis, value, changed in _variants(card, net):
        if (key := digest(dump(changed))) not in seen:
            seen.add(key)
            yield axis, value, changed


def _variants(card: memsim.ChipCard, net: nn.Module) -> Iterator[tuple[str, str, memsim.ChipCard]]:
    from memsim.mapping.exchange import held
    from memsim.mapping.norms import NORMS

    yield CARD, "", card
    for kind in CODINGS:
        yield "coding", kind, card.replace(weights={"coding": kind})
    for bits in SLICES:
        for sign in ("pair", "offset"):
            coding = {"kind": "slices", "slice_bits": bits, "sign": sign}
            name = f"{'+'.join(map(str, bits))} bits, sign by {sign}"
            yield "slices", name, card.replace(weights={"coding": coding})
    for kind in ("offset", "single"):
        designed = {"kind": kind, "middle": "designed"}
        yield "coding", f"{kind}, middle as designed", card.replace(weights={"coding": designed})
    for count in DEVICES:
        for kind in CODINGS[:2]:
            changed = card.replace(weights={"coding": kind, "devices_per_weight": count})
            yield "devices", f"{kind}, {count} at each place", changed
    layer = {"scaling": "layer"}
    biased = any(one.matrix.bias and _bias(net, one) for one in held(net, frozenset()))
    normed = any(isinstance(module, NORMS) for module in net.modules())
    yield "norm and bias", "one scale a layer", card.replace(weights=layer)
    if normed:
        yield "norm and bias", "norms folded", card.replace(weights={**layer, "batch_norm": "folded"})
    if biased or normed:
        both = {**layer, "bias_rows": 1, **({"batch_norm": "folded"} if normed else {})}
        name = "norms folded, biases in a row" if normed else "biases in a row"
        yield "norm and bias", name, card.replace(weights=both)


def _bias(net: nn.Module, one: Any) -> bool:
    """Return whether the module of a matrix has the bias that an array could hold."""
    return net.get_submodule(one.module)._parameters.get(one.matrix.bias) is not None


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield every card on every block of chips, programmed once for all times."""
    from memsim.studies.evaluation.subject import Subject

    card = memsim.ChipCard.parse(dict(setting.card))
    for axis, value, changed in variants(card, Subject.of(setting).net):
        for chips in blocks(setting.chips):
            shared = crossbars.crossbars(setting, chips, card=changed)
            for time in TIMES:
                labels = {"axis": axis, "value": value, "time [s]": time}
                yield Task(study="coding", labels=labels, shared=shared, own={"time [s]": time})


def measure(prepared: Trial, own: Mapping[str, Any]) -> Result:
    """Run all test images, and add the area of the weight arrays, as far as sources give it."""
    found = crossbars.measure(prepared, own)
    chip: Any = prepared.chip
    works = [
        Matrix(
            name=name, rows=array.rows, columns=array.columns, positions=1, passes=1, inputs=array.rows,
            ones=0, drives=0,
        )
        for name, array in chip.weight_arrays.items()
        for _ in range(array.groups)
    ]  # fmt: skip
    card = chip.card.replace(weights={"bias_rows": 0})  # the arrays' rows have them
    return replace(found, total={**found.total, AREA: known(areas(works, card))[0]})


def name(point: Point) -> str:
    """Return the name of a point in tables."""
    axis, value = point.labels["axis"], point.labels["value"]
    return axis if axis == CARD else f"{axis}: {value}"


def _at(points: Sequence[Point], time: float) -> dict[str, Point]:
    return {name(p): p for p in points if p.labels["time [s]"] == time}


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return every coding with accuracy at both times, energy and area; then all columns, time by time."""
    if not points:
        return {}
    main = draw.main_column(points)
    times = sorted({p.labels["time [s]"] for p in points})
    by_time = {time: _at(points, time) for time in times}
    names = list(dict.fromkeys(name(p) for p in points))
    rows = []
    for one in names:
        found = [by_time[time].get(one) for time in times]
        some = next(p for p in found if p is not None)
        row = [one, *("" if p is None else draw.cell(p.estimate(main), main) for p in found)]
        for time, point in zip(times, found, strict=True):
            base = by_time[time].get(CARD)
            known = point is not None and base is not None and point is not base
            row.append(draw.change(point.against(base, main), main) if known else "")  # type: ignore[union-attr]
        area = some.total.get(AREA)
        rows.append([*row, draw.energy(some), "" if area is None else f"{digits(1e6 * area)} mm²"])
    after = [f"after {duration(time)}" for time in times]
    header = [
        "",
        *(f"{draw.MEASURES[main]} {one}" for one in after),
        *(f"change {one} [points]" for one in after),
        "energy of an image",
        "area of weight arrays",
    ]
    note = (
        "Energy and area contain the parts for which the card and its technology have prices; the area "
        "contains cells, ADCs and DACs. Changes are against the card, chip by chip. "
    )
    title = "Codings of weights"
    out = {"codings": Table(title=title, header=header, rows=rows, note=note + draw.NOTE)}
    for time, found in by_time.items():
        key = f"points-{duration(time).replace(' ', '-')}"
        title = f"All points, {duration(time)} after programming"
        out[key] = draw.lines(title, found, reference=found.get(CARD))
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return the accuracy of every coding, a figure for each time."""
    out = {}
    for time in sorted({p.labels["time [s]"] for p in points}):
        found = _at(points, time)
        out[f"codings-{duration(time).replace(' ', '-')}"] = draw.forest(
            found,
            reference=found.get(CARD),
            caption=f"Every coding of weights {duration(time)} after programming; dotted: the card. Means "
            "over chips with 95 % intervals.",
        )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return the best coding at each time, and the smallest that is not significantly worse than the card."""
    said = []
    for time in sorted({p.labels["time [s]"] for p in points}):
        found = _at(points, time)
        main = draw.main_column(list(found.values()))
        ranked = sorted(found.values(), key=lambda p: -p.estimate(main).mean)
        best, base = ranked[0], found.get(CARD)
        sentence = f"At {duration(time)} after programming, “{name(best)}” has the best {draw.said(main)}"
        if base is not None and best is not base:
            gain = best.against(base, main, of=len(ranked))
            sentence += f", {draw.change(gain, main, 'points')} against the card"
        said.append(f"{sentence}.")
        said += _smallest(found, main)
    return said


def _smallest(found: Mapping[str, Point], column: str) -> list[str]:
    """Return the point of the smallest area that is not significantly worse than the card."""
    base = found.get(CARD)
    sized = {key: p for key, p in found.items() if AREA in p.total}
    if base is None or CARD not in sized or len(base.chips) < 2:
        return []
    good = [CARD]
    for key, point in sized.items():
        lost = None if point is base else point.against(base, column, of=len(found))
        if lost is not None and lost.sure[0] >= 0:
            good.append(key)
    least = min(good, key=lambda key: sized[key].total[AREA])
    area, whole = sized[least].total[AREA], base.total[AREA]
    return [
        f"Of the codings that are not significantly worse, “{least}” has the smallest area, "
        f"{digits(1e6 * area)} mm²; the card has {digits(1e6 * whole)} mm²."
    ]
