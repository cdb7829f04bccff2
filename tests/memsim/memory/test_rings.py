"""Rings: rules weigh the lines that are left as a mask would, and tiles are places, not ranks of lines."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim import ChipCard
from memsim.energy.ledger import Ledger
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.memory.lines import IdealLines
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.rules.hierarchical import chunks
from memsim.models.mixers.rules.softmax import BEFORE, SOFTMAX
from memsim.models.mixers.rules.stick_breaking import STICK_BREAKING, STOPPED
from memsim.models.mixers.rules.two_level import landmarks
from memsim.models.mixers.rules.window import window
from memsim.run import Run

B, H, D, T = 2, 2, 4, 19
CARD = ChipCard.load("default").without("wires")
IDEAL = CARD.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
RULES = [
    SOFTMAX, BEFORE, STICK_BREAKING, STOPPED, landmarks(4), landmarks(4, 1), chunks(3), chunks(3, 1),
    window(1, 3), window(2), window(7, 9),
]  # fmt: skip
CAPACITIES = (1, 3, 5, 6, 8)


def normals(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


Q, K, V = (normals(B, H, T, D, seed=seed) for seed in range(3))
GATE = -normals(B, H, T, T, seed=3).abs()


def masked(memory: LineMemory, capacity: int) -> Tensor:
    """The parallel form, in which a reader may read only the newest `capacity` lines."""
    line, reader = torch.arange(T), torch.arange(T)[:, None] + memory.own
    weights, _ = memory.blend(Q @ K.mT, GATE, (line < reader) & (line >= reader - capacity))
    return weights @ V


def array(memory: LineMemory, card: ChipCard, **settings: Any) -> LineArray:
    run = Run(card=card, chips=(0,), seed=0, ledger=Ledger(card))
    made = LineArray("memory", memory, run, Settings(full="ring", **settings))
    run.begin(B, calibrating=True)
    made(Q, K, V, GATE)
    run.ledger.clear()
    run.begin(B)
    return made


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}")
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_an_array_and_steps_on_a_ring_are_the_masked_form(rule: Any, capacity: int) -> None:
    memory = LineMemory(rule, 0.5)
    wanted = masked(memory, capacity)
    assert_close(array(memory, IDEAL, capacity=capacity)(Q, K, V, GATE), wanted, rtol=0, atol=1e-12)
    lines, found = IdealLines(capacity, "ring"), []
    for t in range(T):
        first = max(0, t + memory.own - capacity)
        gate = GATE[:, :, t, first : t + memory.own]
        found.append(memory.step(lines, Q[:, :, t], K[:, :, t], V[:, :, t], gate, float(t)))
    assert_close(torch.stack(found, 2), wanted, rtol=0, atol=1e-12)


def test_a_tile_is_powered_by_the_weights_of_lines_at_its_places() -> None:
    """Lines 6 to 13 of a ring of 8 are at places 6, 7, 0, ..., 5; each reader sees the newest three."""
    memory = LineMemory(window(1, 3), 0.5)
    made = array(memory, CARD, capacity=8, tile=4)
    made(Q, K, V, GATE)
    conversions = 0
    for t in range(T):
        lines = range(max(0, t - 8), t)
        needed = {n % 8 // 4 for n in lines if n >= t - 3}
        conversions += sum(n % 8 // 4 in needed for n in lines)
    readers = B * H
    blends = readers * D * (T - 1)
    assert made.run.ledger.counts["memory", "adc-8b"] == readers * conversions + blends
