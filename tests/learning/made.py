"""Small arrays and networks that learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import memsim
from memsim.energy.ledger import Ledger
from memsim.learning.learning_array import LearningArray, LearningDesign
from memsim.models.parts.neurons import LIF
from memsim.run import Address, Run

DEFAULT = memsim.ChipCard.load("default")
QUIET = ("adc", "dac", "wires", "thermal-noise", "shot-noise")
IDEAL = DEFAULT.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"}).only()


def card(cell: str, *off: str) -> memsim.ChipCard:
    """The default card with an attention cell, what errs in reads off, and those of some effects it has."""
    made = DEFAULT.replace(attention={"cell": cell}).without(*QUIET)
    return made.without(*(effect for effect in off if effect in made.effects))


def array(
    cell: str | memsim.ChipCard, blocks: Tensor, *, chips: tuple[int, ...] = (0, 1), seed: int = 0, **how: Any
) -> LearningArray:
    """A programmed array."""
    made = card(cell) if isinstance(cell, str) else cell
    run = Run(card=made, chips=chips, seed=seed, ledger=Ledger(made))
    found = LearningArray("layer", blocks, run, LearningDesign(**how))
    found.program()
    return found


def read(made: LearningArray, x: Tensor) -> Tensor:
    """Read drives (T, S, B, P, R) of images 0, 1, ..."""
    return made.read(x, Address(np.arange(x.shape[2]), range(len(x))))


class Spiking(nn.Module):
    """Two layers of neurons and a read-out over T steps, images (B, F) held."""

    def __init__(self, inputs: int = 6, hidden: int = 8, classes: int = 3, steps: int = 4) -> None:
        super().__init__()
        self.steps = steps
        self.first, self.second = (nn.Linear(n, hidden, bias=False) for n in (inputs, hidden))
        self.lif1, self.lif2 = LIF(), LIF()
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        current = self.first(x).expand(self.steps, *x.shape[:-1], -1)
        return self.head(self.lif2(self.second(self.lif1(current))).mean(0))


def spiking(seed: int = 0) -> tuple[Spiking, Tensor, Tensor]:
    """A network, images and labels; neurons fire now and then."""
    torch.manual_seed(seed)
    net = Spiking()
    with torch.no_grad():
        net.first.weight.mul_(4)
        net.second.weight.mul_(4)
    return net, torch.rand(12, 6), torch.randint(3, (12,))
