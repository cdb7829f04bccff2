"""Triton kernels of training on a GPU, with their gradients: batch norm, LIF neurons and STDP attention.

Currents are rows (T or 1, P, C): P places, C channels, bf16 or float32. A current of one step is held over all.
The plain loops of `plain.py` are the definition.
"""

import torch
from plain import BETA, EPS, SCALE, WINDOW
from torch import Tensor

try:
    import triton
    import triton.language as tl
except ImportError:  # the plain loops do
    triton = tl = None

if triton:

    @triton.jit
    def _row_sums(x, sums, squares, R, C, rows, BP: tl.constexpr, BC: tl.constexpr):
        """Sums and sums of squares of x (R, C) by channel, over this program's rows."""
        c = tl.program_id(0) * BC + tl.arange(0, BC)
        first = tl.program_id(1) * rows
        s = tl.zeros((BC,), tl.float32)
        q = tl.zeros((BC,), tl.float32)
        for r0 in range(0, rows, BP):
            r = first + r0 + tl.arange(0, BP)
            inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
            v = tl.load(x + r[:, None].to(tl.int64) * C + c[None, :], mask=inside, other=0).to(tl.float32)
            s += tl.sum(v, 0)
            q += tl.sum(v * v, 0)
        tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
        tl.store(squares + tl.program_id(1) * C + c, q, mask=c < C)

    @triton.jit
    def _drive(x, offset, inside, scale, shift, NORM: tl.constexpr):
        """The current of a tile: x itself, or its batch norm."""
        v = tl.load(x + offset, mask=inside, other=0).to(tl.float32)
        if NORM:
            v = v * scale[None, :] + shift[None, :]
        return v

    @triton.jit
    def _fire(x, out, scale, shift, P, C, rows, threshold, T: tl.constexpr, HELD: tl.constexpr,
              NORM: tl.constexpr, BETA: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr):  # fmt: skip
        """Spikes out (T, P, C) of currents x (T or 1, P, C)."""
        c = tl.program_id(0) * BC + tl.arange(0, BC)
        first = tl.program_id(1) * rows
        a = tl.zeros((BC,), tl.float32)
        b = tl.zeros((BC,), tl.float32)
        if NORM:
            a = tl.load(scale + c, mask=c < C, other=0)
            b = tl.load(shift + c, mask=c < C, other=0)
        for r0 in range(0, rows, BP):
            r = first + r0 + tl.arange(0, BP)
            inside = (r < P)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
            at = r[:, None].to(tl.int64) * C + c[None, :]
            h = tl.zeros((BP, BC), tl.float32)
            for t in tl.static_range(T):
                step = tl.cast(P, tl.int64) * C * t
                u = h + _drive(x, at if HELD else at + step, inside, a, b, NORM)
                fired = u >= threshold
                tl.store(out + at + step, tl.where(fired, 1.0, 0.0), mask=inside)
                h = tl.where(fired, 0.0, BETA * u)

    @triton.jit
    def _slope(u, threshold, alpha):
        """The slope of sigmoid(alpha (u - threshold))."""
        p = 1 / (1 + tl.exp(-alpha * (u - threshold)))
        return alpha * p * (1 - p)

    @triton.jit
    def _fire_back(x, grad, out, scale, shift, mean, inverse, sums, products, P, C, rows, threshold, alpha,
                   T: tl.constexpr, HELD: tl.constexpr, NORM: tl.constexpr, BETA: tl.constexpr,
                   BP: tl.constexpr, BC: tl.constexpr):  # fmt: skip
        """Gradient of the currents (after the norm), and its sums by channel, alone and times normed x."""
        c = tl.program_id(0) * BC + tl.arange(0, BC)
        first = tl.program_id(1) * rows
        a = tl.zeros((BC,), tl.float32)
        b = tl.zeros((BC,), tl.float32)
        m = tl.zeros((BC,), tl.float32)
        i = tl.zeros((BC,), tl.float32)
        if NORM:
            a = tl.load(scale + c, mask=c < C, other=0)
            b = tl.load(shift + c, mask=c < C, other=0)
            m = tl.load(mean + c, mask=c < C, other=0)
            i = tl.load(inverse + c, mask=c < C, other=0)
        s = tl.zeros((BC,), tl.float32)
        q = tl.zeros((BC,), tl.float32)
        for r0 in range(0, rows, BP):
            r = first + r0 + tl.arange(0, BP)
            inside = (r < P)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
            at = r[:, None].to(tl.int64) * C + c[None, :]
            carry = tl.zeros((BP, BC), tl.float32)
            total = tl.zeros((BP, BC), tl.float32)
            for back in tl.static_range(T):
                u = tl.zeros((BP, BC), tl.float32)
                for t in tl.static_range(T - back):  # the membranes up to this step, anew
                    h = tl.where(u >= threshold, 0.0, BETA * u)
                    step = tl.cast(P, tl.int64) * C * t
                    u = h + _drive(x, at if HELD else at + step, inside, a, b, NORM)
                step = tl.cast(P, tl.int64) * C * (T - 1 - back)
                g = tl.load(grad + at + step, mask=inside, other=0).to(tl.float32)
                carry = g * _slope(u, threshold, alpha) + tl.where(u >= threshold, 0.0, BETA * carry)
                if HELD:
                    total += carry
                else:
                    tl.store(out + at + step, carry, mask=inside)
                    if NORM:
                        v = tl.load(x + at + step, mask=inside, other=0).to(tl.float32)
                        s += tl.sum(tl.where(inside, carry, 0.0), 0)
                        q += tl.sum(tl.where(inside, carry * (v - m[None, :]) * i[None, :], 0.0), 0)
            if HELD:
                tl.store(out + at, total, mask=inside)
                if NORM:
                    v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
                    s += tl.sum(tl.where(inside, total, 0.0), 0)
                    q += tl.sum(tl.where(inside, total * (v - m[None, :]) * i[None, :], 0.0), 0)
        if NORM:
            tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
            tl.store(products + tl.program_id(1) * C + c, q, mask=c < C)

    @triton.jit
    def _norm_sums(x, grad, mean, inverse, sums, products, R, C, rows, BP: tl.constexpr, BC: tl.constexpr):
        """Sums by channel of a gradient (R, C), alone and times normed x."""
        c = tl.program_id(0) * BC + tl.arange(0, BC)
        first = tl.program_id(1) * rows
        m = tl.load(mean + c, mask=c < C, other=0)
        i = tl.load(inverse + c, mask=c < C, other=0)
        s = tl.zeros((BC,), tl.float32)
        q = tl.zeros((BC,), tl.float32)
        for r0 in range(0, rows, BP):
            r = first + r0 + tl.arange(0, BP)
            inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
            at = r[:, None].to(tl.int64) * C + c[None, :]
            g = tl.load(grad + at, mask=inside, other=0).to(tl.float32)
            v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
            s += tl.sum(g, 0)
            q += tl.sum(g * (v - m[None, :]) * i[None, :], 0)
        tl.store(sums + tl.program_id(1) * C + c, s, mask=c < C)
        tl.store(products + tl.program_id(1) * C + c, q, mask=c < C)

    @triton.jit
    def _norm_back(x, grad, out, scale, mean, inverse, sums, products, R, C, rows, BP: tl.constexpr,
                   BC: tl.constexpr):  # fmt: skip
        """Gradient of a batch norm's input: scale (g - mean g - xhat mean(g xhat))."""
        c = tl.program_id(0) * BC + tl.arange(0, BC)
        first = tl.program_id(1) * rows
        a = tl.load(scale + c, mask=c < C, other=0)
        m = tl.load(mean + c, mask=c < C, other=0)
        i = tl.load(inverse + c, mask=c < C, other=0)
        s = tl.load(sums + c, mask=c < C, other=0) / R
        q = tl.load(products + c, mask=c < C, other=0) / R
        for r0 in range(0, rows, BP):
            r = first + r0 + tl.arange(0, BP)
            inside = (r < R)[:, None] & (r < first + rows)[:, None] & (c < C)[None, :]
            at = r[:, None].to(tl.int64) * C + c[None, :]
            g = tl.load(grad + at, mask=inside, other=0).to(tl.float32)
            v = tl.load(x + at, mask=inside, other=0).to(tl.float32)
            normed = (v - m[None, :]) * i[None, :]
            tl.store(out + at, a[None, :] * (g - s[None, :] - normed * q[None, :]), mask=inside)

    @triton.jit
    def _window(q, k, A: tl.constexpr, TAU: tl.constexpr, OFFSET: tl.constexpr, STEP: tl.constexpr):
        """Weights A_ij of spike counts q (N), k (N), and their slope by k_j: Eq. (17)-(22)."""
        dt = (k[None, :] - q[:, None]) * STEP
        part = A * tl.exp(-tl.abs(dt) / TAU)
        return OFFSET + tl.where(dt < 0, part, -part), part / TAU * STEP

    @triton.jit
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

    @triton.jit
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
        tl.store(gq + at, zero - tl.sum(e, 1)[:, None])
        tl.store(gk + at, zero + tl.sum(e, 0)[:, None])


