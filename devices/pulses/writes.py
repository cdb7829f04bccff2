"""What every law's operation takes besides its own numbers, and the frames around a law: for a kernel, and in
torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.philox import BLOCK
from memsim.devices.numerics.plain_math import clip
from memsim.devices.numerics.plain_philox import Rows, four_nearly_normals, nearly_normals, normals
from memsim.devices.pulses.line_pulses import PulseSource

_NOTHING = np.zeros((1, 1, 1), np.float32)


@final
@dataclass(frozen=True, eq=False)
class Writes:
    """Writes of a stack of arrays; a row is one array at one image and step.

    Raises ValueError where pulses or begin are those of other arrays, writes or cells.
    """

    begin: Tensor | None  #: states to pulse from, float32 (arrays, 1 or writes, cells); None: from a reset
    pulses: PulseSource
    rows: Rows

    def __post_init__(self) -> None:
        arrays, writes, cells = self.rows.shape
        if self.pulses.shape != (arrays, writes, cells):
            raise ValueError(f"pulses {self.pulses.shape} for arrays, writes and cells {self.rows.shape}")
        if self.begin is not None:
            begin = tuple(self.begin.shape)
            if begin not in ((arrays, 1, cells), (arrays, writes, cells)):
                raise ValueError(f"start {begin}: a state for each of {writes} writes, or for all")


def run_kernel(kernel: Any, packed: Tensor, writes: Writes, *law: Any) -> Tensor:
    """The states after the writes, float32 (arrays, writes, cells), by a numba kernel.

    Raises ValueError for constants (arrays, blocks, rows, BLOCK) of other arrays or cells.
    """
    rows = writes.rows
    arrays, _, cells = rows.shape
    if len(packed) != arrays or packed.shape[1] * BLOCK < cells or packed.shape[3] != BLOCK:
        raise ValueError(f"constants {tuple(packed.shape)} do not fit {arrays} arrays of {cells} cells")
    out = np.empty(rows.shape, np.float32)
    begin = _NOTHING if writes.begin is None else writes.begin.contiguous().numpy()
    keys = rows.keys.numpy().view(np.uint64)
    match_threads()
    kernel(
        out, begin, writes.begin is None, packed.contiguous().numpy(), writes.pulses.arrays(), keys,
        rows.images.numpy(), rows.steps.numpy(), *law,
    )  # fmt: skip
    return torch.from_numpy(out)


def counts(writes: Writes) -> tuple[Tensor, int]:
    """Signed pulses (arrays, writes, cells), none where a count is no number; and the most of any cell."""
    n = writes.pulses.every_cell()
    n = torch.where(n.isfinite(), n, torch.zeros_like(n))
    return n, int(n.abs().max().ceil()) if n.numel() else 0


def begun(writes: Writes, reset: Callable[[Tensor], Tensor]) -> Tensor:
    """The states before the first pulse: those given, or reset(xi)."""
    if writes.begin is not None:
        return writes.begin.expand(writes.rows.shape)
    return reset(nearly_normals(writes.rows, 0))


def constants(packed: Tensor, cells: int) -> tuple[Tensor, ...]:
    """Rows of constants, each (arrays, 1, cells)."""
    return packed.transpose(1, 2).flatten(2)[:, :, None, :cells].unbind(1)


def begun_within_bounds(packed: Tensor, writes: Writes, reset: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The states before the first pulse, and the constants; their last rows are upper and lower bound and the
    level of a reset.
    """
    p = constants(packed, writes.rows.cells)
    return begun(writes, lambda xi: clip(p[-1] + float(reset) * xi, p[-2], p[-3])), p


def seen(w: Tensor, writes: Writes, noise: float) -> Tensor:
    """States as a read sees them: with noise drawn once for each write."""
    return w + float(noise) * nearly_normals(writes.rows, 1) if noise else w


Chunk = Callable[[Tensor, Tensor, tuple[Tensor, ...], Tensor, Tensor, int], Tensor]


def by_chunks(packed: Tensor, writes: Writes, reset: float, noise: float, chunk: int, law: Chunk) -> Tensor:
    """A law that takes `chunk` pulses at once: law(w, n, constants, normals, words, pulses done) is the state
    after them.
    """
    w, p = begun_within_bounds(packed, writes, reset)
    n, most = counts(writes)
    for number in range(-(-most // chunk)):
        z, word = normals(writes.rows, 2 + number)
        w = law(w, n, p, z, word, number * chunk)
    return seen(w, writes, noise)


def one_by_one(
    w: Tensor, n: Tensor, writes: Writes, most: int, law: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Tensor:
    """A law that takes pulses one by one: law(w, z, part) is the state after one, part (0 .. 1) how much of
    it a cell takes.
    """
    moved, z = w, []
    for pulse in range(most):
        if pulse % 4 == 0:
            z = four_nearly_normals(writes.rows, 2 + pulse)
        moved = law(moved, z[pulse % 4], (n.abs() - pulse).clamp(0.0, 1.0))
    return torch.where(n != 0, moved, w)
