"""Which technology nodes the prices of a card are of: one on both sides, unless a card says otherwise."""

from __future__ import annotations

from memsim.card.chip_card import ChipCard
from memsim.prices.price import ANY, NODE_UNKNOWN
from memsim.prices.technology import CELL_EVENTS, Technology


def node(card: ChipCard) -> str:
    """Return the node of both sides' prices."""
    return Technology.load(card.technology).node_name or "no node"


def other_nodes(card: ChipCard) -> dict[str, list[str]]:
    """Return events by the other nodes their prices are of: prices of a card's own that are not scaled, or
    that do not say their node.  What no logic node scales, such as writes of cells, mixes nothing.
    """
    found: dict[str, list[str]] = {}
    for event, price in (card.own_prices | card.converter_prices).items():
        at = Technology.load(card.technology).at_home(price).node
        cell = event.startswith(CELL_EVENTS) and at is None
        if at not in (ANY, node(card)) and not cell:
            found.setdefault(at or NODE_UNKNOWN, []).append(event)
    return found


def mixture(card: ChipCard) -> str:
    """Return a sentence that names a mixture of nodes; "" where there is none."""
    return mixture_of(node(card), other_nodes(card))


def mixture_of(home: str, others: dict[str, list[str]]) -> str:
    """Return the same from the node of both sides and the events of others."""
    if not others:
        return ""
    parts = [_of(at, sorted(events)) for at, events in sorted(others.items())]
    return f"Prices of several technology nodes: {'; '.join(parts)}; all else of {home}."


def _of(at: str, events: list[str]) -> str:
    named = ", ".join(events)
    return f"{named} ({at})" if at == NODE_UNKNOWN else f"{named} of {at}"
