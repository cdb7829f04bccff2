"""Rows of normal and of uniform numbers by their address, as operations: a torch form, and a kernel for the
CPU.

Arguments of each: keys (K,), images (I,) and steps (S,), all int64; number of a row's first cell, cells of a
row, draw, data type. Result: (K I S, cells), the step changing fastest.
"""

from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics import philox as px
from memsim.devices.numerics import plain_philox
from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel
from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.plain_philox import Rows

_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


@operation
def normals(
    keys: Tensor, images: Tensor, steps: Tensor, first: int, cells: int, draw: int, dtype: torch.dtype
) -> Tensor:
    """Standard normals; a kernel's are the same within 1e-6 (float32) or 1e-14 (float64)."""
    rows = Rows(keys, images, steps, cells, first)
    drawn = (
        plain_philox.normals64(rows, draw) if dtype == torch.float64 else plain_philox.normals(rows, draw)[0]
    )
    return drawn.flatten(0, 1)


@operation
def uniforms(
    keys: Tensor, images: Tensor, steps: Tensor, first: int, cells: int, draw: int, dtype: torch.dtype
) -> Tensor:
    """Numbers strictly between 0 and 1: the same bits everywhere."""
    return plain_philox.uniforms(Rows(keys, images, steps, cells, first), draw).to(dtype).flatten(0, 1)


@normals.kernel("cpu", torch.int64)
def _(keys, images, steps, first, cells, draw, dtype):
    kernel = _normal32 if dtype == torch.float32 else _normal64
    return _fill(kernel, keys, images, steps, first, cells, draw, dtype)


@uniforms.kernel("cpu", torch.int64)
def _(keys, images, steps, first, cells, draw, dtype):
    return _fill(_uniform, keys, images, steps, first, cells, draw, dtype)


def _fill(
    kernel: Any,
    keys: Tensor,
    images: Tensor,
    steps: Tensor,
    first: int,
    cells: int,
    draw: int,
    dtype: torch.dtype,
) -> Tensor:
    out = np.empty((len(keys) * len(images) * len(steps), cells), _NUMPY[dtype])
    match_threads()
    kernel(out, keys.numpy().view(np.uint64), images.numpy(), steps.numpy(), first, draw)
    return torch.from_numpy(out)


@parallel_kernel
def _normal32(out, keys, images, steps, first, draw):
    blocks = _blocks(out, first)
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks + first // px.BLOCK
        key, image, step = _place(row, keys, images, steps)
        z, words = np.empty((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        px.normals(z, words, key, block, step, image, draw, 1)
        begin, end = _part(out, first, block)
        for cell in range(begin, end):
            out[row, block * px.BLOCK + cell - first] = z[0, cell]


@parallel_kernel
def _normal64(out, keys, images, steps, first, draw):
    blocks = _blocks(out, first)
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks + first // px.BLOCK
        key, image, step = _place(row, keys, images, steps)
        words = np.empty((1, px.BLOCK), np.uint32)
        px.bits(words, key, block, step, image, draw, 1)
        begin, end = _part(out, first, block)
        for cell in range(begin, end):
            out[row, block * px.BLOCK + cell - first] = px.normal_exact(words, cell)


@parallel_kernel
def _uniform(out, keys, images, steps, first, draw):
    blocks = _blocks(out, first)
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks + first // px.BLOCK
        key, image, step = _place(row, keys, images, steps)
        words = np.empty((1, px.BLOCK), np.uint32)
        px.bits(words, key, block, step, image, draw, 1)
        begin, end = _part(out, first, block)
        for cell in range(begin, end):
            value = (np.float64(words[0, cell] >> np.uint32(9)) + 0.5) * 2.0**-23
            out[row, block * px.BLOCK + cell - first] = value


@inlined
def _blocks(out, first):
    """How many blocks the cells of a row touch."""
    return (first + out.shape[1] + px.BLOCK - 1) // px.BLOCK - first // px.BLOCK


@inlined
def _part(out, first, block):
    """The cells of a block that are wanted."""
    return max(first - block * px.BLOCK, 0), min(px.BLOCK, first + out.shape[1] - block * px.BLOCK)


@inlined
def _place(row, keys, images, steps):
    step = steps[row % len(steps)]
    rest = row // len(steps)
    return keys[rest // len(images)], images[rest % len(images)], step
