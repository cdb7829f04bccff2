"""One affine map per pulse, u <- clip(u + s - a u + noise), taken n pulses at a time: the operation and its
torch form. Their equals, with a word on each step, are in :mod:`memsim.devices.pulses.affine_kernels`.
"""

import torch
from torch import Tensor

from memsim.devices.numerics.operation import operation
from memsim.devices.numerics.plain_math import along, clip, exp, kept_between
from memsim.devices.numerics.plain_philox import nearly_normals, normals
from memsim.devices.pulses.affine_kernels import (
    CHUNK,
    HARD,
    MULTIPLICATIVE,
    SOFT,
    TAIL,
    rewrite_blocks,
)
from memsim.devices.pulses.writes import Writes, begun, constants, counts, run_kernel, seen

__all__ = ["HARD", "MULTIPLICATIVE", "SOFT", "TAIL", "rewrite"]

_FOLD, _NONE = 0.5826, -30.0
P = tuple[Tensor, ...]


@operation
def rewrite(
    packed: Tensor, writes: Writes, reset: float, write: float, cycle: float, law: int, tail: int
) -> Tensor:
    """Reset (or begin), pulse by one of the three laws, add write noise: float32 (arrays, writes, cells).

    reset, write and cycle are spreads; the last `tail` pulses are taken one by one. Rows of constants: those
    of :func:`memsim.devices.pulses.affine_kernels.rewrite_blocks`.
    """
    reset, write, cycle = float(reset), float(write), float(cycle)
    p, (n, most) = constants(packed, writes.rows.cells), counts(writes)
    w = begun(writes, lambda xi: clip(p[11] + reset * xi, p[9], p[8]))
    if most > 0:
        z = [nearly_normals(writes.rows, 2 + draw) for draw in range(tail + 1)]
        if law == MULTIPLICATIVE:
            w = _multiplicative(w, n, p, z[0], cycle)
        elif law == HARD:
            for chunk in range(-(-(most - TAIL) // CHUNK)):
                xi, word = normals(writes.rows, 2 + TAIL + chunk)
                w = _walk(w, n, p, xi, word, chunk * CHUNK, cycle)
            w = _last_hard(w, n, p, z, cycle)
        elif writes.begin is None:
            w = _soft(w, n, p, nearly_normals(writes.rows, 0), z, reset, cycle, tail)
        else:
            w = _soft(w, n, p, z[tail], z, 0.0, cycle, tail)
    return seen(w, writes, write)


@rewrite.kernel("cpu", torch.float32)
def _(packed, writes, reset, write, cycle, law, tail):
    return run_kernel(rewrite_blocks, packed, writes, reset, write, cycle, law, tail)


def _soft(
    w: Tensor, n: Tensor, p: P, first: Tensor, z: list[Tensor], reset: float, cycle: float, tail: int
) -> Tensor:
    down, pulses, reach = n < 0, n.abs(), p[8] - p[9]
    s, a = torch.where(down, p[4], p[0]), torch.where(down, p[5], p[1])
    noise = s.abs() * cycle
    gap = torch.where(down, -p[9], p[8]) - along(w + p[10], n)
    jumped = _jumped(gap, n, down, p, first, reset, cycle, tail)
    d = torch.where(pulses > tail, jumped, gap)
    if tail == TAIL:
        d = torch.where(pulses > 1, clip(d - a * d + noise * z[1], 0.0, reach), d)
    part = pulses - (pulses.ceil() - 1.0)
    x = clip(d + part * (noise * z[0] - a * d), 0.0, reach)
    x = along(torch.where(down, -p[9], p[8]) - x, n) - p[10]
    return torch.where(pulses > 0, x, w)


def _jumped(
    gap: Tensor, n: Tensor, down: Tensor, p: P, first: Tensor, reset: float, cycle: float, tail: int
) -> Tensor:
    """Distances from the bound ahead after all pulses but the last ones."""
    rate, wide = torch.where(down, p[6], p[2]), torch.where(down, p[7], p[3]) * cycle
    ahead = (n.abs().ceil() - tail).clamp(min=0.0)
    left = exp((ahead * rate).clamp(min=_NONE))
    before = left * reset
    joint = ((wide * wide * (1.0 - left * left)).clamp(min=0.0) + before * before).sqrt()
    spread = (joint - before).clamp(min=1e-12)
    beyond = _FOLD * cycle * torch.where(down, p[4], p[0]).abs()
    mean = (gap + beyond) * left
    y = (mean - spread * along(first, n)).abs()
    scale = 1.0 / spread
    x = y * scale
    met = exp((-2.0 * mean.abs() * scale * x).clamp(min=_NONE))
    mills = (1.0 + met) * (x + (x * x + 2.5464791).sqrt())
    share = (1.0 - left) * (1.0 - 3.1915382 * met / mills)
    return clip(y - beyond * (1.0 - share), 0.0, p[8] - p[9])


def _multiplicative(w: Tensor, n: Tensor, p: P, z: Tensor, cycle: float) -> Tensor:
    up, count = n > 0, n.abs()
    s, a, pace, gain = (torch.where(up, p[row], p[row + 4]) for row in range(4))
    c = cycle * gain
    calm = 1.0 / (1.0 + 0.5 * (a * c) * (a * c))
    along = count * (pace + 0.5 * a * c * c * calm) + c * (count * calm).sqrt() * z
    u = w + p[10]
    x = clip(u + (s - a * u) * along * _bend(a * along), p[9], p[8])
    return torch.where(count > 0, x - p[10], w)


def _walk(w: Tensor, n: Tensor, p: P, z: Tensor, word: Tensor, done: int, cycle: float) -> Tensor:
    up = n > 0
    count = (n.abs().ceil() - float(TAIL + done)).clamp(0.0, float(CHUNK))
    s, a, pace, noise = (torch.where(up, p[row], p[row + 4]) for row in range(4))
    along, noise, u = count * pace, noise * cycle, w + p[10]
    steps = along * _bend(a * along)
    left = (1.0 - a * steps).clamp(min=0.0)
    alike = steps * (1.0 + left) / (2.0 - a).clamp(min=1e-6)
    x = u + (s - a * u) * steps + noise * alike.sqrt() * z
    x = kept_between(u, x, p[9], p[8], noise, alike, word)
    return torch.where(count > 0, x - p[10], w)


def _last_hard(w: Tensor, n: Tensor, p: P, z: list[Tensor], cycle: float) -> Tensor:
    up, total = n > 0, n.abs().ceil()
    s, a, _, noise = (torch.where(up, p[row], p[row + 4]) for row in range(4))
    noise, u = noise * cycle, w + p[10]
    part = n.abs() - (total - 1.0)
    u = torch.where(total > 1, clip(u + (s - a * u + noise * z[1]), p[9], p[8]), u)
    x = clip(u + part * (s - a * u + noise * z[0]), p[9], p[8])
    return torch.where(total > 0, x - p[10], w)


def _bend(x: Tensor) -> Tensor:
    """(1 - exp(-x)) / x, 1 at 0."""
    few = 1.0 - x * 0.5 * (1.0 - x * (1 / 3) * (1.0 - x * 0.25))
    return torch.where(x.abs() < 0.1, few, (1.0 - exp(-x)) / x)
