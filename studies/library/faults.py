"""Faults: accuracy over the share of faulty devices and lines, by kind, with spares and without.

Each kind of fault alone, in weight arrays and in attention arrays, on top of all else that the card has on;
with spare lines in place of the worst; and the shares of corrupt devices that the sources of presets report.
The same chips throughout: what is faulty at one share is faulty at any higher one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim.card.faults import SHARES
from memsim.devices.fault_shares import CORRUPT
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.identity import digest
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import percent
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "The cost of faulty devices and lines, and the gain by spares"

LEVELS = (0.001, 0.01, 0.03, 0.1)
"""Shares of faulty devices, or lines [1]."""

SPARES = 8
"""Spare rows and spare columns of each tile, and of each attention array."""

KINDS = {name: name.replace("_", " ").replace("random", "at random") for name in SHARES}
"""Kinds of fault by their field in a card."""

TABLES = {"weight": "weight_faults", "attention": "attention_faults"}
"""Sorts of arrays, and the table of a card that has their faults."""

CARD, PLAIN, SPARED, OWN = "no fault", "no spares", f"{SPARES} spare rows and columns", "own share"


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield the card without faults; every kind and share, with spares and without; presets with their own
    share.

    A network that writes no attention has faults in weight arrays alone.
    """
    from memsim.studies.evaluation.subject import Subject
    from memsim.written_attention import attention_layers

    writes = bool(attention_layers(Subject.of(setting).net))
    alike: dict[str, tuple[memsim.ChipCard, list[dict[str, Any]]]] = {}
    for labels, card in variants(memsim.ChipCard.parse(dict(setting.card)), writes):
        alike.setdefault(digest(dump(card)), (card, []))[1].append(labels)
    for card, points in alike.values():
        for chips in blocks(setting.chips):
            shared = crossbars(setting, chips, card=card)
            for labels in points:
                yield Task(study="faults", labels=labels, shared=shared, own={"time [s]": setting.time})


def variants(card: memsim.ChipCard, writes: bool) -> Iterator[tuple[dict[str, Any], memsim.ChipCard]]:
    """(labels, card) of everything compared."""
    none = dict.fromkeys((*SHARES, "spare_rows", "spare_columns"), 0)
    off = card.off - {"faults"}
    card = card.replace(off=off, weight_faults=none, attention_faults={**none, "corrupt_devices": False})
    yield _labels("both", CARD, 0.0, PLAIN), card
    spares = {"spare_rows": SPARES, "spare_columns": SPARES}
    for sort, table in TABLES.items():
        if sort == "attention" and (not writes or card.attention.cell == "ideal"):
            continue
        if sort == "weight" and card.ideal:
            continue
        for field, kind in KINDS.items():
            for share in LEVELS:
                for name, beside in ((PLAIN, {}), (SPARED, spares)):
                    yield _labels(sort, kind, share, name), card.replace(**{table: {field: share, **beside}})
    for cell, own in CORRUPT.items() if writes else ():
        for share, corrupt in ((0.0, False), (own.share, True)):
            changed = card.replace(attention={"cell": cell}, attention_faults={"corrupt_devices": corrupt})
            yield _labels("attention", f"{OWN} of {cell}", share, PLAIN), changed


def _labels(arrays: str, kind: str, share: float, spares: str) -> dict[str, Any]:
    return {"arrays": arrays, "kind": kind, "share [1]": share, "spares": spares}


def _line(points: Sequence[Point], arrays: str, kind: str, spares: str) -> list[tuple[float, Point]]:
    """Return points of a kind by its share."""
    found = matching(points, arrays=arrays, kind=kind, spares=spares)
    return sorted(((p.labels["share [1]"], p) for p in found), key=lambda entry: entry[0])


def _series(points: Sequence[Point], arrays: str) -> dict[str, list[tuple[float, Point]]]:
    """Return each kind of fault in arrays of a sort, without spares and with them."""
    lines = {
        f"{kind}, {spares}": _line(points, arrays, kind, spares)
        for kind in KINDS.values()
        for spares in (PLAIN, SPARED)
    }
    return {name: line for name, line in lines.items() if line}


