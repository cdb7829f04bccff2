"""Chips on which chosen layers of a network learn on arrays while all other layers stay digital."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from torch import nn

from memsim.card.chip_card import ChipCard
from memsim.chip import Chip
from memsim.crossbar import attention_array
from memsim.energy.ledger import Ledger
from memsim.learning.learning_array import LearningArray, LearningDesign
from memsim.mapping.exchange import matrix_names
from memsim.mapping.mapped_net import Engine
from memsim.run import Run
from memsim.written_attention import attention_layers, product_layers


def learning_chip(
    net: nn.Module, card: ChipCard, layers: Sequence[str], *, chips: Sequence[int] = (0,), seed: int = 0,
    calibration: Any = None, design: LearningDesign | None = None,
) -> Chip:  # fmt: skip
    """Place the layers whose names match a pattern on learning arrays and return the chip.

    The arrays (`LearningArray`) use the cells of the card's `[attention]` section.  All other layers stay
    digital, attention included.  layers: shell patterns such as "blocks.*.mlp"; chips: numbers of the
    simulated chips; calibration: inputs that set the ranges of the converters.  Raises ValueError for a
    pattern that matches no layer.
    """
    names = matrix_names(net)
    for pattern in layers:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"layers = {pattern!r} matches no layer (there are {', '.join(names)})")
    rest = [name for name in names if not any(fnmatchcase(name, pattern) for pattern in layers)]
    rest += [name for name, _ in (*attention_layers(net), *product_layers(net))]
    card = card.replace(digital=rest)
    run = Run(card=card, chips=tuple(chips), seed=seed, ledger=Ledger(card))
    arrays = Engine("learning", partial(LearningArray, design=design), attention_array)
    return Chip(net, run, calibration, arrays, None, 0)


def learners(chip: Chip) -> dict[str, LearningArray]:
    """Return the learning arrays of a chip, keyed by the name of their layer."""
    return {name: array for name, array in chip.weight_arrays.items() if isinstance(array, LearningArray)}
