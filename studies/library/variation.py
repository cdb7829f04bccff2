"""Variation: which non-ideality and which layer costs how much, and how the loss grows with each spread.

Each kind of non-ideality alone on and alone off after a second, a day and a year (once where time changes
nothing); each single effect of attention and converters alone; each layer alone on crossbars and alone
digital; each spread doubled.  The same chips throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

import memsim
from memsim.card.fields import ADC_EFFECTS, ARRAY_EFFECTS
from memsim.studies.evaluation.crossbars import crossbars
from memsim.studies.evaluation.points import Point, matching
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.quantities import duration
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

if TYPE_CHECKING:
    from torch import nn

title = "The cost of variation, by kind, layer and size"

TIMES = (1.0, 86400.0, 365 * 86400.0)
FACTORS = (2.0,)
"""What each spread is multiplied with."""

CONVERTERS = ("dac", "adc", *ADC_EFFECTS)
ATTENTION = ("attention writing", "wear")
"""Kinds of what is written at run time."""

CARD, NOTHING = "the card", "nothing"


def kinds(card: memsim.ChipCard) -> dict[str, tuple[str, ...]]:
    """Return groups of effects by name: each of the weight cell, attention writing, converters, ..."""
    writing = (*card.attention_cell.effects, "pulse-rounding")
    weights = {effect: (effect,) for effect in card.weight_cell.effects if effect not in writing}
    found = {
        **weights,
        "attention writing": writing,
        "converters": CONVERTERS,
        "wear": ("wear",),
        "wires": ("wires",),
        "output noise": ("output-noise",),
        "weight rounding": ("weight-rounding",),
        "circuit noise": ("thermal-noise", "shot-noise", "amplifier-noise"),
        "faults": ("faults",),
    }
    there = {name: tuple(e for e in effects if e in card.effects) for name, effects in found.items()}
    return {name: effects for name, effects in there.items() if effects}


def layers(net: nn.Module) -> dict[str, tuple[str, ...]]:
    """Return groups of layers, as patterns by name: the encoder, further patch convolutions, and for each
    block Q K V, attention, projection and MLP, and the head; in other networks each layer is a group.
    """
    from memsim.mapping.exchange import matrix_names
    from memsim.models import S2TDPT
    from memsim.written_attention import attention_layers

    found: dict[str, tuple[str, ...]] = {}
    for name in (*matrix_names(net), *(name for name, _ in attention_layers(net))):
        group = _group(name.split(".")) if isinstance(net, S2TDPT) else name
        found[group] = (*found.get(group, ()), name)
    return found


def _group(part: list[str]) -> str:
    """Return the group of an S2TDPT's layer, from the parts of its name."""
    if part[0] == "blocks":
        where = part[3] if part[2] == "attention" else "mlp"
        return f"block {part[1]} {'qkv' if where in ('q', 'k', 'v') else where}"
    return part[0] if part[0] == "head" else f"{part[0]} {part[1]}"


