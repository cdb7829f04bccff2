"""Checks of what attention on arrays is given."""

from __future__ import annotations

from torch import Tensor

from memsim.run import Run


def check_layout(name: str, run: Run, width: int, q: Tensor, k: Tensor, v: Tensor) -> None:
    """Raise ValueError unless q, k and v are laid out (T, S B, H, N, D)."""
    batch, shape = len(run.chips) * len(run.now.images), v.shape
    if not (q.shape == k.shape == shape and len(shape) == 5 and shape[1] == batch and shape[4] == width):
        raise ValueError(
            f"{name}: q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}: all three must be "
            f"(steps, {len(run.chips)} chips x {len(run.images)} images, heads, tokens, "
            f"{width} features)"
        )


def check_spikes(name: str, **signals: Tensor) -> None:
    """Raise ValueError for the first signal that holds numbers that are no spikes."""
    for signal, x in signals.items():
        if ((x != 0) & (x != 1)).any():
            raise ValueError(
                f"{name}: {signal} holds numbers from {float(x.min()):g} to {float(x.max()):g}; "
                "spikes are 0 or 1"
            )


def by_array(x: Tensor, chips: int) -> Tensor:
    """(T, S B, H, ...) -> (S, H, B, T, ...): arrays first, then their writes."""
    parts = x.view(x.shape[0], chips, -1, *x.shape[2:])
    return parts.movedim((1, 3, 2, 0), (0, 1, 2, 3))


def by_step(x: Tensor) -> Tensor:
    """(S, H, B, T, ...) -> (T, S B, H, ...), as networks have it."""
    return x.movedim((3, 0, 2, 1), (0, 1, 2, 3)).flatten(1, 2)
