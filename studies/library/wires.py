"""Wires: what the resistance of lines costs, by resistance, technology node, tile and idle lines.

One thing changed at a time around the card.  A weight tile's lines are longer the larger it is, an attention
array's the more tokens there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import memsim
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import one_change
from memsim.studies.reports.one_change import Change
from memsim.studies.running.task import Task
from memsim.wires.segment import Segment

title = "The cost of the resistance of lines"

OHMS = (0.2, 0.7, 2.0, 5.0, 20.0)
"""Resistances of a segment [ohm]."""

NODES = ("130nm", "65nm", "32nm", "22nm", "14nm")
TILES = (64, 128, 512)


def changes(card: memsim.ChipCard) -> Iterator[Change]:
    """No lines, lines of either sort of array alone; resistance, node, side of a tile, idle lines."""
    weights = card.weights.wires if card.weights.wires != "none" else "idle-off"
    attention = card.attention.wires if card.attention.wires != "none" else "idle-off"
    off, lines = {"wires": "none"}, card.replace(weights={"wires": weights}, attention={"wires": attention})
    yield Change("where", "no lines", card.replace(weights=off, attention=off))
    yield Change("where", "weight tiles", lines.replace(attention=off))
    yield Change("where", "attention arrays", lines.replace(weights=off))
    for ohm in OHMS:
        yield Change("resistance of a segment [ohm]", ohm, lines.replace(**{"wire_resistance [ohm]": ohm}))
    for node in NODES:
        ohm = Segment.of(node, pitch=card.cell_pitch).resistance
        yield Change("wires of node", node, lines.replace(**{"wire_resistance [ohm]": ohm}))
    for side in TILES:
        tile = {"tile_rows": side, "tile_columns": side}
        yield Change("side of a weight tile", side, lines.replace(weights=tile))
    for idle in ("idle-off", "grounded"):
        both = {"wires": idle}
        yield Change("idle lines", idle, card.replace(weights=both, attention=both))


def tasks(setting: Setting) -> Iterator[Task]:
    """Return the card and each change on every block of chips."""
    return one_change.tasks("wires", setting, changes)


tables, figures, findings = one_change.tables, one_change.figures, one_change.findings
