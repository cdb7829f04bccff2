"""What a comparison cost, layer by layer and line by line, for machines to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import memsim
from memsim.arrays.products.product_attention import ProductAttentionArray
from memsim.energy.area import areas
from memsim.energy.work import Rewritten, Work


def built(chip: memsim.Chip, works: Sequence[Work]) -> list[Work | Rewritten]:
    """Return the layers that are arrays on a chip, with those that are rewritten: what takes area."""
    arrays = {**chip.weight_arrays, **chip.attention_arrays}
    products = [a for a in chip.attention_arrays.values() if isinstance(a, ProductAttentionArray)]
    own = [work for work in works if work.name in arrays]
    return [*own, *(one for array in products for one in array.built)]


def ledger(chip: memsim.Chip) -> list[dict[str, Any]]:
    """Return every line of the crossbars' bill for one image and chip, units in the keys."""
    return [line.json() for line in chip.ledger.lines()]


def layers(chip: memsim.Chip, built: Sequence[Work | Rewritten]) -> dict[str, dict[str, Any]]:
    """Return the energy and time of an image and area by layer; what a layer has none of is absent.

    built: the layers that are arrays, as `areas` takes them.
    """
    out: dict[str, dict[str, Any]] = {}
    for layer, joule in chip.ledger.breakdown("layer").items():
        out.setdefault(layer, {})["energy [J]"] = joule
    for layer, seconds in chip.ledger.latencies.items():
        out.setdefault(layer, {})["latency [s]"] = seconds
    for layer in dict.fromkeys(work.name for work in built):
        own = [work for work in built if work.name == layer]
        out.setdefault(layer, {})["area [m2]"] = areas(own, chip.card)
    return out
