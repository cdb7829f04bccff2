"""Spiking attention on a memory of lines: queries and keys are spike counts over T time steps per token.

    n_q = sum_t LIF(W_q x)_t and n_k likewise, 0 to T each      z = n_q.n_k / sqrt D, or r_K - r_Q for STDP
    y = W_o sum_j w_j v_j                                       r = sum_d n_d, 0 to T D

Any rule can compute the weights w; with the rule of `rules/stdp.py` it is the attention of S2TDPT
(arXiv 2511.14691) in causal form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from memsim.memory.lines import IdealLines, Lines
from memsim.models.mixers.features import ShortConvolution
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.mixer import Mixer, Shape, by_head, merged
from memsim.models.mixers.rules.rule import Rule
from memsim.models.mixers.rules.stdp import stdp
from memsim.models.parts.neurons import LIF
from memsim.models.parts.stdp import Window


@dataclass
class SpikingState:
    """State of the token-by-token form after the tokens so far."""

    lines: Lines
    recent: list[Tensor]  #: latest inputs of the short convolution


class SpikingAttention(Mixer):
    """Attention by spike counts.

    steps: number of time steps T for which the current of a token flows into LIF neurons that start at rest.
    rule: weights from scores n_q.n_k / sqrt D; None: the STDP window of S2TDPT, `window`.  Raises ValueError
    for steps below 1 and for a window together with a rule.
    """

    def __init__(
        self, shape: Shape, rule: Rule | None = None, *, steps: int = 4, window: Window | None = None
    ) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f"steps = {steps}: 1 or more is needed")
        if rule is not None and window is not None:
            raise ValueError(
                f"window has no effect together with the rule {rule.name!r}; leave one of them out"
            )
        C, self.heads, self.steps = shape.width, shape.heads, steps
        self.by_window = rule is None
        self.query, self.key, self.value, self.out = (nn.Linear(C, C, bias=shape.bias) for _ in range(4))
        self.convolution = ShortConvolution(3 * C, shape.taps) if shape.taps else None
        self.neuron = LIF()
        rule = rule or stdp(window or Window(), steps * shape.head_width)
        self.memory = LineMemory(rule, 1.0 if self.by_window else 1 / math.sqrt(shape.head_width))

    def counts(self, current: Tensor) -> Tensor:
        """Return the spike count of each feature over all steps (..., C), 0 to T."""
        return self.neuron(current.expand(self.steps, *current.shape).contiguous()).sum(0)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._features(self._convolved(x))
        gate = None
        if self.by_window:
            gate = -q.sum(-1)[..., None].expand(-1, -1, -1, x.shape[1])
            q = torch.ones_like(q)
        return self.out(merged(self.memory(q, k, v, gate)))

    def start(self, batch: int) -> SpikingState:
        recent = [] if self.convolution is None else self.convolution.start(batch)
        return SpikingState(IdealLines(), recent)

    def step(self, x: Tensor, state: SpikingState) -> Tensor:
        linear = self._linear(x)
        if self.convolution is not None:
            linear = self.convolution.step(linear, state.recent)
        q, k, v = self._features(linear)
        gate = None
        if self.by_window:
            lines = len(state.lines) + self.memory.own
            gate = -q.sum(-1)[..., None].expand(-1, -1, lines)
            q = torch.ones_like(q)
        return self.out(merged(self.memory.step(state.lines, q, k, v, gate)))

    def _linear(self, x: Tensor) -> Tensor:
        return torch.cat([self.query(x), self.key(x), self.value(x)], -1)

    def _convolved(self, x: Tensor) -> Tensor:
        return self._linear(x) if self.convolution is None else self.convolution(self._linear(x))

    def _features(self, linear: Tensor) -> list[Tensor]:
        """Return the counts of queries and keys, and the values, split into heads."""
        q, k, v = linear.chunk(3, -1)
        return [by_head(part, self.heads) for part in (self.counts(q), self.counts(k), v)]
