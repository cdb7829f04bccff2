"""STDP attention by kernel, with its gradients: the weights of a head exist in registers alone."""

import torch
import triton.language as tl  # pyright: ignore[reportMissingImports]
from kernels import jit
from plain import SCALE, WINDOW


@jit
def _window(q, k, A: tl.constexpr, TAU: tl.constexpr, OFFSET: tl.constexpr, STEP: tl.constexpr):
    """Weights A_ij of spike counts q (N), k (N), and their slope by k_j: Eq. (17)-(22)."""
    dt = (k[None, :] - q[:, None]) * STEP
    part = A * tl.exp(-tl.abs(dt) / TAU)
    return OFFSET + tl.where(dt < 0, part, -part), part / TAU * STEP


@jit
def _stdp(q, k, v, out, D, N: tl.constexpr, W: tl.constexpr, A: tl.constexpr, TAU: tl.constexpr,
          OFFSET: tl.constexpr, STEP: tl.constexpr, SCALE: tl.constexpr):  # fmt: skip
    """s A V of one head of one image and step."""
    at = tl.program_id(0).to(tl.int64) * N * D + tl.program_id(1) * W
    at = at + tl.arange(0, N)[:, None] * D + tl.arange(0, W)[None, :]
    qc = tl.sum(tl.load(q + at).to(tl.float32), 1)
    kc = tl.sum(tl.load(k + at).to(tl.float32), 1)
    weight, _ = _window(qc, kc, A, TAU, OFFSET, STEP)
    values = tl.load(v + at).to(tl.float32)
    tl.store(out + at, SCALE * tl.dot(weight, values, input_precision="ieee"))


@jit
def _stdp_back(q, k, v, grad, gq, gk, gv, D, N: tl.constexpr, W: tl.constexpr, A: tl.constexpr,
               TAU: tl.constexpr, OFFSET: tl.constexpr, STEP: tl.constexpr, SCALE: tl.constexpr):  # fmt: skip
    """Gradients of query, key and value spikes."""
    at = tl.program_id(0).to(tl.int64) * N * D + tl.program_id(1) * W
    at = at + tl.arange(0, N)[:, None] * D + tl.arange(0, W)[None, :]
    qc = tl.sum(tl.load(q + at).to(tl.float32), 1)
    kc = tl.sum(tl.load(k + at).to(tl.float32), 1)
    weight, slope = _window(qc, kc, A, TAU, OFFSET, STEP)
    values = tl.load(v + at).to(tl.float32)
    g = SCALE * tl.load(grad + at).to(tl.float32)
    tl.store(gv + at, tl.dot(tl.trans(weight), g, input_precision="ieee"))
    e = tl.dot(g, tl.trans(values), input_precision="ieee") * slope
    zero = tl.zeros((N, W), tl.float32)
    tl.store(gq + at, zero - tl.sum(e, 1)[:, None])  # type: ignore[index]
    tl.store(gk + at, zero + tl.sum(e, 0)[:, None])  # type: ignore[index]


class StdpAttention(torch.autograd.Function):
    """s A V: spikes q, k, v (T B, N, D) in heads of `width` -> float32 of that shape."""

    @staticmethod
    def forward(ctx, q, k, v, width):
        ctx.save_for_backward(q, k, v)
        ctx.width = width
        out = torch.empty(q.shape, device=q.device)
        _stdp[(len(q), q.shape[2] // width)](q, k, v, out, q.shape[2], q.shape[1], width, **_constants(width))
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        q, k, v = ctx.saved_tensors
        grads, (n, N, D), width = [torch.empty_like(x) for x in (q, k, v)], q.shape, ctx.width
        _stdp_back[(n, D // width)](q, k, v, grad.contiguous(), *grads, D, N, width, **_constants(width))
        return *grads, None


def _constants(width: int) -> dict[str, float]:
    """Return the window's constants as the kernels call them."""
    step = WINDOW["t_max"] / width
    return {"A": WINDOW["A"], "TAU": WINDOW["tau"], "OFFSET": WINDOW["offset"], "STEP": step, "SCALE": SCALE}
