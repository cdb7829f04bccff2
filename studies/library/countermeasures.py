"""Counter-measures: the loss by writing attention on each cell, its causes, and measures against it.

Only attention is on arrays, written on every pulsed preset and read by the ADC of the card; all other layers
are digital.  The study has each effect of the cell alone on and alone off, each counter-measure alone, and
those that can be built together, all on the same chips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim import devices, models
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import digits
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "Counter-measures against the loss by writing attention, and their cost"

TIME = 1.0
"""Time after programming [s]; weights are digital, so the time has no effect."""

IMAGES = 1024
"""Training images that batch norms are estimated on."""

DOUBT = (
    "The reset noise is uncertain: reset_std = 0.01 is the default of aihwkit in all its presets and comes "
    "from no paper; for ecram-li it is five steps. "
)
WITHOUT, NOTHING = "without", "ideal writing"
MISMATCH = "spike mismatch [1]"
COSTS = {"pulses": "pulses", "devices": "attention devices", "energy": "energy [J]"}
"""Costs of a measure, by name -> the key under which a point holds the cost for an image."""

TOGETHER = {"devices_per_synapse": 4, "reset": "verified", "verify_rounds": 1, "row_gain": True}


def pulsed() -> list[str]:
    """Return every preset that is written by pulses."""
    return [name for name in devices.names() if isinstance(devices.get(name), devices.PulsedCell)]


def measures() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield (name, change of the attention section, a task's own fields) of measures for any cell."""
    four = {"devices_per_synapse": 4}
    yield WITHOUT, {}, {}
    yield "batch norms estimated on the chip", {}, {"recalibrate": IMAGES}  # of the same chips: right after
    yield "4 devices, every pulse to all", four, {}
    yield "4 devices by the counter", four | {"sharing": "counter"}, {}
    yield "verified reset", {"reset": "verified"}, {}
    yield "read-verify, one round", {"verify_rounds": 1}, {}
    yield "gain of each word line", {"row_gain": True}, {}
    yield "together", TOGETHER, {}


