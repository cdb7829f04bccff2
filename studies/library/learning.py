"""Learning: accuracy of layers trained on arrays of pulsed cells, and its cost in pulses, energy and
lifetime.

The head, the last block with the head, or all layers start from random weights and are trained by e-prop: on
ideal cells, where backpropagation through time is the reference, and on ecram-li, reram-om and PCM with
direct updates or through a digital accumulator.  They are tested directly after the training and a day later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

import memsim
from memsim.studies.evaluation import lesson_costs
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits, duration, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

if TYPE_CHECKING:
    from memsim.models import S2TDPT
    from memsim.studies.evaluation.lesson import Lesson
    from memsim.studies.evaluation.result import Result

title = "Learning on arrays"

TIMES = (0.0, 86400.0)
CELLS = ("ecram-li", "reram-om", "pcm-nandakumar2020")
WRITINGS = ("accumulated", "direct")
LESSONS = {
    "head": {"rate": 0.1, "epochs": 1},
    "last block": {"rate": 0.1, "epochs": 1},
    "all": {"rate": 0.02, "epochs": 2},
}
"""Layers that learn, their learning rate and the number of epochs."""
COMMON = {"momentum": 0.9, "batch": 32, "images": 1200}
"""Direct writing uses the rate / (1 - momentum), which gives the same total change."""
IDEAL = "ideal"


def layers(net: S2TDPT, what: str) -> list[str]:
    """Return patterns for the names of the layers that learn."""
    last = len(net.blocks) - 1
    return {"head": ["head"], "last block": [f"blocks.{last}.*", "head"], "all": ["*"]}[what]


def ways() -> Iterator[tuple[str, str, str]]:
    """Yield (cell, rule, writing); ideal cells hold any number, so they have one method of writing only."""
    yield IDEAL, "bptt", "accumulated"
    yield IDEAL, "e-prop", "accumulated"
    for cell in CELLS:
        for writing in WRITINGS:
            yield cell, "e-prop", writing


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every training on each block of chips, tested at all times.

    Chips with ideal cells are identical, so only one is trained.  Raises ValueError for networks other than
    S2TDPT.
    """
    from memsim.models import S2TDPT
    from memsim.studies.evaluation.subject import Subject, refuse_foreign

    refuse_foreign(setting, "learning", "it trains layers of memsim's own networks from random weights")
    net = Subject.of(setting).net
    if not isinstance(net, S2TDPT):
        raise ValueError(
            f"study learning: {setting.model} is not an S2TDPT network; the study needs its head and blocks"
        )
    card = memsim.ChipCard.parse(dict(setting.card))
    for what, how in LESSONS.items():
        for cell, rule, writing in ways():
            changed = quiet(card, cell)
            for chips in [[0]] if cell == IDEAL else blocks(setting.chips):
                shared = crossbars(setting, chips, card=changed)
                shared["lesson"] = (
                    {"layers": layers(net, what), "rule": rule, "writing": writing} | how | COMMON
                )
                if cell == IDEAL:
                    shared["engine"] = "digital"
                for time in TIMES:
                    labels = {
                        "layers": what,
                        "cell": cell,
                        "rule": rule,
                        "writing": writing,
                        "time [s]": time,
                    }
                    yield Task(study="learning", labels=labels, shared=shared, own={"time [s]": time})


def prepare(shared: Mapping[str, Any], data: str = "data") -> Lesson:
    """Reset the layers to random weights, place them on arrays and train them."""
    from memsim.studies.evaluation import lesson

    return lesson.prepare(shared, data)


def measure(prepared: Lesson, own: Mapping[str, Any]) -> Result:
    """Test the chips at a time after their training."""
    from memsim.studies.evaluation import lesson

    return lesson.measure(prepared, own)


def quiet(card: memsim.ChipCard, cell: str) -> memsim.ChipCard:
    """Return the card with this cell in its learning arrays, without effects of converters and wires."""
    made = card.replace(attention={"cell": cell})
    return made.without(*made.converter_effects, *({"wires"} & set(made.effects)))


def named(point: Point) -> str:
    """Return the name of a method of learning in tables."""
    return _way(*(point.labels[key] for key in ("cell", "rule", "writing")))


def _way(cell: str, rule: str, writing: str) -> str:
    return f"{cell}, {rule}" if cell == IDEAL else f"{cell}, {writing}"


