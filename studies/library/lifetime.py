"""Lifetime: accuracy as attention cells wear out, and the time this takes at a given rate of images.

Cells fail by Weibull's law in the number of cycles divided by the endurance, so one curve against the
consumed part of the endurance applies to every technology.  The wear per image and the endurance of a
technology convert it into time.  The same chips are used throughout: a device that has failed stays failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

import memsim
from memsim.energy.lifetime import Life, lives
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits, duration, percent, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "The lifetime of attention arrays"

CONSUMED = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Numbers of cycles divided by the endurance; at 1, 63 % of the cells have failed."""

RATES = (1.0, 30.0, 1000.0)
"""Images per second."""

ENDURANCE = 1e6
"""Endurance in cycles if the [wear] section of the card has none; accuracy depends on cycles / endurance
only.
"""


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for each consumed part of the endurance on every block of chips.

    Failed cells are stuck as the card says, all at low, or all at high conductance.  Raises ValueError for
    ideal cells, which do not wear, and for a network without STDP attention.
    """
    from memsim.studies.evaluation.subject import Subject
    from memsim.written_attention import attention_layers

    subject = Subject.of(setting)
    if not attention_layers(subject.net):
        raise ValueError(
            f"study lifetime: {subject.title} has no STDP attention, so no cells are rewritten and wear out"
        )
    card = memsim.ChipCard.parse(dict(setting.card))
    if card.attention_cell.exact:
        raise ValueError(
            "study lifetime: ideal attention cells do not wear; name another cell with --attention"
        )
    wear, whole = card.wear, card.wear.endurance or ENDURANCE
    for chips in blocks(setting.chips):
        for stuck in dict.fromkeys((wear.stuck_high, 0.0, 1.0)):
            for consumed in CONSUMED if stuck == wear.stuck_high else CONSUMED[1:]:
                worn = {"endurance": whole, "cycles_before": consumed * whole, "stuck_high": stuck}
                labels = {
                    "endurance consumed [1]": consumed,
                    "failed cells [1]": -math.expm1(-(consumed**wear.shape)),
                    "stuck high [1]": stuck,
                }
                shared = crossbars(setting, chips, card=card.replace(wear=worn))
                yield Task(study="lifetime", labels=labels, shared=shared, own={"time [s]": setting.time})


def _consumed(point: Point) -> float:
    return point.labels["endurance consumed [1]"]


def _new(points: Sequence[Point]) -> Point | None:
    return next((p for p in points if _consumed(p) == 0), None)


def _series(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return points by where failed cells are stuck, starting with the setting of the card, sorted by
    wear.
    """
    new = _new(points)
    stuck = {p.labels["stuck high [1]"] for p in points}
    card = None if new is None else new.labels["stuck high [1]"]
    out = {}
    for share in sorted(stuck, key=lambda x: (x != card, x)):
        line = [p for p in points if p.labels["stuck high [1]"] == share]
        out[f"{percent(share, 0)} stuck high"] = sorted(line, key=_consumed)
    return out


def _lives(points: Sequence[Point]) -> list[Life]:
    """Return the lifetime of each technology at the cycles per image of new chips."""
    new = _new(points)
    cycles = None if new is None else new.total.get("attention cycles")
    return list(lives(cycles)) if cycles else []


