"""Devices of weight cells in a written memory with a fixed conductance: faulty, worn out, or on an open
line.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memsim.card.faults import FaultSection
from memsim.card.sections import WearSection
from memsim.devices import Stream
from memsim.devices.stuck import held, stuck_levels
from memsim.devices.worn import lives, worn_levels
from memsim.memory.design import ArrayDesign


def bad_levels(rng: Stream, design: ArrayDesign, size: tuple[int, int, int]) -> Tensor | None:
    """Draw the conductance of each bad device, and NaN for the others, (S, H, *size) [S].

    size: (lines, devices of a number, columns).  A device that is faulty from the start keeps its conductance
    when it wears out.  None: the card has neither faults nor wear.
    """
    card, cell, faulty = design.card, design.card.weight_cell, None
    if card.weight_faults.made and card.on("faults"):
        faulty = _faulty(rng.child("faults"), card.weight_faults, cell, size)
    if not design.worn:
        return faulty
    worn = _worn(rng.child("wear"), card.wear, cell, size)
    return worn if faulty is None else held(faulty, worn)


def _faulty(rng: Stream, section: FaultSection, cell: Any, size: tuple[int, int, int]) -> Tensor:
    """Return the conductances of faulty devices, and NaN for the others.

    The devices of a token share a word line; each device of a number has its own bit line across all lines.
    A device on an open line has 0 S.
    """
    lines, devices, columns = size
    levels = stuck_levels(size, section.stuck, cell.g_min, cell.g_max, rng=rng)
    word = rng.child("word line").uniform((lines, 1, 1)) < section.dead_word_lines
    bit = rng.child("bit line").uniform((1, devices, columns)) < section.dead_bit_lines
    return torch.where(word | bit, 0.0, levels)


def _worn(rng: Stream, section: WearSection, cell: Any, size: tuple[int, int, int]) -> Tensor:
    """Return the conductances of worn-out devices, and NaN for the others."""
    assert section.endurance is not None  # the card requires it together with cycles_before
    life = lives(size, section.endurance, section.shape, rng=rng)
    return worn_levels(life, section.cycles_before, section.stuck_high, cell.g_min, cell.g_max, rng=rng)
