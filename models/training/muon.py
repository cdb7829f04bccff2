"""Muon: momentum for matrices, with updates made orthogonal by Newton-Schulz steps (Jordan 2024)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.6
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  #: coefficients of a step of degree five; source: Jordan 2024
STEPS = 3


class Muon(torch.optim.Optimizer):
    """An optimizer of weights of linear layers and convolutions, seen as matrices (rows, columns).

        M <- 0.6 M + G;  W <- |W0| (W / |W| - rate / sqrt(rows) orthogonal(G + 0.6 M))

    |W0| is the Frobenius norm that the matrix began with, and keeps but for the last update: the size of a
    matrix before a batch norm has no effect, its direction turns by `rate` at most. Its momentum and norm are
    its state. Parameters without a gradient are left alone. ValueError for a parameter that is no matrix.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], *, lr: float):
        super().__init__(matrices, {"lr": lr})
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim < 2:
                raise ValueError(f"a parameter of shape {tuple(p.shape)} is no matrix: give it to AdamW")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                state = self.state[p]
                if not state:
                    state["momentum"], state["norm"] = torch.zeros_like(p), p.norm()
                moment, norm = state["momentum"], state["norm"]
                moment.mul_(MOMENTUM).add_(p.grad)
                change = orthogonal(p.grad.add(moment, alpha=MOMENTUM).flatten(1)).view_as(p)
                p.mul_(norm / p.norm().clamp(min=1e-12))
                p.sub_(change.to(p.dtype) * (group["lr"] * norm / len(p) ** 0.5))


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with its singular values brought near 1 (between 0.3 and 1.2 where they were alike)."""
    a, b, c = NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)
    wide = len(x) > x.shape[1]
    x = x.mT if wide else x
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.mT if wide else x


def muon_matrices(net: nn.Module) -> list[nn.Parameter]:
    """The weights of linear layers and convolutions, but that of the last linear layer, which classifies."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    layers = [module for module in net.modules() if isinstance(module, kinds)]
    last = next((module for module in reversed(layers) if isinstance(module, nn.Linear)), None)
    found: dict[int, Any] = {id(module.weight): module.weight for module in layers if module is not last}
    if last is not None:
        found.pop(id(last.weight), None)
    return list(found.values())
