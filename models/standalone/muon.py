"""Muon: momentum for matrices, with updates made orthogonal (Jordan 2024)."""

import torch
from torch import Tensor, nn


class Muon:
    """Momentum with updates made orthogonal by Newton-Schulz steps, for matrices before a batch norm.

    Each matrix is kept at the norm sqrt(rows), or, if `own`, at its own norm. Matrices of one shape lie
    in one tensor.
    """

    def __init__(self, matrices: list[nn.Parameter], momentum: float = 0.6, *, own: bool = False):
        self.momentum, by_shape = momentum, {}
        self.norms: list[Tensor] = []
        for p in matrices:
            by_shape.setdefault((len(p), p.numel() // len(p)), []).append(p)
        self.groups = []
        for shape, params in by_shape.items():
            stack = torch.stack([p.data.reshape(shape) for p in params])
            for p, value in zip(params, stack, strict=True):
                p.data = value.view(p.shape)
            norm = stack.norm(dim=(1, 2), keepdim=True)
            self.groups.append((params, stack, torch.zeros_like(stack)))
            self.norms.append(norm if own else torch.full_like(norm, shape[0] ** 0.5))

    def step(self, rate: Tensor) -> None:
        """Update all matrices."""
        for (params, stack, moment), norm in zip(self.groups, self.norms, strict=True):
            grad = torch.stack([p.grad.reshape(stack.shape[1:]) for p in params])  # type: ignore[union-attr]
            moment.mul_(self.momentum).add_(grad)
            change = _orthogonal(grad.add_(moment, alpha=self.momentum))
            stack.mul_(norm / stack.norm(dim=(1, 2), keepdim=True))
            stack.sub_(change.float() * rate)


def _orthogonal(g: Tensor) -> Tensor:
    """Return matrices (n, rows, columns) with their singular values brought near 1."""
    x = g.bfloat16() if g.is_cuda else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    flat = x.shape[1] > x.shape[2]
    x = x.mT if flat else x
    for _ in range(3):
        a = x @ x.mT
        b = -4.7750 * a + 2.0315 * (a @ a)
        x = 3.4445 * x + b @ x
    return x.mT if flat else x
