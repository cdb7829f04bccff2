"""Conversion of currents to numbers in one pass over memory: read noise is added, then the ADC rounds."""

from __future__ import annotations

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare, match_threads, parallel_kernel
from memsim.devices.numerics.draws import normals
from memsim.devices.numerics.operation import operation


@operation
def noisy_numbers(
    current: Tensor, variance: Tensor | None, step: Tensor, held: Tensor, keys: Tensor, images: Tensor,
    reads: Tensor, draw: int, levels: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the converted currents and the number of codes that were clipped.

        out = step clip(round((current + sqrt(variance) xi) / step), -levels, levels)

    current, variance: (K, B, R, N) for K pairs of chip and head, B sequences, R readers and N sensed lines;
    variance None: no noise.  step: (K, N) or (K, 1); levels = 0: no rounding.  held (R,): reader r converts
    the first held[r] lines, and the others give 0.  xi is standard normal; its random numbers are addressed
    by keys (K,), images (B,) and reads (R,), all int64, and by draw.
    """
    if variance is not None:
        cells = current.shape[-1]
        xi = normals(keys, images, reads, 0, cells, draw, current.dtype).reshape(current.shape)
        current = current + variance.clamp(min=0.0).sqrt() * xi
    current = current * (torch.arange(current.shape[-1]) < held[:, None])
    if not levels:
        return current, torch.zeros((), dtype=torch.int64)
    step = step[:, None, None]
    code = torch.round(current / step)
    kept = code.clamp(-levels, levels)
    return kept * step, (code != kept).sum()


@noisy_numbers.kernel("cpu", torch.float32)
def _(
    current: Tensor, variance: Tensor | None, step: Tensor, held: Tensor, keys: Tensor, images: Tensor,
    reads: Tensor, draw: int, levels: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    shape = current.shape
    out, over = np.empty(shape, np.float32), np.zeros(shape[:3], np.int64)
    noise = np.empty((0, *shape[1:]), np.float32) if variance is None else variance.contiguous().numpy()
    match_threads()
    _convert(
        current.contiguous().numpy(), noise, step.contiguous().numpy(), held.numpy(),
        keys.numpy().view(np.uint64), images.numpy(), reads.numpy(), draw, np.float32(levels), out, over,
    )  # fmt: skip
    return torch.from_numpy(out), torch.tensor(over.sum())


@bare
def _round(numbers, step, levels):
    """Round numbers to the grid of an ADC in place and return the number of clipped codes."""
    over = np.int32(0)
    if len(step) == 1:
        own = step[0]
        for n in range(len(numbers)):
            code = np.rint(numbers[n] / own)
            kept = min(max(code, -levels), levels)
            over = np.int32(over + (code != kept))
            numbers[n] = kept * own
    else:
        for n in range(len(numbers)):
            code = np.rint(numbers[n] / step[n])
            kept = min(max(code, -levels), levels)
            over = np.int32(over + (code != kept))
            numbers[n] = kept * step[n]
    return over


@parallel_kernel
def _convert(current, variance, step, held, keys, images, reads, draw, levels, out, over):
    """Fill out (K, B, R, N) with converted currents and over (K, B, R) with the number of clipped codes.

    A variance of length 0 means no noise.
    """
    arrays, count, readers, cells = current.shape
    for job in prange(arrays * count * readers):
        r, b, k = job % readers, job // readers % count, job // readers // count
        z, words = np.empty((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        there, steps = min(held[r], cells), step[k]
        line, found = current[k, b, r], out[k, b, r]
        many = np.int64(0)
        for first in range(0, there, px.BLOCK):
            end = min(first + px.BLOCK, there)
            now = found[first:end]
            for n in range(len(now)):
                now[n] = line[first + n]
            if len(variance) > 0:
                px.normals(z, words, keys[k], first // px.BLOCK, reads[r], images[b], draw, 1)
                spread = variance[k, b, r, first:end]
                for n in range(len(now)):
                    now[n] += np.sqrt(max(spread[n], np.float32(0.0))) * z[0, n]
            if levels > 0:
                many += _round(now, steps[first:end] if len(steps) > 1 else steps, levels)
        found[there:] = 0.0
        over[k, b, r] = many
