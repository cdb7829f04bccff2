"""Attention on a memory of lines, with a short convolution, position encoding, a forget gate and one rule.

    q, k, v = conv(W_q x), conv(W_k x), conv(W_v x)     w = rule(q.k / sqrt D, gate)     y = W_o sum_j w_j v_j

The rule computes the weights of lines from their scores.  Softmax, stick-breaking, forgetting and landmark
attention and the controls are this class with different rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from memsim.memory.lines import IdealLines, Lines
from memsim.models.mixers.ageing import Ageing, gate_of
from memsim.models.mixers.features import ShortConvolution, random_key, random_keys, rotary
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.mixer import Mixer, Shape, by_head, merged
from memsim.models.mixers.rules.forgetting import bias_of_horizon, fading, summed
from memsim.models.mixers.rules.rule import Rule

Gate = Literal["none", "learned", "fixed"]


@dataclass
class AttentionState:
    """State of the token-by-token form after the tokens so far."""

    lines: Lines
    recent: list[Tensor]  #: latest inputs of the short convolution
    faded: list[Tensor] = field(default_factory=list)  #: what the gate needs of each token: sums c, or keys
    tokens: int = 0  #: number of tokens so far


class Attention(Mixer):
    """Attention with weights by a rule.

    positions: "rotary" applies rotary position encoding to queries and keys.  gate: "learned" lets lines
    decay by f_t = sigma(w.x_t + b) per token, "fixed" by sigma(b).  horizon: initial memory lengths
    (shortest, longest) of the heads in tokens, spaced logarithmically; default: b = 0, which is a decay by
    1/2 per token.  keys: "random" stores each value under a random key of its position.  own_rest: see
    `LineMemory`.  ageing: a gate that depends on age only, as devices provide it, instead of `gate`.  Raises
    ValueError for rotary positions with an odd head width, and for `ageing` together with a gate.
    """

    def __init__(
        self, shape: Shape, rule: Rule, *, positions: Literal["none", "rotary"] = "none",
        gate: Gate = "none", horizon: tuple[float, float] | None = None,
        keys: Literal["learned", "random"] = "learned", own_rest: bool = False,
        ageing: Ageing | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        C, self.heads = shape.width, shape.heads
        if positions == "rotary" and shape.head_width % 2:
            raise ValueError(
                f"rotary positions need an even number of features per head; heads have {shape.head_width}"
            )
        if ageing is not None and gate != "none":
            raise ValueError(f"gate = {gate!r} and ageing are both given; use one of them")
        self.positions, self.keys, self.ageing = positions, keys, ageing
        self.query, self.key, self.value, self.out = (nn.Linear(C, C, bias=shape.bias) for _ in range(4))
        self.convolution = ShortConvolution(3 * C, shape.taps) if shape.taps else None
        self.gate = Fading(shape, gate == "learned", horizon) if gate != "none" else None
        self.memory = LineMemory(rule, 1 / math.sqrt(shape.head_width), own_rest)

    def forward(self, x: Tensor) -> Tensor:
        features = self._linear(x)
        if self.convolution is not None:
            features = self.convolution(features)
        q, k, v = (by_head(part, self.heads) for part in features.chunk(3, -1))
        if self.positions == "rotary":
            q, k = rotary(q), rotary(k)
        if self.keys == "random":
            k = random_keys(k)
        return self.out(merged(self.memory(q, k, v, self.gates(x, q, k))))

    def gates(self, x: Tensor, q: Tensor, k: Tensor) -> Tensor | None:
        """Return the gate of all tokens for all lines (B, H, T, T); None: no gate."""
        if self.gate is not None:
            c = summed(self.gate(x))
            return fading(c, c).to(q.dtype)
        if self.ageing is not None:
            return gate_of(self.ageing, x.shape[1], x.shape[1], q).expand(*q.shape[:2], -1, -1)
        return None

    def start(self, batch: int) -> AttentionState:
        recent = [] if self.convolution is None else self.convolution.start(batch)
        return AttentionState(IdealLines(), recent)

    def step(self, x: Tensor, state: AttentionState) -> Tensor:
        features = self._linear(x)
        if self.convolution is not None:
            features = self.convolution.step(features, state.recent)
        q, k, v = (by_head(part, self.heads) for part in features.chunk(3, -1))
        if self.positions == "rotary":
            q, k = (rotary(part[..., None, :], state.tokens)[..., 0, :] for part in (q, k))
        if self.keys == "random":
            k = random_key(0, state.tokens, *k.shape[1:]).to(k).expand_as(k)
        state.tokens += 1
        gate = self.gate_now(x, q, k, state)
        return self.out(merged(self.memory.step(state.lines, q, k, v, gate)))

    def gate_now(self, x: Tensor, q: Tensor, k: Tensor, state: AttentionState) -> Tensor | None:
        """Return the gate of this token for the lines that it reads (B, H, N); None: no gate."""
        if self.gate is not None:
            return self._fade(x, state).to(q.dtype)
        if self.ageing is not None:
            lines = state.tokens - (not self.memory.own)
            return gate_of(self.ageing, 1, state.tokens, q)[0, :lines].expand(*q.shape[:2], -1)
        return None

    def _linear(self, x: Tensor) -> Tensor:
        return torch.cat([self.query(x), self.key(x), self.value(x)], -1)

    def _fade(self, x: Tensor, state: AttentionState) -> Tensor:
        """Return the gate (B, H, N) of this token for the lines that it reads, and store its sum c."""
        assert self.gate is not None
        before = state.faded[-1] if state.faded else 0.0
        now = before + summed(self.gate(x[:, None]))[..., 0]
        state.faded.append(now)
        lines = torch.stack(state.faded if self.memory.own else state.faded[:-1], -1)
        return now[..., None] - lines


class Fading(nn.Module):
    """Forget gate of each head before its sigmoid, (B, T, C) -> (B, H, T): w.x + b, or b if not learned."""

    def __init__(self, shape: Shape, learned: bool, horizon: tuple[float, float] | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape.heads, shape.width)) if learned else None
        if self.weight is not None:
            nn.init.uniform_(self.weight, -(shape.width**-0.5), shape.width**-0.5)
        self.bias = nn.Parameter(torch.zeros(shape.heads))
        if horizon is not None:
            shortest, longest = horizon
            tokens = torch.logspace(math.log10(shortest), math.log10(longest), shape.heads)
            self.bias.data = bias_of_horizon(tokens)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight is None:
            return self.bias[:, None].expand(len(x), -1, x.shape[1])
        return (x @ self.weight.mT + self.bias).transpose(1, 2)

    @property
    def factor(self) -> Tensor:
        """Factor sigma(b) by which a line decays per token (H,), without the term w.x [1]."""
        return logsigmoid(self.bias).exp()