def _at(points: Sequence[Point], what: str, time: float) -> dict[str, Point]:
    """Return the points of one training at one time by method, in the order of the study."""
    found = {named(point): point for point in matching(points, layers=what, **{"time [s]": time})}
    order = [_way(*one) for one in ways()]
    return {name: found[name] for name in sorted(found, key=order.index)}


def share(point: Point | None, best: Point | None, column: str) -> str:
    """Return accuracy divided by that of backpropagation on ideal cells [%], as text; empty if not known."""
    if point is None or best is None or not (of := best.estimate(column).mean):
        return ""
    found = point.estimate(column)
    return f"{100 * found.mean / of:.1f}"


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy after the training and a day later, of all measures, and of costs."""
    if not points:
        return {}
    column = draw.main_column(points)
    learned, costs = [], []
    for what in LESSONS:
        now, later = (_at(points, what, time) for time in TIMES)
        best = now.get(f"{IDEAL}, bptt")
        for name in dict.fromkeys([*now, *later]):
            here, after = now.get(name), later.get(name)
            shown = (draw.cell(p.estimate(column), column) if p else "" for p in (here, after))
            learned.append([what, name, *shown, share(here, best, column), share(after, best, column)])
            known = here or after
            if known is not None and lesson_costs.PULSES in known.total:
                costs.append([what, name, *_cost(known.total)])
    measure = draw.MEASURES[column]
    out = {
        "learned": Table(
            title="Accuracy after the training, and a day later",
            header=["layers", "cells, method", measure, f"{measure}, {duration(TIMES[1])} later",
                    "share of backpropagation [%]", f"share, {duration(TIMES[1])} later [%]"],
            rows=learned,
            note="Shares are relative to the accuracy that backpropagation through time reaches on ideal "
            "cells with the same training. " + draw.NOTE,
        )
    }  # fmt: skip
    every = {f"{p.labels['layers']}: {named(p)}, {quantity(p.labels['time [s]'], 's')}": p for p in points}
    out["asked"] = draw.lines("Every method and time, all measures", every)
    if costs:
        out["cost"] = Table(
            title="Cost of the training for one chip",
            header=["layers", "cells, method", "images", "pulses per device", "most", "life spent [%]",
                    "energy of pulses", "energy of the training", "time of writing"],
            rows=costs,
            note="Pulses and resets of programming are included. “Life spent” is the number of cycles of the "
            "most worn device divided by the lowest published endurance. The energy of the training includes "
            "reads, digital products and sums, but not the backward pass.",
        )  # fmt: skip
    return out


def _cost(total: Mapping[str, Any]) -> list[str]:
    spent = total.get(lesson_costs.SPENT)
    return [
        digits(total["images taught"]), digits(total[lesson_costs.PULSES]), digits(total[lesson_costs.MOST]),
        "" if spent is None else digits(100 * spent), quantity(total[lesson_costs.PULSE_ENERGY], "J"),
        quantity(total[lesson_costs.TOTAL_ENERGY], "J"), quantity(total[lesson_costs.TIME], "s"),
    ]  # fmt: skip


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure for each training: all methods, directly after it and a day later."""
    out = {}
    for what in LESSONS:
        shown = {
            f"{name}, {duration(time)} later" if time else name: point
            for time in TIMES
            for name, point in _at(points, what, time).items()
        }
        if shown:
            out[what.replace(" ", "-")] = draw.forest(
                shown,
                reference=_at(points, what, TIMES[0]).get(f"{IDEAL}, bptt"),
                caption=f"Learning {_said(what)}; dotted: backpropagation through time on ideal cells. Means "
                "over chips with 95 % intervals.",
            )
    return out


def _said(what: str) -> str:
    return {"head": "the head", "last block": "the last block and the head", "all": "all layers"}[what]


def findings(points: Sequence[Point]) -> list[str]:
    """Return a sentence for each training and method on its accuracy, also relative to backpropagation."""
    if not points:
        return []
    column = draw.main_column(points)
    said = []
    for what in LESSONS:
        now, later = (_at(points, what, time) for time in TIMES)
        best = now.get(f"{IDEAL}, bptt")
        for name in dict.fromkeys([*now, *later]):
            point, after = now.get(name), later.get(name)
            parts = []
            if point is not None:
                parts.append(f"{draw.cell(point.estimate(column), column)} %")
            if best is not None and point is not None and point is not best:
                parts.append(f"{share(point, best, column)} % of that of backpropagation")
            if after is not None:
                parts.append(f"{draw.cell(after.estimate(column), column)} % a day later")
            said.append(f"Learning {_said(what)} on {name}: {draw.said(column)} {', '.join(parts)}.")
    return said
