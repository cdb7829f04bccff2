"""Memory Mosaics, version 1 (Zhang et al., arXiv 2405.06394, ICLR 2025): the query is the key.

    key      kbar_t = sum_{s <= t} e^{-lam (t - s)} W_phi x_s        k_t = e^a kbar_t / |kbar_t|
    value    v_t = e^g unit((1 - c) W_psi x_{t+1} + c W_psi x_t)
    read     o_t = sum_{j < t} softmax_j(k_t.k_j) v_j                 y_t = W_o o_t

The value v_t needs x_{t+1}, so line t is complete one token later and can be read from then on; the mixer is
causal.  A persistent memory of M trained lines replaces the perceptron:
y = W_o (e^g' sum_m softmax_m(e^a k_t.P_m) V_m), which is two static matrices per head.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from memsim.memory.lines import IdealLines, Lines
from memsim.models.mixers.features import decays, unit
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.mixer import Mixer, Shape, by_head, merged
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.softmax import BEFORE

RATE = 10.0  #: parameters of decays and scales are stored divided by this, so that they learn faster
SHARPEST = 5.0  #: largest a: scores of equal and of orthogonal keys then differ by e^10


class LeakyKeys(nn.Module):
    """Keys e^a unit(leaky average of W_phi x), (B, T, C) -> (B, H, T, D); initially lam is 0.5 to 5."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.linear = nn.Linear(shape.width, shape.width, bias=shape.bias)
        self.decay = nn.Parameter(torch.linspace(0.05, 0.5, shape.heads))
        self.sharpness = nn.Parameter(torch.full((shape.heads,), 1.0 / RATE))

    @property
    def rate(self) -> Tensor:
        """Decay rate lam of the average (H,) [1/token]."""
        return RATE * self.decay.abs()

    @property
    def size(self) -> Tensor:
        """Norm of the keys, e^a (H, 1)."""
        return (RATE * self.sharpness).clamp(max=SHARPEST).exp()[:, None]

    def forward(self, x: Tensor) -> Tensor:
        raw = by_head(self.linear(x), self.heads)
        average = decays(-self.rate[:, None].expand(-1, x.shape[1])) @ raw
        return unit(average) * self.size[..., None]

    def step(self, x: Tensor, average: Tensor) -> tuple[Tensor, Tensor]:
        """Return the key (B, H, D) of one token x (B, C) and the updated average (B, H, D)."""
        average = (-self.rate).exp()[:, None] * average + by_head(self.linear(x), self.heads)
        return unit(average) * self.size, average


@dataclass
class MosaicState:
    """State of the token-by-token form after the tokens so far."""

    lines: Lines = field(default_factory=IdealLines)
    average: Tensor | None = None  #: leaky average of keys (B, H, D)
    waiting: tuple[Tensor, Tensor] | None = None  #: key and raw value (B, H, D) of the last, incomplete line


class ContextMemory(Mixer):
    """Contextual memory, with one line for each token of the sequence."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.width = shape.heads, shape.head_width
        self.keys = LeakyKeys(shape)
        self.value = nn.Linear(shape.width, shape.width, bias=shape.bias)
        self.mix = nn.Parameter(torch.rand(shape.heads))
        self.scale = nn.Parameter(torch.full((shape.heads,), -0.5 / RATE))
        self.memory = LineMemory(BEFORE, 1.0)
        self.out = nn.Linear(shape.width, shape.width, bias=shape.bias)
        _first_weights(shape, self.keys.linear, self.value, out=self.out)

    def values(self, raw: Tensor, following: Tensor) -> Tensor:
        """Return v_t for W_psi x_t and W_psi x_{t+1}, all (B, H, ..., D)."""
        mix, scale = (p.view(-1, *[1] * (raw.dim() - 2)) for p in (self.mix, (RATE * self.scale).exp()))
        return scale * unit((1 - mix) * following + mix * raw)

    def forward(self, x: Tensor) -> Tensor:
        k, raw = self.keys(x), by_head(self.value(x), self.heads)
        following = torch.cat([raw[..., 1:, :], torch.zeros_like(raw[..., :1, :])], -2)
        return self.out(merged(self.memory(k, k, self.values(raw, following))))

    def start(self, batch: int) -> MosaicState:
        return MosaicState(average=self.value.weight.new_zeros(batch, self.heads, self.width))

    def step(self, x: Tensor, state: MosaicState) -> Tensor:
        assert state.average is not None
        raw = by_head(self.value(x), self.heads)
        k, state.average = self.keys.step(x, state.average)
        if state.waiting is not None:
            key, before = state.waiting
            state.lines.append(key, self.values(before, raw))
        state.waiting = k, raw
        return self.out(merged(self.memory.read(state.lines, k, torch.zeros_like(k), None)))


class PersistentMemory(Mixer):
    """Persistent memory of M trained lines per head, held in two static matrices."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.width = shape.heads, shape.head_width
        self.keys = LeakyKeys(shape)
        D, M = shape.head_width, shape.rows
        self.match = nn.ModuleList(nn.Linear(D, M, bias=False) for _ in range(shape.heads))
        self.blend = nn.ModuleList(nn.Linear(M, D, bias=False) for _ in range(shape.heads))
        for line in (*self.match, *self.blend):
            nn.init.normal_(line.weight, std=D**-0.5)  # type: ignore[arg-type]
        self.scale = nn.Parameter(torch.full((shape.heads,), -0.5 / RATE))
        self.out = nn.Linear(shape.width, shape.width, bias=shape.bias)
        _first_weights(shape, self.keys.linear, out=self.out)

    def forward(self, x: Tensor) -> Tensor:
        return self._read(self.keys(x))

    def start(self, batch: int) -> list[Tensor]:
        return [self.out.weight.new_zeros(batch, self.heads, self.width)]

    def step(self, x: Tensor, state: list[Tensor]) -> Tensor:
        k, state[0] = self.keys.step(x, state[0])
        return self._read(k)

    def _read(self, k: Tensor) -> Tensor:
        """Read with keys (B, H, T, D) or (B, H, D) and return (B, T, C) or (B, C)."""
        size, scale = self.keys.size[:, 0], (RATE * self.scale).exp()
        read = [
            scale[h] * self.blend[h]((size[h] * self.match[h](k[:, h])).softmax(-1))
            for h in range(self.heads)
        ]
        return self.out(torch.cat(read, -1))


def _first_weights(shape: Shape, *linear: nn.Linear, out: nn.Linear) -> None:
    """Draw initial weights N(0, 1 / fan-in), divided by sqrt(layers) for the output; biases are 0."""
    for layer in (*linear, out):
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    out.weight.data /= shape.layers**0.5


mixer("mosaics", companion=PersistentMemory)(ContextMemory)
