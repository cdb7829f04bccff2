"""Memory Mosaics, version 2 (arXiv 2507.03285, NeurIPS 2025): two memories and token-dependent gates.

    key      kbar_t = g_t W_phi x_t + lam_t kbar_{t-1}     g = exp(w_g.x), lam = exp(-|w_lam.x|) of each head
             k_t = kbar_t / |kbar_t|
    value    v_t = e^{|s|} unit((1 - c) W_psi x_{t+1} + c W_psi x_t)
    read     softmax(2 b k_t.k_j) v_j,   b = b_1 n^alpha + b_0 for n lines, in two sets of lines:
             short  t - h < j < t        long  j <= t - m
    y = W_o [short, long]

The kernel exp(-b |k_t - k_j|^2) becomes narrower as the number of lines grows.  A gated perceptron is the
second part of a block.  The publication uses h = 256 and draws m from 64 to 256 in training; here h and m are
small and fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from memsim.memory.lines import IdealLines, Lines
from memsim.models.mixers.features import decays, unit
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.mixer import Mixer, Shape, by_head, merged
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.window import window

SHORT, LONG = 16, 8  #: h and m in tokens


@dataclass
class Mosaic2State:
    """State of the token-by-token form after the tokens so far."""

    short: Lines = field(default_factory=IdealLines)
    long: Lines = field(default_factory=IdealLines)
    average: Tensor | None = None  #: leaky average of keys (B, H, D)
    waiting: tuple[Tensor, Tensor] | None = None  #: key and raw value (B, H, D) of the last, incomplete line
    tokens: int = 0  #: number of tokens so far


class ContextMemory2(Mixer):
    """Short-term and long-term memory of the sequence; short: h, long: m, both in tokens."""

    def __init__(self, shape: Shape, short: int = SHORT, long: int = LONG) -> None:
        super().__init__()
        C, self.heads = shape.width, shape.heads
        self.h, self.m = short, long
        self.key, self.value = nn.Linear(C, C, bias=shape.bias), nn.Linear(C, C, bias=shape.bias)
        self.gates = nn.Linear(C, 2 * self.heads, bias=False)
        self.base, self.slope = (nn.Parameter(torch.full((2, self.heads), 1.5)) for _ in range(2))
        self.alpha = nn.Parameter(torch.full((2, self.heads), 1 / 3))
        self.mix = nn.Parameter(torch.rand(self.heads))
        self.scale = nn.Parameter(torch.zeros(self.heads))
        self.short, self.long = LineMemory(window(1, short - 1), 1.0), LineMemory(window(long), 1.0)
        self.out = nn.Linear(2 * C, C, bias=shape.bias)

    def sharpness(self, lines: Tensor, memory: int) -> Tensor:
        """Return 2 b (H, T) for numbers of lines (T,) in the short-term (0) or the long-term (1) memory."""
        base, slope = (p[memory, :, None].clamp(max=10.0).exp() for p in (self.base, self.slope))
        alpha = self.alpha[memory, :, None].abs().clamp(max=1.0)
        return 2 * (slope * lines.clamp(min=1.0) ** alpha + base)

    def forward(self, x: Tensor) -> Tensor:
        raw, (gain, fade) = by_head(self.value(x), self.heads), self._gates(x)
        key = gain[..., None] * by_head(self.key(x), self.heads)
        k = unit(decays(fade) @ key)
        following = torch.cat([raw[..., 1:, :], torch.zeros_like(raw[..., :1, :])], -2)
        v = self._values(raw, following)
        read = [
            memory(self.sharpness(lines, n)[..., None] * k, k, v)
            for n, (memory, lines) in enumerate(self._memories(torch.arange(x.shape[1], device=x.device)))
        ]
        return self.out(torch.cat([merged(part) for part in read], -1))

    def start(self, batch: int) -> Mosaic2State:
        width = self.key.out_features // self.heads
        return Mosaic2State(average=self.key.weight.new_zeros(batch, self.heads, width))

    def step(self, x: Tensor, state: Mosaic2State) -> Tensor:
        assert state.average is not None
        gain, fade = (part[..., 0] for part in self._gates(x[:, None]))
        raw, key = by_head(self.value(x), self.heads), by_head(self.key(x), self.heads)
        state.average = fade.exp()[..., None] * state.average + gain[..., None] * key
        k = unit(state.average)
        if state.waiting is not None:
            waiting, before = state.waiting
            for lines in (state.short, state.long):
                lines.append(waiting, self._values(before, raw))
        state.waiting, at = (k, raw), torch.tensor([state.tokens], device=x.device)
        read = []
        for n, (memory, count) in enumerate(self._memories(at)):
            q = self.sharpness(count, n) * k
            read.append(merged(memory.read((state.short, state.long)[n], q, torch.zeros_like(k), None)))
        state.tokens += 1
        return self.out(torch.cat(read, -1))

    def _memories(self, at: Tensor) -> list[tuple[LineMemory, Tensor]]:
        """Return both memories, each with its number of lines for readers at positions `at` (T,)."""
        at = at.to(self.scale.dtype)
        return [(self.short, at.clamp(max=self.h - 1)), (self.long, at - self.m + 1)]

    def _gates(self, x: Tensor) -> list[Tensor]:
        """Return g and log lam of each head, (B, H, T) each."""
        gain, fade = self.gates(x).transpose(1, 2).chunk(2, 1)
        return [gain.exp(), -fade.abs()]

    def _values(self, raw: Tensor, following: Tensor) -> Tensor:
        """Return v_t for W_psi x_t and W_psi x_{t+1}, all (B, H, ..., D)."""
        scale = self.scale.abs().clamp(max=15.0).exp()
        mix, scale = (p.view(-1, *[1] * (raw.dim() - 2)) for p in (self.mix, scale))
        return scale * unit((1 - mix) * following + mix * raw)


class GatedPerceptron(Mixer):
    """Persistent memory of version 2: y = W_3 (silu(W_1 x) * W_2 x) per token, 8 C / 3 hidden features."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden = round(8 * shape.width / 3)
        self.gate, self.up = (nn.Linear(shape.width, hidden, bias=shape.bias) for _ in range(2))
        self.down = nn.Linear(hidden, shape.width, bias=shape.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(silu(self.gate(x)) * self.up(x))

    def start(self, batch: int) -> None:
        return None

    def step(self, x: Tensor, state: None) -> Tensor:
        return self(x)


mixer("mosaics-2", companion=GatedPerceptron)(ContextMemory2)