def variants(card: memsim.ChipCard, net: nn.Module) -> Iterator[tuple[str, str, str, memsim.ChipCard, bool]]:
    """(part, what, how, card, whether at all TIMES) of everything compared."""
    from memsim.written_attention import attention_layers

    yield "card", CARD, "as it is", card, True
    yield "card", NOTHING, "alone on", card.only(), True
    groups, writing = kinds(card), bool(attention_layers(net))
    if not writing:  # nothing is written at run time
        groups = {name: effects for name, effects in groups.items() if name not in ATTENTION}
    for name, effects in groups.items():
        yield "kind", name, "alone on", card.only(*effects), True
        yield "kind", name, "alone off", card.without(*effects), True
    for effect in (
        e for name in ("attention writing", "converters", "circuit noise") for e in groups.get(name, ())
    ):
        yield "effect", effect, "alone on", card.only(effect), False
        yield "effect", effect, "alone off", card.without(effect), False
    every = layers(net)
    for name, group in every.items():
        others = [layer for other in every.values() for layer in other if layer not in group]
        yield "layer", name, "alone on", card.replace(digital=others), False
        yield "layer", name, "alone off", card.replace(digital=list(group)), False
    spreads = card.effects if writing else [e for group in groups.values() for e in group]
    for effect in (e for e in spreads if e not in ARRAY_EFFECTS):
        own = card.strengths.get(effect, 1.0)
        for factor in FACTORS:
            yield "spread", effect, f"× {factor:g}", card.replace(strengths={effect: factor * own}), False


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield every variant on every block of chips; those at several times share one programming, and chips
    that do not age have no time.
    """
    from memsim.studies.evaluation.subject import Subject

    card = memsim.ChipCard.parse(dict(setting.card))
    for part, what, how, changed, always in variants(card, Subject.of(setting).net):
        for chips in blocks(setting.chips):
            shared = crossbars(setting, chips, card=changed)
            ageless = always and not _ages(changed)
            for time in sorted({setting.time, *(TIMES if always and not ageless else ())}):
                label = None if ageless else time
                labels: dict[str, Any] = {"part": part, "what": what, "how": how, "time [s]": label}
                yield Task(study="variation", labels=labels, shared=shared, own={"time [s]": time})


def _ages(card: memsim.ChipCard) -> bool:
    """Return whether the time since programming changes anything."""
    return card.weight_cell.ages or card.weights.reprogram_every is not None


def _pick(points: Sequence[Point], part: str, how: str, time: float) -> dict[str, Point]:
    """Return what was measured at a time, or holds at any."""
    found = matching(points, part=part, how=how)
    return {p.labels["what"]: p for p in found if p.labels["time [s]"] in (time, None)}


def _times(points: Sequence[Point]) -> tuple[list[float], float]:
    """Return times of the kinds, and the one time everything was measured at."""
    every = {p.labels["time [s]"] for p in points if p.labels["part"] in ("card", "kind")}
    found = sorted(every - {None}) or list(TIMES[:1])
    one = [p.labels["time [s]"] for p in points if p.labels["part"] in ("effect", "layer", "spread")]
    return found, (one or found)[0]


def ranking(points: Sequence[Point]) -> dict[float, list[tuple[str, Point, Point]]]:
    """By time: (kind, alone on, alone off), the kind that costs most first.

    Costs most: the largest cross-entropy with that kind alone on (what it adds to that of chips with nothing
    on); accuracy saturates, cross-entropy does not.
    """
    times, _ = _times(points)
    entropy = draw.entropy_column(points)
    out = {}
    for time in times:
        on, off = (_pick(points, "kind", how, time) for how in ("alone on", "alone off"))
        both = [(name, on[name], off[name]) for name in on if name in off]
        out[time] = sorted(both, key=lambda entry: -entry[1].estimate(entropy).mean)
    return out


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return kinds by time, worst first; then effects, layers and spreads at one time."""
    if not points:
        return {}
    main, entropy = draw.main_column(points), draw.entropy_column(points)
    rows, nothing = [], _nothing(points)
    for time, ranked in ranking(points).items():
        whole = _pick(points, "card", "as it is", time).get(CARD)
        for name, on, off in ranked:
            rows.append([
                duration(time), name, draw.cell(on.estimate(main), main),
                draw.cell(on.estimate(entropy), entropy),
                draw.change(on.against(nothing, entropy), entropy) if nothing else "",
                draw.cell(off.estimate(main), main),
                draw.change(off.against(whole, main), main) if whole else "",
            ])  # fmt: skip
        if whole:
            both = (draw.cell(whole.estimate(c), c) for c in (main, entropy))
            added = draw.change(whole.against(nothing, entropy), entropy) if nothing else ""
            rows.append([duration(time), "all of them: the card", *both, added, "", ""])
    if nothing:
        both = (draw.cell(nothing.estimate(c), c) for c in (main, entropy))
        rows.append(["any", "none of them", *both, "", "", ""])
    header = ["time", "kind", f"alone on: {draw.MEASURES[main]}", f"alone on: {draw.MEASURES[entropy]}",
              f"alone on: added {draw.said(entropy)} [nat]", f"alone off: {draw.MEASURES[main]}",
              f"alone off: change of {draw.said(main)} [points]"]  # fmt: skip
    note = (
        "Kinds are sorted by the cross-entropy that each adds alone to chips without any effect. " + draw.NOTE
    )
    title = "Loss by kind of non-ideality"
    out = {"kinds": Table(title=title, header=header, rows=rows, note=note)} if rows else {}
    _, time = _times(points)
    whole = _pick(points, "card", "as it is", time)
    for part, name in (("layer", "layers"), ("effect", "effects"), ("spread", "spreads")):
        chosen = {f"{p.labels['what']}, {p.labels['how']}": p for p in points if p.labels["part"] == part}
        if chosen:
            out[name] = draw.lines(
                f"Each {part}, {duration(time)} after programming", whole | chosen, reference=whole.get(CARD)
            )
    return out


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return kinds at each time; layers; spreads."""
    if not points:
        return {}
    times, time = _times(points)
    out = {}
    for at in times:
        on, off = (_pick(points, "kind", how, at) for how in ("alone on", "alone off"))
        shown = _pick(points, "card", "as it is", at)
        named = (
            shown
            | {f"{k} alone on": p for k, p in on.items()}
            | {f"{k} alone off": p for k, p in off.items()}
        )
        if named:
            out[f"kinds-{duration(at).replace(' ', '-')}"] = draw.forest(
                named,
                reference=shown.get(CARD),
                caption=f"Each kind of non-ideality alone on and alone off, {duration(at)} after "
                "programming; dotted: the card. Means over chips with 95 % intervals.",
            )
    whole = _pick(points, "card", "as it is", time)
    for part, caption in (
        (
            "layer",
            "Each layer alone on crossbars, all others digital, and alone digital, all others on crossbars",
        ),
        ("spread", "Each random effect with its standard deviation (drift: its exponent) doubled"),
    ):
        chosen = {f"{p.labels['what']}, {p.labels['how']}": p for p in points if p.labels["part"] == part}
        if chosen:
            out[f"{part}s"] = draw.forest(
                whole | chosen, reference=whole.get(CARD), caption=f"{caption}; dotted: the card."
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return the kind with the largest loss at each time and the worst layer, with their significance."""
    if not points:
        return []
    main, entropy = draw.main_column(points), draw.entropy_column(points)
    said = []
    for time, ranked in ranking(points).items():
        if ranked:
            nothing = _nothing(points)
            shown = [f"{name}{_added(on, nothing, entropy)}" for name, on, _ in ranked[:3]]
            then = f"; then {', '.join(shown[1:])}" if shown[1:] else ""
            said.append(
                f"After {duration(time)} {shown[0]} adds most to the {draw.said(entropy)} of chips without "
                "any "
                f"effect{then}." + _unsure([on for _, on, _ in ranked], entropy)
            )
    _, time = _times(points)
    alone = _pick(points, "layer", "alone on", time)
    if alone:
        ranked = sorted(alone, key=lambda name: -alone[name].estimate(entropy).mean)
        worst = alone[ranked[0]]
        said.append(
            f"With one layer on crossbars and all others digital, {draw.said(entropy)} is highest for "
            f"{ranked[0]} ({draw.cell(worst.estimate(main), main)} % {draw.said(main)})."
            + _unsure([alone[name] for name in ranked], entropy)
        )
    return said


def _nothing(points: Sequence[Point]) -> Point | None:
    """Return chips with nothing on: the same at any time."""
    return next((p for p in points if p.labels["what"] == NOTHING), None)


def _added(point: Point, nothing: Point | None, column: str) -> str:
    """Return what a kind adds in cross-entropy to chips with nothing on, the same chips in pairs."""
    gain = None if nothing is None else point.against(nothing, column)
    return "" if gain is None else f" ({draw.change(gain, column, 'nat')})"


def _unsure(ranked: Sequence[Point], column: str) -> str:
    """Return a sentence if the first of a ranking is not significantly above the second; "" otherwise."""
    gap = ranked[0].against(ranked[1], column, of=len(ranked)) if len(ranked) > 1 else None
    said = " The difference of the first two is not significant (95 %)."
    return said if gap is not None and gap.low <= 0 else ""
