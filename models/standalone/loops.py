"""The loops over time that training spends its time in, as three programs can run them."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from torch import Tensor

KINDS = ("kernels", "compiled", "plain")  #: the fastest first


class Loops(NamedTuple):
    """Batch norm (training), LIF neurons and STDP attention in bf16, with gradients; `plain.py` defines them.

    norm_fire(x, weight, bias, T, threshold, alpha): x (T or 1, P, C) -> spikes (T, P, C).
    fire(u, threshold, alpha): membranes u (T, P, C) float32 -> spikes, bf16.
    norm_add(x, weight, bias, u): u + norm of x, (R, C), float32.
    attention(q, k, v, width): spikes (T B, N, D) in heads of `width` -> s A V, float32.
    """

    norm_fire: Callable[..., Tensor]
    fire: Callable[..., Tensor]
    norm_add: Callable[..., Tensor]
    attention: Callable[..., Tensor]


def find(kind: str) -> Loops:
    """Return the loops "kernels" (by hand, in Triton) or "compiled" (by torch.compile).

    ValueError where there is no Triton for the kernels.
    """
    if find_spec("triton") is None and kind == "kernels":
        raise ValueError("there is no Triton")
    return import_module({"kernels": "fused", "compiled": "compiled"}[kind]).LOOPS