def kept(points: Sequence[Point]) -> Point | None:
    """Return the most worn chips up to which no loss of accuracy against new chips is significant.

    None: there are no results for new chips.
    """
    new, found, main = _new(points), None, draw.main_column(points)
    if new is None:
        return None
    for point in next(iter(_series(points).values())):
        lost = point.against(new, main) if point is not new else None
        if lost is not None and lost.high < 0:
            break
        found = point
    return found


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy by wear and of the lifetime of each technology."""
    if not points:
        return {}
    named = {f"{_name(p)}; {kind}": p for kind, line in _series(points).items() for p in line}
    out = {"wear": draw.lines("Accuracy as attention cells wear out", named, reference=_new(points))}
    found, last = _lives(points), kept(points)
    rows = []
    for life in found:
        for which, endurance, images in (
            ("usual", life.endurance.low, life.low),
            ("best", life.endurance.high, life.high),
        ):
            star = ", recalled" if life.endurance.assumption else ""
            rows.append([
                life.technology, f"{which}{star}", f"{endurance:.0e}", f"{images:.2g}",
                *(duration(images / rate) for rate in RATES),
            ])  # fmt: skip
    if rows:
        at = "" if last is None else f" The accuracy held up to {_name(last)}: so much of it is of use."
        out["lives"] = Table(
            title="Time until the endurance is consumed",
            header=[
                "technology",
                "published",
                "endurance [cycles]",
                "images [1]",
                *(f"{r:g} images a second" for r in RATES),
            ],
            rows=rows,
            note="Published endurance over the cycles of an image of the most worn layer; by then 63 % of "
            f"the cells have failed.{at} The pulses are those of this card's cell, whatever the technology.",
        )
    return out


def _name(point: Point) -> str:
    failed = point.labels["failed cells [1]"]
    worn = f"{percent(_consumed(point), 0)} of the endurance, {percent(failed, 1)} failed"
    return worn if failed else "new"


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return figures of accuracy, cross-entropy and spike differences against the consumed endurance."""
    if not points:
        return {}
    series = {k: [(_consumed(p), p) for p in line if _consumed(p)] for k, line in _series(points).items()}
    series = {kind: line for kind, line in series.items() if line}
    caption = (
        "Along the cycles of attention cells over their endurance: means with 95 % intervals over chips."
    )
    x_label = "endurance consumed [1]"
    return {
        name: draw.curves(series, x_label=x_label, columns=columns, caption=caption)
        for name, columns in draw.curve_columns(points).items()
        if series
    }


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences on the wear up to which accuracy holds, the time until then, and wear by silent
    tokens.
    """
    if not points:
        return []
    found = _lives(points)
    times = (" (usual) to ".join(map(duration, life.seconds(RATES[-1]))) + " (best)" for life in found)
    each = "; ".join(f"{life.technology} {time}" for life, time in zip(found, times, strict=True))
    said = _wear(points)
    if each:
        said.append(
            f"At {RATES[-1]:g} images a second the published endurance is consumed after: {each}. "
            "These are the cycles of this card's cell and this network's spikes."
        )
    return said + _silence(_new(points))


def _wear(points: Sequence[Point]) -> list[str]:
    new, last, main = _new(points), kept(points), draw.main_column(points)
    if new is None or last is None:
        return []
    line = next(iter(_series(points).values()))
    after = line[line.index(last) + 1 :]
    if last is new and not after:
        return ["No worn chips have been measured yet."]
    lost = after[0].against(new, main) if after else None
    words = (
        "The loss is significant at the lowest wear"
        if last is new
        else f"No significant loss up to {_name(last)}"
    )
    if lost is not None:
        words += f"; at {_name(after[0])}, {draw.said(main)} changes by {draw.change(lost, main, 'points')}"
    return [f"{words}."]


def _silence(new: Point | None) -> list[str]:
    values = {} if new is None else new.total
    pulses, silent, cycles = (values.get(k, 0.0) for k in ("pulses", "silent pulses", "attention cycles"))
    if not silent or not cycles:
        return []
    joule = values["breakdown [J]"].get("attention pulses", 0.0) * silent / pulses
    rest = cycles - values["silent cycles"]
    return [
        f"Silent tokens take {percent(silent / pulses, 0)} of the pulses, {quantity(joule, 'J')} of "
        f"{quantity(values['energy [J]'], 'J')} for an image, and {percent(1 - rest / cycles, 0)} of the "
        f"cycles: the option no-pulse would make cells last {digits(cycles / rest)} times as long, in a "
        "network trained with it; this one was not."
    ]