def _sound(points: Sequence[Point]) -> Point | None:
    """Return the chips without a fault."""
    return next((p for p in points if p.labels["kind"] == CARD), None)


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return the accuracy by kind and share; what spares save; the presets' own shares; everything
    measured.
    """
    if not points:
        return {}
    main, sound, out = draw.main_column(points), _sound(points), dict[str, Table]()
    for arrays in TABLES:
        if series := _series(points, arrays):
            out[arrays] = _by_share(series, arrays, main, sound)
    if rows := list(_saved(points, main)):
        out["spares"] = Table(
            title=f"What {SPARED} save: change of {draw.said(main)} [points] against none",
            header=["arrays", "fault", *map(_percent, LEVELS)],
            rows=rows,
            note="Changes are taken chip by chip. Brackets hold 95 % intervals, Student's t over chips.",
        )
    if rows := list(_own(points, main)):
        out["own"] = Table(
            title="Corrupt devices as the sources of presets report them",
            header=["cell", "corrupt [%]", f"{draw.heading(main)} without", "with", "change [points]"],
            rows=rows,
            note=draw.NOTE,
        )
    named = {f"{p.labels['arrays']}, {_name(p)}": p for p in points}
    return out | {"points": draw.lines("All points", named, reference=sound)}


def _by_share(
    series: dict[str, list[tuple[float, Point]]], arrays: str, main: str, sound: Point | None
) -> Table:
    """Return a row for each kind, with and without spares; a column for each share."""
    rows = []
    for name, line in series.items():
        at = dict(line)
        rows.append([name, *(draw.cell(at[s].estimate(main), main) if s in at else "" for s in LEVELS)])
    without = "" if sound is None else f" Without a fault: {draw.cell(sound.estimate(main), main)}."
    return Table(
        title=f"{draw.heading(main)} by the share of faults in {arrays} arrays",
        header=["fault", *map(_percent, LEVELS)],
        rows=rows,
        note=f"{draw.NOTE}{without}",
    )


def _percent(share: float) -> str:
    return percent(share, 1)


def _name(point: Point) -> str:
    share, spares = point.labels["share [1]"], point.labels["spares"]
    return f"{point.labels['kind']} {_percent(share)}{'' if spares == PLAIN else f', {spares}'}"


def _saved(points: Sequence[Point], main: str) -> Iterator[list[str]]:
    """For each kind, the change that spares bring at each share."""
    for arrays in TABLES:
        for kind in KINDS.values():
            plain, spared = (dict(_line(points, arrays, kind, spares)) for spares in (PLAIN, SPARED))
            gains = [
                spared[s].against(plain[s], main) if s in plain and s in spared else None for s in LEVELS
            ]
            if any(gains):
                yield [arrays, kind, *(draw.change(gain, main) for gain in gains)]


def _own(points: Sequence[Point], main: str) -> Iterator[list[str]]:
    """Yield presets without and with their own share of corrupt devices."""
    for cell, own in CORRUPT.items():
        line = dict(_line(points, "attention", f"{OWN} of {cell}", PLAIN))
        if 0.0 in line and own.share in line:
            both = [draw.cell(line[s].estimate(main), main) for s in (0.0, own.share)]
            change = draw.change(line[own.share].against(line[0.0], main), main)
            yield [cell, percent(own.share), *both, change]


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return the accuracy, cross-entropy and spikes that differ along the share of faults: without spares,
    and with.
    """
    out = {}
    for arrays, spares in product(TABLES, (PLAIN, SPARED)) if points else ():
        series = {kind: _line(points, arrays, kind, spares) for kind in KINDS.values()}
        series = {kind: line for kind, line in series.items() if line}
        for name, columns in draw.curve_columns(points).items() if series else ():
            out[f"{arrays}-{'spares-' * (spares == SPARED)}{name}"] = draw.curves(
                series, x_label="share of faulty devices, or lines [1]", columns=columns,
                ticks={share: _percent(share) for share in LEVELS},
                caption=f"Means over chips with 95 % intervals against the share of faults in {arrays} "
                f"arrays with {spares}, each kind alone.",
            )  # fmt: skip
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return for each kind of array the share above which a fault lowers accuracy significantly, with and
    without spares, and the loss at the shares that sources of presets report.
    """
    sound = _sound(points)
    if not points or sound is None:
        return []
    main, said = draw.main_column(points), []
    for arrays in TABLES:
        for spares in (PLAIN, SPARED):
            if words := [
                w for kind in KINDS.values() if (w := _first_loss(points, arrays, kind, spares, sound, main))
            ]:
                said.append(
                    f"In {arrays} arrays with {spares} {draw.said(main)} falls significantly: "
                    f"{'; '.join(words)}."
                )
    for cell, own in CORRUPT.items():
        line = dict(_line(points, "attention", f"{OWN} of {cell}", PLAIN))
        gain = line[own.share].against(line[0.0], main) if 0.0 in line and own.share in line else None
        if gain is not None:
            said.append(
                f"The share of corrupt devices that the source of {cell} reports, {percent(own.share)}, "
                f"changes {draw.said(main)} by {draw.change(gain, main, 'points')}."
            )
    return said


def _first_loss(points: Sequence[Point], arrays: str, kind: str, spares: str, sound: Point, main: str) -> str:
    """Return in words the lowest share of a kind at which the loss is significant on these images."""
    line = _line(points, arrays, kind, spares)
    for share, point in line:
        lost = point.against(sound, main, of=len(line))
        if lost is not None and lost.high < 0:
            return f"{kind} from {_percent(share)} on, by {draw.change(lost, main, 'points')}"
    return f"{kind} at none of the shares" if line else ""
