"""Recurrent layers and cells: RNN, LSTM, GRU; input and hidden matrices on arrays, gates digital.

    RNN   h' = tanh(W x + b + U h + c), or relu
    LSTM  i, f, g, o = W x + b + U h + c;  c' = s(f) c + s(i) tanh(g);  h' = s(o) tanh(c');  y = P h'
    GRU   r, z = s(W x + b + U h + c);  n = tanh(W_n x + b_n + r (U_n h + c_n));  h' = (1 - z) n + z h

The inputs of all time steps are read at once, the hidden states step by step.  Source: the equations of
torch's own documentation of these layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import _VF, Tensor, nn

from memsim.mapping.lowering.matrix import Matrix
from memsim.mapping.lowering.products import reads, site_of
from memsim.mapping.lowering.registry import lowers

State = tuple[Tensor, ...]
Step = Callable[[Tensor, Tensor, State], State]


@lowers(nn.RNNBase, nn.RNNCellBase)
def matrices(layer: nn.Module) -> dict[str, Matrix]:
    """Return every ``weight_...`` of the layer: input, hidden and (LSTM) output projections."""
    return {
        name: Matrix(name) for name, _ in layer.named_parameters(recurse=False) if name.startswith("weight")
    }


def _rnn(activation: Callable[[Tensor], Tensor]) -> Step:
    return lambda x, u, state: (activation(x + u),)


def _lstm(x: Tensor, u: Tensor, state: State) -> State:
    i, f, g, o = (x + u).chunk(4, -1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru(x: Tensor, u: Tensor, state: State) -> State:
    (r, z, n), (ur, uz, un) = x.chunk(3, -1), u.chunk(3, -1)
    r, z = torch.sigmoid(r + ur), torch.sigmoid(z + uz)
    new = torch.tanh(n + r * un)
    return (new + z * (state[0] - new),)


STEPS: dict[str, Step] = {
    "rnn_tanh": _rnn(torch.tanh), "rnn_relu": _rnn(torch.relu), "lstm": _lstm, "gru": _gru,
}  # fmt: skip


def _layer(
    step: Step, x: Tensor, state: State, weights: Sequence[Tensor], biased: bool, reverse: bool
) -> tuple[Tensor, State]:
    """Return one direction of one layer: x (T, B, R) -> outputs (T, B, H) and the last state."""
    w, u, *rest = weights
    b, c = rest[:2] if biased else (None, None)
    project = rest[2 if biased else 0] if len(rest) > (2 if biased else 0) else None
    given, outputs = F.linear(x, w, b), []
    for t in range(len(x) - 1, -1, -1) if reverse else range(len(x)):
        state = step(given[t], F.linear(state[0], u, c), state)
        if project is not None:
            state = (F.linear(state[0], project), *state[1:])
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if reverse else outputs), state


def _sequence(name: str, function: Any) -> None:
    """Register one of torch's functions for whole sequences."""

    @reads(function, composed=True)
    def run(
        x: Tensor, hx: Any, weights: Sequence[Tensor], biased: bool, layers: int, dropout: float,
        training: bool, bidirectional: bool, batch_first: Any = None,
    ) -> Any:  # fmt: skip
        if not any(site_of(w) is not None for w in weights if isinstance(w, Tensor)):
            return NotImplemented
        if not isinstance(batch_first, bool):
            raise ValueError("packed sequences are not read on arrays; pad them, and mask the outputs")
        given = hx if isinstance(hx, (tuple, list)) else (hx,)
        x, directions = x.transpose(0, 1) if batch_first else x, 2 if bidirectional else 1
        each, last = len(weights) // (layers * directions), []
        for layer in range(layers):
            outputs = []
            for direction in range(directions):
                at = layer * directions + direction
                own = weights[at * each : (at + 1) * each]
                out, state = _layer(STEPS[name], x, tuple(h[at] for h in given), own, biased, direction == 1)
                outputs.append(out)
                last.append(state)
            x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
            x = F.dropout(x, dropout, training) if dropout and layer + 1 < layers else x
        states = [torch.stack(found) for found in zip(*last, strict=True)]
        return (x.transpose(0, 1) if batch_first else x, *states)


def _cell(name: str, function: Any) -> None:
    """Register one of torch's functions for one step."""

    @reads(function, composed=True)
    def run(
        x: Tensor, hx: Any, w: Tensor, u: Tensor, b: Tensor | None = None, c: Tensor | None = None
    ) -> Any:
        if site_of(w) is None and site_of(u) is None:
            return NotImplemented
        state = tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
        found = STEPS[name](F.linear(x, w, b), F.linear(next(iter(state)), u, c), state)
        return found if name == "lstm" else next(iter(found))


for _name in STEPS:
    _sequence(_name, getattr(_VF, _name))
    _cell(_name, getattr(_VF, f"{_name}_cell"))
