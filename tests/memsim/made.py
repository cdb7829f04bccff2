"""Weight arrays, matrices and counts that several tests make."""

import torch

from memsim import ChipCard, Ledger
from memsim.arrays.weight_array import WeightArray
from memsim.run import Run

LEVELS = torch.tensor([0.05, 0.2, 0.4, 0.7, 1.0])


def array(matrix: torch.Tensor, card: ChipCard, chips: int = 1, seed: int = 11) -> WeightArray:
    """A programmed array."""
    run = Run(card=card, chips=tuple(range(chips)), seed=seed, ledger=Ledger(card))
    run.begin(1)
    made = WeightArray("layer", matrix, run)
    made.program()
    return made


def card(**weights) -> ChipCard:
    """The default card without converters and wires, its weight section changed."""
    plain = ChipCard.load("default").replace(weights={"wires": "none"}, attention={"wires": "none"})
    return plain.replace(weights=weights).without("adc", "dac")


def levels_matrix() -> torch.Tensor:
    """1e5 weights on five levels, both signs."""
    column = torch.cat([LEVELS, -LEVELS]).repeat(32)
    return column.unsqueeze(1).expand(320, 313).contiguous()


def numbers(lines) -> dict[str, float]:
    """How often each event happens."""
    found: dict[str, float] = {}
    for line in lines:
        found[line.event] = found.get(line.event, 0.0) + line.number
    return found
