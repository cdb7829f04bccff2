"""Where the losses come from: each effect alone on and alone off, each attention cell; same chips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import devices
import memsim
from studies.compare import HARDER, Request, compare


def variants(card: memsim.ChipCard) -> Iterator[tuple[str, str, memsim.ChipCard]]:
    """(group, name, card) of every run of the table."""
    yield "card", card.name, card
    for name in devices.names():
        cell = devices.get(name)
        if (cell.exact or isinstance(cell, devices.PulsedCell)) and name != card.attention.cell:
            yield "attention cell", name, card.replace(attention={"cell": name, "n_max": None})
    yield "weight cell", "ideal", card.replace(weights={"cell": "ideal"})
    yield "both cells", "ideal", card.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    for effect in card.effects:
        yield "alone on", effect, card.only(effect)
    yield "alone on", "none", card.only()
    for effect in card.effects:
        yield "alone off", effect, card.without(effect)


def where_losses_come_from(
    request: Request, advance: Callable[[str, int, int], None] = lambda *_: None
) -> list[dict[str, Any]]:
    """One row for each variant: accuracy (plain and harder set), cross-entropy, margin and spike mismatch."""
    runs = list(variants(request.card))
    rows = []
    for done, (group, name, card) in enumerate(runs):
        advance("where the losses come from", done, len(runs))
        summary = compare(replace(request, card=card)).summary()
        harder = summary.get(f"harder ({HARDER.get(summary['dataset'], '')})")
        mismatch = summary["spike_mismatch"].values()
        rows.append(
            {
                "group": group,
                "what": name,
                "plain": summary["crossbar"],
                "harder": None if harder is None else harder["crossbar"],
                "agreement": summary["agreement"],
                "spike_mismatch": sum(mismatch) / len(mismatch),
            }
        )
    advance("where the losses come from", len(runs), len(runs))
    return rows
