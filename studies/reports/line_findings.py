"""What a report says of the lines of arrays: their resistance, whether it is simulated, if they settle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import memsim
from memsim.studies.reports.quantities import digits, quantity

Summary = Mapping[str, Any]

SMALL, RULE = 0.3, 1.0
"""kappa below which wires change currents by a few per cent, and above which they dominate the result."""

SORTS = {"weights": "weight tiles", "attention": "attention arrays"}


def left_out(summary: Summary) -> list[str]:
    """Return sorts of arrays whose lines are not simulated."""
    told = summary.get("wires", {})
    return [words for key, words in SORTS.items() if told.get(key) == "none"]


def kappas(summary: Summary) -> dict[str, float]:
    """kappa [1] of every array that has devices."""
    return {layer: k for layer, k in summary.get("kappa", {}).items() if k > 0}


def warning(summary: Summary) -> str:
    """Return warnings that belong beside the result, or "": lines with a considerable effect that are not
    simulated, and reads that end before the lines have settled.
    """
    told, kappa, out = summary.get("wires", {}), kappas(summary), left_out(summary)
    words = []
    worst = max(kappa, key=lambda n: kappa[n], default="")
    if out and worst and kappa[worst] > SMALL:
        words.append(
            f"The resistance of wires is not simulated in {' and '.join(out)}, although kappa is "
            f"{digits(kappa[worst])} in {worst}, above {SMALL}: with it the result would be worse."
        )
    if told.get("settling [s]", 0.0) > told.get("read_time [s]", 0.0):
        words.append(
            f"Lines take {quantity(told['settling [s]'], 's')} to settle to half a step of the converters, "
            f"longer than a read of {quantity(told['read_time [s]'], 's')}: a read would end before the "
            "currents have settled."
        )
    return " ".join(words)


def wires(summary: Summary) -> tuple[str, list[dict[str, str]]]:
    """Return sentences about the largest kappa, the simulated lines and settling; kappa [1] by array."""
    kappa, told = kappas(summary), summary.get("wires", {})
    rows = [{"layer": layer, "kappa": digits(k), "meaning": _meaning(k)} for layer, k in kappa.items()]
    if not rows:
        return "", rows
    worst = max(kappa, key=lambda n: kappa[n])
    over = sum(k >= SMALL for k in kappa.values())
    sentences = [
        f"The largest kappa is {digits(kappa[worst])} ({worst}): {_meaning(kappa[worst])}. In {over} of "
        f"{len(kappa)} arrays kappa is {SMALL} or above.",
        *filter(None, [simulated(summary), warning(summary)]),
    ]
    if told.get("settling [s]", 0.0) and told["settling [s]"] <= told["read_time [s]"]:
        sentences.append(
            f"Lines settle to half a step of the converters within {quantity(told['settling [s]'], 's')}; "
            f"a read lasts {quantity(told['read_time [s]'], 's')}."
        )
    return " ".join(sentences), rows


def simulated(summary: Summary) -> str:
    """Return a sentence: which lines are simulated, and their resistance."""
    told = summary.get("wires", {})
    idle = {"idle-off": "switched off", "off": "switched off", "grounded": "at 0 V"}  # off: of older runs
    parts = [
        f"{words}, idle lines {idle[told[key]]}" for key, words in SORTS.items() if told.get(key) in idle
    ]
    if not parts:
        return "Wire resistance is not simulated: every device sees the full voltage."
    return f"Wires are simulated ({digits(told['segment [ohm]'])} ohm per segment) in {'; '.join(parts)}."


def _meaning(kappa: float) -> str:
    if kappa < SMALL:
        return "wires change currents there by a few per cent"
    if kappa > RULE:
        return "wires dominate the currents there"
    return "wires change currents there by tens of per cent"


def unsimulated(card: memsim.ChipCard) -> str:
    """Return in words which resistances of wires a card does not simulate."""
    sections = (("weight tiles", card.weights), ("attention arrays", card.attention))
    out = [words for words, one in sections if one.wires == "none" or not card.on("wires")]
    rest = "of vias, drivers and switched-on transistors"
    return f"resistance of wires of {' and '.join(out)}, and {rest}" if out else f"resistance {rest}"


def in_full_tile(card: memsim.ChipCard) -> str:
    """Return a sentence on the effect of wires in a full weight tile: kappa = r n g_max N^2 [1]."""
    section = card.weights
    if math.isnan(card.segment().resistance):
        return "The effect of wires is not known: neither the card nor its technology gives their resistance."
    side = max(section.tile_rows, section.tile_columns)
    kappa = card.segment().resistance * section.devices_per_weight * card.weight_cell.g_max * side**2
    return (
        f"The effect of wires follows from kappa = r n g_max N²: {digits(kappa)} in a full weight tile of "
        f"side {side}, less in a smaller one. The effect is considerable from about {SMALL} on, and it "
        f"dominates above {RULE:g}."
    )