def tiling(P: int, C: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Return grid, and rows and block sizes, of a pass over (P, C)."""
    block = next(b for b in (128, 64, 32, 16) if C % b == 0 or b == 16)
    tall = 2048 // block
    columns = -(-C // block)
    programs = max(1, min(-(-P // tall), 2112 // columns))
    rows = -(-P // (programs * tall)) * tall
    return (columns, -(-P // rows)), {"rows": rows, "BP": tall, "BC": block}


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and 1 / sqrt(variance + EPS) of x (R, C) by channel, by kernel."""
    R, C = x.shape
    grid, blocks = tiling(R, C)
    sums, squares = torch.empty(2, grid[1], C, device=x.device)
    _row_sums[grid](x, sums, squares, R, C, **blocks)
    mean = sums.sum(0) / R
    return mean, (squares.sum(0) / R - mean * mean).clamp(min=0).add(EPS).rsqrt()


class NormFire(torch.autograd.Function):
    """Batch norm (training) and LIF: x (T or 1, P, C) -> spikes (T, P, C)."""

    @staticmethod
    def forward(ctx, x, weight, bias, T, threshold, alpha):
        held, P, C = x.shape[0] < T, *x.shape[1:]
        mean, inverse = moments(x.view(-1, C))
        scale = weight * inverse
        shift = bias - mean * scale
        out = torch.empty(T, P, C, device=x.device, dtype=x.dtype)
        grid, blocks = tiling(P, C)
        _fire[grid](
            x, out, scale, shift, P, C, threshold=threshold, T=T, HELD=held, NORM=True, BETA=BETA, **blocks
        )
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        ctx.law = T, held, threshold, alpha
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        x, scale, shift, mean, inverse = ctx.saved_tensors
        T, held, threshold, alpha = ctx.law
        P, C = x.shape[1:]
        grid, blocks = tiling(P, C)
        parts, out = torch.empty(2, grid[1], C, device=x.device), torch.empty_like(x)
        _fire_back[grid](x, grad.contiguous(), out, scale, shift, mean, inverse, *parts, P, C,
                         threshold=threshold, alpha=alpha, T=T, HELD=held, NORM=True, BETA=BETA, **blocks)  # fmt: skip
        return _norm_input(x, out, out, scale, mean, inverse, parts) + (None,) * 3


def _norm_input(x, grad, out, scale, mean, inverse, parts) -> tuple[Tensor, Tensor, Tensor]:
    """Finish a batch norm's backward pass: gradients of input, weight and bias."""
    C = x.shape[-1]
    R = x.numel() // C
    sums, products = parts.sum(1)
    grid, blocks = tiling(R, C)
    _norm_back[grid](x, grad, out, scale, mean, inverse, sums, products, R, C, **blocks)
    return out, products, sums


class NormAdd(torch.autograd.Function):
    """u + batch norm (training) of x: x (R, C), u (R, C) float32 -> float32."""

    @staticmethod
    def forward(ctx, x, weight, bias, u):
        mean, inverse = moments(x)
        scale = weight * inverse
        ctx.save_for_backward(x, scale, mean, inverse)
        return torch.addcmul(u + (bias - mean * scale), x, scale)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        x, scale, mean, inverse = ctx.saved_tensors
        grad, (R, C) = grad.contiguous(), x.shape
        grid, blocks = tiling(R, C)
        parts = torch.empty(2, grid[1], C, device=x.device)
        _norm_sums[grid](x, grad, mean, inverse, *parts, R, C, **blocks)
        return *_norm_input(x, grad, torch.empty_like(x), scale, mean, inverse, parts), grad


class Fire(torch.autograd.Function):
    """LIF alone: membrane currents (T, P, C) of any float type -> spikes bf16."""

    @staticmethod
    def forward(ctx, x, threshold, alpha):
        T, P, C = x.shape
        out = torch.empty(T, P, C, device=x.device, dtype=torch.bfloat16)
        grid, blocks = tiling(P, C)
        _fire[grid](x, out, x, x, P, C, threshold=threshold, T=T, HELD=False, NORM=False, BETA=BETA, **blocks)
        ctx.save_for_backward(x)
        ctx.law = threshold, alpha
        return out

    @staticmethod
    def backward(ctx, grad):  # type: ignore[override]
        (x,) = ctx.saved_tensors
        threshold, alpha = ctx.law
        T, P, C = x.shape
        grid, blocks = tiling(P, C)
        out = torch.empty_like(x)
        _fire_back[grid](x, grad.contiguous(), out, x, x, x, x, x, x, P, C, threshold=threshold, alpha=alpha,
                         T=T, HELD=False, NORM=False, BETA=BETA, **blocks)  # fmt: skip
        return out, None, None


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
