"""Attention: STDP attention written with pulses, ideal STDP attention, and other kinds of attention.

Digital: the network with each kind of attention exchanged at inference (matched to its mean weights, not
retrained), networks with other attention trained in the same way, and other STDP windows, including those
that spikes make on devices.  On crossbars: written on each cell, the other kinds with their weights on
arrays, and the other windows written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim import devices
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "The cost of writing attention, and STDP attention against other attention"

TRAINED = ("stdp", "random", "uniform", "uniform-matched", "rate", "dot")
TAUS = (0.125, 0.25, 1.0, 2.0)
SHAPES = ("linear", "rectangular")
LEVELS = (2, 3, 5, 9, 17)
GROUPS = {
    "stdp": "STDP",
    "exchanged": "exchanged at inference",
    "trained": "trained in the same way",
    "window": "another window",
    "cell": "written on",
}


def changes(model: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(group, name, change of the network), for both executions."""
    from memsim.models.registry import relative
    from memsim.models.training.exchange import EXCHANGES
    from memsim.studies.evaluation.physical_window import PHYSICS

    yield "stdp", "as trained", {}
    for kind in EXCHANGES:
        yield "exchanged", kind, {"exchanged": kind}
    for kind in TRAINED:
        with suppress(ValueError):  # not bundled
            if relative(model, kind) != model.lower():
                yield "trained", kind, {"trained": kind}
    for tau in TAUS:
        yield "window", f"tau {tau:g}", {"window": {"tau": tau}}
    for shape in SHAPES:
        yield "window", shape, {"window": {"shape": shape}}
    for levels in LEVELS:
        yield "window", f"{levels} levels", {"window": {"levels": levels}}
    for name in PHYSICS:
        yield "window", f"spikes on {name}", {"physics": name}


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield each digital task once, and each task on crossbars for every block of chips.

    Raises ValueError for a user's own network.
    """
    from memsim.studies.evaluation.subject import refuse_foreign

    refuse_foreign(
        setting,
        "attention",
        "it exchanges STDP attention, and compares networks that were trained in the same way; both exist "
        "only for memsim's own networks",
    )
    card = memsim.ChipCard.parse(dict(setting.card))
    yield _digital(setting, "stdp", "exact histogram", {"form": "histogram"})
    for group, name, change in changes(setting.model):
        yield _digital(setting, group, name, change)
        for chips in blocks(setting.chips):
            yield _written(setting, chips, card, group, name, change)
    for name in devices.names():
        cell = devices.get(name)
        if name != card.attention.cell and (cell.exact or isinstance(cell, devices.PulsedCell)):
            for chips in blocks(setting.chips):
                other = card.replace(attention={"cell": name, "n_max": None})
                yield _written(setting, chips, other, "cell", name, {})


def _digital(setting: Setting, group: str, name: str, change: Mapping[str, Any]) -> Task:
    labels = {"execution": "digital", "group": group, "attention": name}
    shared = crossbars(setting, [0], change=change, engine="digital")
    return Task(study="attention", labels=labels, shared=shared, own={"time [s]": 0.0})


def _written(
    setting: Setting,
    chips: Sequence[int],
    card: memsim.ChipCard,
    group: str,
    name: str,
    change: Mapping[str, Any],
) -> Task:
    labels = {"execution": "crossbars", "group": group, "attention": name, "time [s]": setting.time}
    shared = crossbars(setting, chips, card=card, change=change)
    return Task(study="attention", labels=labels, shared=shared, own={"time [s]": setting.time})


def _pick(points: Sequence[Point], execution: str, group: str | None = None) -> dict[str, Point]:
    """Return points of one execution by name, in the groups' order; the STDP network first."""
    order = list(GROUPS)
    chosen = matching(points, execution=execution, **({} if group is None else {"group": group}))
    chosen.sort(key=lambda p: (order.index(p.labels["group"]), p.labels["attention"] != "as trained"))
    if group is not None:
        return {p.labels["attention"]: p for p in chosen}
    return {f"{GROUPS[p.labels['group']]}: {p.labels['attention']}": p for p in chosen}


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Tabulate all kinds in both executions, attention written on each cell, and all measures."""
    if not points:
        return {}
    main = draw.main_column(points)
    both = {execution: _pick(points, execution) for execution in ("digital", "crossbars")}
    rows = []
    for name in dict.fromkeys([*both["digital"], *both["crossbars"]]):
        cells = (draw.cell(both[e][name].estimate(main), main) if name in both[e] else "" for e in both)
        rows.append([name, *cells])
    out = {
        "rivals": Table(
            title=f"{draw.heading(main)} with each attention",
            header=["attention", "digital", "weights on crossbars, attention written or digital"],
            rows=rows,
            note="On crossbars STDP attention is written with pulses; other kinds of attention stay digital. "
            + draw.NOTE,
        )
    }
    stdp = both["crossbars"].get("STDP: as trained")
    cells = _pick(points, "crossbars", "cell")
    if cells and stdp:
        own = str(memsim.ChipCard.parse(dict(stdp.shared["card"])).attention.cell)
        out["cells"] = draw.lines("Written on each cell", {own: stdp, **cells}, reference=stdp)
    for execution, found in both.items():
        if found:
            reference = found.get("STDP: as trained")
            title = f"All kinds of attention, {execution}"
            out[execution] = draw.lines(title, found, reference=reference)
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Draw all kinds of attention, digital and on crossbars."""
    out = {}
    for execution in ("digital", "crossbars"):
        found = _pick(points, execution)
        if found:
            caption = (
                "digital; intervals over images"
                if execution == "digital"
                else "on crossbars; intervals over chips"
            )
            out[execution] = draw.forest(
                found,
                reference=found.get("STDP: as trained"),
                caption=f"All kinds of attention {caption} (95 %).",
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Compare written with ideal attention on the same chips, and STDP with the best other attention."""
    if not points:
        return []
    main, said = draw.main_column(points), []
    written, digital = _pick(points, "crossbars"), _pick(points, "digital")
    stdp, ideal = written.get("STDP: as trained"), written.get("written on: ideal")
    if stdp is not None and ideal is not None:
        loss = stdp.against(ideal, main)
        if loss is not None:
            said.append(
                f"Writing attention with pulses changes {draw.said(main)} by "
                f"{draw.change(loss, main, 'points')} against ideal attention on the same chips, "
                f"{duration(stdp.labels['time [s]'])} after programming."
            )
    trained = {k.split(": ")[1]: p for k, p in digital.items() if k.startswith("trained in the same way")}
    if trained and "STDP: as trained" in digital:
        trained.setdefault("stdp", digital["STDP: as trained"])
    if "stdp" in trained and len(trained) > 1:
        best = max((k for k in trained if k != "stdp"), key=lambda k: trained[k].estimate(main).mean)
        ours, theirs = trained["stdp"].estimate(main), trained[best].estimate(main)
        gap = trained["stdp"].against(trained[best], main, of=len(trained) - 1)
        verdict = {1: "better than", -1: "worse than", 0: "not significantly different from"}
        said.append(
            f"Trained in the same way and executed digitally, STDP attention ({draw.cell(ours, main)} % "
            f"{draw.said(main)}) is {verdict[gap.sure[0] if gap else 0]} the best other attention, {best} "
            f"({draw.cell(theirs, main)} %); each was trained with one seed."
        )
    return said
