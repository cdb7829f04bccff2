"""The pulses that write a crossbar, as its lines make them: each cell gets what the spikes on its word line
and on its bit line ask for together.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel

_NO_CELLS, _NO_TABLE = np.zeros((0, 0, 0), np.float32), np.zeros((0, 0), np.float32)
_NO_LINES = np.zeros((0, 0, 0), np.uint32)


@final
@dataclass(frozen=True, eq=False)
class LinePulses:
    """Signed pulses of every cell from the spike counts on its lines: cells[..., i, j] = table[q_i, k_j].

    table (Q, K); word_lines (..., N) and bit_lines (..., M) hold the counts q and k, whole numbers. A kernel
    looks a cell up as it meets it, and takes none where the table has no entry for a count (ValueError).
    Raises ValueError where word lines and bit lines are not those of the same writes.
    """

    table: Tensor
    word_lines: Tensor
    bit_lines: Tensor

    def __post_init__(self) -> None:
        word_lines, bit_lines = (tuple(x.shape[:-1]) for x in (self.word_lines, self.bit_lines))
        if word_lines != bit_lines:
            raise ValueError(
                f"word lines of writes {word_lines}, bit lines of writes {bit_lines}: must be alike"
            )

    @property
    def shape(self) -> torch.Size:
        """Shape of the cells, (..., N, M)."""
        return torch.Size((*self.word_lines.shape, self.bit_lines.shape[-1]))

    def __neg__(self) -> "LinePulses":
        return replace(self, table=-self.table)

    def clamp(self, min: float) -> "LinePulses":
        """At least `min` pulses."""
        return replace(self, table=self.table.clamp(min=min))

    def cells(self) -> Tensor:
        """The pulses of every cell, float32 (..., N, M)."""
        source = source_of(self, self.word_lines[..., 0].numel(), 1)
        out = torch.empty(self.shape)
        match_threads()
        _fill(out.view(len(source.word_lines), -1).numpy(), source)
        return out


Pulses = Tensor | LinePulses  #: pulses of cells, or by lines


def every_cell(pulses: Pulses) -> Tensor:
    """Pulses by the cell, for those who do not take them by lines."""
    return pulses.cells() if isinstance(pulses, LinePulses) else pulses


class PulseSource(NamedTuple):
    """Pulses as kernels take them: of cells (arrays, writes, cells) or, where that is empty, from a table by
    lines (arrays, writes, lines).
    """

    cells: Any
    table: Any
    word_lines: Any
    bit_lines: Any


def source_of(pulses: Pulses, arrays: int, writes: int) -> PulseSource:
    """The pulses of so many writes of so many arrays, for a kernel."""
    if isinstance(pulses, Tensor):
        cells = pulses.to(torch.float32).contiguous().numpy()
        return PulseSource(cells.reshape(arrays, writes, -1), _NO_TABLE, _NO_LINES, _NO_LINES)
    lines = []
    for name, size in zip(("word_lines", "bit_lines"), pulses.table.shape, strict=True):
        counts = getattr(pulses, name).to(torch.int32).contiguous().numpy().view(np.uint32)
        if counts.size and counts.max() >= size:  # a negative one is a large one
            raise ValueError(f"{name}: counts must lie in 0 .. {size - 1}, got {counts.view(np.int32)}")
        lines.append(counts.reshape(arrays, writes, -1))
    return PulseSource(_NO_CELLS, pulses.table.to(torch.float32).contiguous().numpy(), *lines)


@inlined
def look_up(out, source, array, write, first):
    """Fill `out` with the pulses of the cells from `first` on, as far as there are any."""
    if source.table.size == 0:
        part = source.cells[array, write, first : first + len(out)]
        for i in range(len(part)):
            out[i] = part[i]
        return
    word_lines, bit_lines = source.word_lines[array, write], source.bit_lines[array, write]
    many, done = min(len(out), len(word_lines) * len(bit_lines) - first), 0
    line, column = first // len(bit_lines), first % len(bit_lines)
    while done < many:
        run = min(len(bit_lines) - column, many - done)
        row, part = source.table[word_lines[line]], out[done : done + run]
        at = bit_lines[column : column + run]
        for c in range(run):
            part[c] = row[at[c]]
        done, line, column = done + run, line + 1, 0


@parallel_kernel
def _fill(out, source):
    for array in prange(len(out)):
        look_up(out[array], source, array, 0, 0)