def further(cell: str, model: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield (name, change of the attention section, change of the network) of further measures."""
    from memsim.models.registry import tuned

    preset = devices.get(cell)
    assert isinstance(preset, devices.PulsedCell)
    few = {"devices_per_synapse": 4, "sharing": "counter", "n_max": preset.n_max}
    yield "linear coding (no calibration)", {"coding": "linear"}, {}
    yield "4 devices by the counter, no more pulses", few, {}
    if not preset.one_sided:
        yield "reset by pulses", {"reset": "pulses"}, {}
    yield "read-verify, three rounds", {"verify_rounds": 3}, {}
    yield "counts of each device's own (upper bound)", {"coding": "per-device"}, {}
    for levels in (3, 5, 9):
        yield f"window of {levels} levels", {}, {"window": {"levels": levels}}
    with suppress(ValueError):  # not bundled
        tuned(model, cell)
        yield "network tuned on the cell", {}, {"tuned": cell}


def effects(card: memsim.ChipCard) -> Iterator[tuple[str, str, memsim.ChipCard]]:
    """(effect, how, card): each effect of writing alone on and alone off."""
    own = (*card.attention_cell.effects, "pulse-rounding")
    for effect in own:
        yield effect, "alone on", card.without(*(e for e in own if e != effect))
        yield effect, "alone off", card.without(effect)


def tasks(setting: Setting, cells: Sequence[str] | None = None) -> Iterator[Task]:
    """Yield for each cell (None: all pulsed) and block of chips ideal writing and the measures that can be
    built, then every effect, then further measures, so that a study that is stopped early has the first part
    for every cell.  Raises ValueError for a user's own network.
    """
    from memsim.mapping.exchange import matrix_names
    from memsim.studies.evaluation.subject import refuse_foreign

    refuse_foreign(
        setting,
        "countermeasures",
        "it changes the STDP windows and writes of memsim's own networks; try tradeoff or variation",
    )
    layers = matrix_names(models.load(setting.model))
    whole = memsim.ChipCard.parse(dict(setting.card)).replace(digital=layers)
    for part in (_built, _effects, _further):
        for cell in pulsed() if cells is None else cells:
            card = whole.replace(attention={"cell": cell, "n_max": None})
            for chips in blocks(setting.chips):
                yield from part(setting, chips, card)


def _built(setting: Setting, chips: Sequence[int], card: memsim.ChipCard) -> Iterator[Task]:
    cell = card.attention_cell
    ideal = card.without(*cell.effects, "pulse-rounding")
    yield _task(setting, chips, ideal, (cell.name, "effect", NOTHING, ""))
    for name, change, own in measures():
        changed = card.replace(attention=change)
        yield _task(setting, chips, changed, (cell.name, "measure", name, ""), own=own)


def _effects(setting: Setting, chips: Sequence[int], card: memsim.ChipCard) -> Iterator[Task]:
    for effect, how, changed in effects(card):
        yield _task(setting, chips, changed, (card.attention_cell.name, "effect", effect, how))


def _further(setting: Setting, chips: Sequence[int], card: memsim.ChipCard) -> Iterator[Task]:
    cell = card.attention_cell.name
    for name, change, network in further(cell, setting.model):
        changed = card.replace(attention=change)
        yield _task(setting, chips, changed, (cell, "measure", name, ""), network)


def _task(
    setting: Setting,
    chips: Sequence[int],
    card: memsim.ChipCard,
    at: tuple[str, str, str, str],
    network: Mapping[str, Any] = MappingProxyType({}),
    own: Mapping[str, Any] = MappingProxyType({}),
) -> Task:
    cell, part, what, how = at
    labels = {"cell": cell, "part": part, "what": what, "how": how}
    shared = crossbars(setting, chips, card=card, change=network)
    return Task(study="countermeasures", labels=labels, shared=shared, own={"time [s]": TIME, **own})


def _pick(points: Sequence[Point], cell: str, part: str, how: str = "") -> dict[str, Point]:
    return {p.labels["what"]: p for p in matching(points, cell=cell, part=part, how=how)}


def _cells(points: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(p.labels["cell"] for p in points))


def best(found: Mapping[str, Point]) -> str | None:
    """Return the measure with the fewest spikes that differ, of those that can be built; None for none.

    Spikes distinguish measures whose accuracy and cross-entropy do not differ significantly at these sizes.
    """
    possible = [name for name, *_ in measures() if name in found and name != WITHOUT]
    return min(possible, key=lambda name: found[name].estimate(MISMATCH).mean, default=None)


def _shown(point: Point | None, columns: Sequence[str]) -> list[str]:
    has = [] if point is None else point.per_chip
    return [draw.cell(point.estimate(c), c) if point and c in has else "" for c in columns]


def _cost(point: Point, without: Point | None) -> list[str]:
    """Return the costs of COSTS as multiples of those without a measure."""
    out = []
    for key in COSTS.values():
        ours, theirs = (None if p is None else p.total.get(key) for p in (point, without))
        out.append(f"{ours / theirs:.2f}" if ours is not None and theirs else "")
    return out


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Tabulate the best measure for each cell, the loss by effect, and every measure."""
    if not points:
        return {}
    out = {"best": _best_table(points)} | _effects_table(points)
    for cell in _cells(points):
        found = _pick(points, cell, "measure")
        if found:
            out[f"measures-{cell}"] = _measures_table(cell, found)
    return out


def _best_table(points: Sequence[Point]) -> Table:
    columns, rows = [draw.main_column(points), draw.entropy_column(points), MISMATCH], []
    for cell in _cells(points):
        found, ideal = _pick(points, cell, "measure"), _pick(points, cell, "effect").get(NOTHING)
        without, name = found.get(WITHOUT), best(found)
        chosen = None if name is None else found[name]
        gain = chosen.against(without, MISMATCH) if chosen and without else None
        row = [cell, *_shown(ideal, columns), *_shown(without, columns), name or "", *_shown(chosen, columns)]
        rows.append([*row, draw.change(gain, MISMATCH), *(_cost(chosen, without) if chosen else [""] * 3)])
    heads = [f"{which}: {draw.MEASURES[c]}" for which in (NOTHING, WITHOUT, "with") for c in columns]
    header = ["cell", *heads[:-3], "best measure", *heads[-3:],
              "change of spikes that differ [points]", *_cost_header()]  # fmt: skip
    note = (
        "The best measure is the one with the fewest spikes that differ among those that can be built. It "
        "is chosen and shown on the same chips, so its result is slightly too good. Costs are multiples of "
        "those "
        "without a measure. " + draw.NOTE
    )
    return Table(title="The best counter-measure for each cell", header=header, rows=rows, note=note)


def _cost_header() -> list[str]:
    return [f"{kind} [×]" for kind in COSTS]


def _effects_table(points: Sequence[Point]) -> dict[str, Table]:
    entropy, rows = draw.entropy_column(points), []
    for cell in _cells(points):
        found = _pick(points, cell, "effect")
        ideal, whole = found.get(NOTHING), _pick(points, cell, "measure").get(WITHOUT)
        on, off = (_pick(points, cell, "effect", how) for how in ("alone on", "alone off"))
        for effect in dict.fromkeys([*on, *off]):
            row = [cell, effect]
            for column in (MISMATCH, entropy):
                added = on[effect].against(ideal, column) if effect in on and ideal else None
                saved = off[effect].against(whole, column) if effect in off and whole else None
                row += [draw.change(added, column), draw.change(saved, column)]
            rows.append(row)
    told = {"spikes that differ": "points", draw.said(entropy): "nat"}
    header = ["cell", "effect"]
    for what, unit in told.items():
        header += [f"{what}, alone on: added [{unit}]", f"{what}, alone off: change [{unit}]"]
    title = "Loss by effect of the cell"
    return {"effects": Table(title=title, header=header, rows=rows, note=DOUBT + draw.NOTE)} if rows else {}


def _measures_table(cell: str, found: Mapping[str, Point]) -> Table:
    without = found.get(WITHOUT)
    table = draw.lines(f"Every counter-measure on {cell}", found, reference=without)
    entropy = draw.entropy_column(list(found.values()))
    changed = f"change of {draw.said(entropy)} [nat]"
    header = [*table.header, changed, *_cost_header(), "cycles of a device"]
    rows = []
    for row, point in zip(table.rows, found.values(), strict=True):
        gain = (
            draw.change(point.against(without, entropy), entropy) if without and point is not without else ""
        )
        cycles = point.total.get("attention cycles")
        rows.append([*row, gain, *_cost(point, without), "" if cycles is None else digits(cycles)])
    return Table(title=table.title, header=header, rows=rows, note=table.note)


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Draw the effects and measures of each cell."""
    out = {}
    for cell in _cells(points):
        found = _pick(points, cell, "measure")
        on = {f"{name} alone on": p for name, p in _pick(points, cell, "effect", "alone on").items()}
        ideal = _pick(points, cell, "effect")
        shown = found | ideal | on
        if shown:
            out[cell] = draw.forest(
                shown,
                reference=found.get(WITHOUT),
                caption=f"Only attention on arrays, written on {cell}: each counter-measure, and each effect "
                "alone on; dotted: without a measure. Means over chips with 95 % intervals.",
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return for each cell the loss by writing and its main effect, and the best measure with its cost."""
    return [said for cell in _cells(points) for said in (*_loss(points, cell), *_help(points, cell))]


def _loss(points: Sequence[Point], cell: str) -> Iterator[str]:
    without = _pick(points, cell, "measure").get(WITHOUT)
    ideal = _pick(points, cell, "effect").get(NOTHING)
    if without is None or ideal is None:
        return
    main, entropy = draw.main_column(points), draw.entropy_column(points)
    loss, accuracy, more = (without.against(ideal, c) for c in (entropy, main, MISMATCH))
    if loss is not None:
        yield (
            f"Writing attention on {cell} changes the spikes that differ by "
            f"{draw.change(more, MISMATCH, 'points')}, {draw.said(entropy)} by "
            f"{draw.change(loss, entropy, 'nat')} and {draw.said(main)} by "
            f"{draw.change(accuracy, main, 'points')} against ideal writing"
            f"{_worst(points, cell, ideal)}."
        )


def _help(points: Sequence[Point], cell: str) -> Iterator[str]:
    found = _pick(points, cell, "measure")
    without, name = found.get(WITHOUT), best(found)
    if without is None or name is None:
        return
    gain = found[name].against(without, MISMATCH, of=len([one for one in found if one != WITHOUT]))
    if gain is None:
        return
    costs = [f"{c} × the {kind}" for c, kind in zip(_cost(found[name], without), COSTS, strict=True) if c]
    price = f", for {', '.join(costs)}" if costs else ""
    sure = "lowers" if gain.high < 0 else "does not significantly lower"
    yield (
        f"On {cell} the best counter-measure, {name}, {sure} the spikes that differ: "
        f"{draw.change(gain, MISMATCH, 'points')}{price}."
    )


def _worst(points: Sequence[Point], cell: str, ideal: Point) -> str:
    on = _pick(points, cell, "effect", "alone on")
    added = {name: gap for name, p in on.items() if (gap := p.against(ideal, MISMATCH)) is not None}
    if not added:
        return ""
    name = max(added, key=lambda effect: added[effect].mean)
    return f"; of its effects alone, {name} adds most, {draw.change(added[name], MISMATCH, 'points')}"
