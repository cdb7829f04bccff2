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
from memsim.devices.numerics.operation import operation


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
        word_lines, bit_lines = self.word_lines.shape[:-1], self.bit_lines.shape[:-1]
        if word_lines != bit_lines:
            raise ValueError(
                f"word lines of writes {tuple(word_lines)}, bit lines of writes {tuple(bit_lines)}: "
                "must be alike"
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
        source = source_of(self, self.word_lines[..., 0].numel(), 1, self.table.device)
        return source.every_cell().reshape(self.shape)


Pulses = Tensor | LinePulses  #: pulses of cells, or by lines


def every_cell(pulses: Pulses) -> Tensor:
    """Pulses by the cell, for those who do not take them by lines."""
    return pulses.cells() if isinstance(pulses, LinePulses) else pulses


class PulseArrays(NamedTuple):
    """Pulses as kernels take them: of cells (arrays, writes, cells) or, where that is empty, from a table by
    lines (arrays, writes, lines).
    """

    cells: Any
    table: Any
    word_lines: Any
    bit_lines: Any


@final
class PulseSource(NamedTuple):
    """The same as tensors: float32 pulses and table, int32 counts that the table has entries for."""

    cells: Tensor
    table: Tensor
    word_lines: Tensor
    bit_lines: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """Arrays, writes and cells."""
        if self.table.numel() == 0:
            return self.cells.shape[0], self.cells.shape[1], self.cells.shape[2]
        arrays, writes, lines = self.word_lines.shape
        return arrays, writes, lines * self.bit_lines.shape[2]

    def every_cell(self) -> Tensor:
        """Pulses of cells, float32 (arrays, writes, cells)."""
        if self.table.numel() == 0:
            return self.cells
        return look_up_cells(self.table, self.word_lines, self.bit_lines)

    def arrays(self) -> PulseArrays:
        """For a kernel on the CPU."""
        word_lines, bit_lines = self.word_lines.numpy(), self.bit_lines.numpy()
        lines = word_lines.view(np.uint32), bit_lines.view(np.uint32)
        return PulseArrays(self.cells.numpy(), self.table.numpy(), *lines)


def source_of(pulses: Pulses, arrays: int, writes: int, device: torch.device) -> PulseSource:
    """The pulses of `writes` writes of each of `arrays` arrays, on a device.

    Raises ValueError for counts that the table has no entry for.
    """
    if isinstance(pulses, Tensor):
        cells = pulses.to(device, torch.float32).contiguous()
        no_lines = torch.zeros(0, 0, 0, dtype=torch.int32, device=device)
        return PulseSource(cells.reshape(arrays, writes, -1), cells.new_zeros(0, 0), no_lines, no_lines)
    lines, named = [], {"word_lines": pulses.word_lines, "bit_lines": pulses.bit_lines}
    for (name, counts), size in zip(named.items(), pulses.table.shape, strict=True):
        counts = counts.to(device, torch.int32).contiguous()
        low, high = map(int, counts.aminmax()) if counts.numel() else (0, 0)
        if low < 0 or high >= size:
            raise ValueError(f"{name}: counts must lie in 0 .. {size - 1}, got {low} .. {high}")
        lines.append(counts.reshape(arrays, writes, -1))
    table = pulses.table.to(device, torch.float32).contiguous()
    return PulseSource(table.new_zeros(0, 0, 0), table, *lines)


@operation
def look_up_cells(table: Tensor, word_lines: Tensor, bit_lines: Tensor) -> Tensor:
    """table[q_i, k_j] for all lines, (arrays, writes, cells) of int32 counts (arrays, writes, lines)."""
    return table[word_lines.long()[..., None], bit_lines.long()[..., None, :]].flatten(-2)


@look_up_cells.kernel("cpu", torch.float32)
def _(table: Tensor, word_lines: Tensor, bit_lines: Tensor) -> Tensor:
    source = PulseSource(table.new_zeros(0, 0, 0), table, word_lines, bit_lines)
    out = table.new_empty(source.shape)
    match_threads()
    _fill(out.numpy(), source.arrays())
    return out


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
    writes = out.shape[1]
    for row in prange(out.shape[0] * writes):
        look_up(out[row // writes, row % writes], source, row // writes, row % writes, 0)
