"""Muon: an optimizer for matrices with momentum and orthogonalised updates (Jordan 2024)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.6
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  #: coefficients of the polynomial of degree 5; source: Jordan 2024
STEPS = 3  #: Newton-Schulz steps


class Muon(torch.optim.Optimizer):
    """Optimizer for the weights of linear layers and convolutions, treated as matrices (rows, columns).

        M <- 0.6 M + G;  W <- |W0| (W / |W| - rate / sqrt(rows) orthogonal(G + 0.6 M))

    G is the gradient and |W0| the Frobenius norm of the initial matrix, to which W is rescaled before each
    update: the norm of a matrix before a batch norm has no effect, and its direction changes by about `rate`
    at most. The state is M and |W0|. Parameters without a gradient are not changed. Raises ValueError for a
    parameter that is not a matrix.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], *, lr: float):
        super().__init__(matrices, {"lr": lr})
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim < 2:
                raise ValueError(f"a parameter of shape {tuple(p.shape)} is not a matrix: use AdamW for it")

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient; `closure` is ignored."""
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
    """Return the matrix with its singular values moved towards 1 by Newton-Schulz steps.

    They end between 0.3 and 1.2 if they were of similar size before.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)
    wide = len(x) > x.shape[1]
    x = x.mT if wide else x
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.mT if wide else x


def muon_matrices(net: nn.Module) -> list[nn.Parameter]:
    """Return the weights of all linear layers and convolutions except the last linear layer (classifier)."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    layers = [module for module in net.modules() if isinstance(module, kinds)]
    last = next((module for module in reversed(layers) if isinstance(module, nn.Linear)), None)
    found: dict[int, Any] = {id(module.weight): module.weight for module in layers if module is not last}
    if last is not None:
        found.pop(id(last.weight), None)
    return list(found.values())
