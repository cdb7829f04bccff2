"""The devices of attention arrays: drawn once for each chip, layer and head, held in buffers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.attention_faults import fabrics_of
from memsim.arrays.writing.device_table import DeviceTable
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.devices import Fabric, Stream, stream


class HeldFabric(nn.Module):
    """A fabric whose device-to-device values and kernel constants are buffers."""

    def __init__(self, fabric: Fabric) -> None:
        super().__init__()
        self.places = fabric.places
        for name, value in fabric.values.items():
            self.register_buffer(name, value)
        self.register_buffer("packed", fabric.packed)

    def fabric(self) -> Fabric:
        """Return the fabric, as cells take it; it shares the buffers' memory."""
        values = dict(self._buffers)
        packed = values.pop("packed")
        return Fabric(values=values, places=self.places, packed=packed)  # type: ignore[arg-type]


class WrittenDevices(nn.Module):
    """The devices of every chip and head that word lines (rows) and bit lines (columns, default: as many)
    use, one side or both of pairs; N tokens use N x N of STDP attention.

    Their values are numbered by row and column: those of fewer lines are the corner of those of more.
    Beside them lies what was measured of them: gain and shift of each word line (S, H, rows), and a table for
    each device where the card asks for one.  ``defects`` says what of them is faulty, where something is.
    """

    gain: Tensor
    shift: Tensor

    def __init__(
        self, design: ArrayDesign, seed: int, chips: Sequence[int], heads: int, rows: int,
        columns: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.heads, self.size = heads, (rows, columns or rows)
        name = design.stream_name
        root = [stream(seed, list(chips), name, range(heads), side) for side in design.sides]
        self.rngs: dict[tuple[str | int, ...], list[Stream]] = {(): [rng.child("write") for rng in root]}
        self.read_rng = stream(seed, list(chips), name, range(heads), "read")
        lines = stream(seed, list(chips), name, range(heads), "lines")
        fabrics, self.defects = fabrics_of(design, root, lines, self.size)
        self.held = nn.ModuleList(HeldFabric(fabric) for fabric in fabrics)
        places = (len(chips), heads)
        self.register_buffer("gain", torch.ones(*places, rows))
        self.register_buffer("shift", torch.full((*places, rows), design.offset, dtype=torch.float64))
        table, per_device = design.table, design.card.attention.coding == "per-device"
        self.own = DeviceTable(table, places, rows) if per_device and isinstance(table, PulseTable) else None

    def fabrics(self) -> list[Fabric]:
        """Return the fabric of each side."""
        return [self.fabric(side) for side in range(len(self.held))]

    def fabric(self, side: int) -> Fabric:
        """Return the fabric of a side."""
        return self.held[side].fabric()  # type: ignore[operator]

    def streams(self, path: tuple[str | int, ...] = ()) -> list[Stream]:
        """Return the noise of each side's writes, one step further for each name of the path; keys (S, H)."""
        if path not in self.rngs:
            self.rngs[path] = [rng.child(*path) for rng in self.rngs[()]]
        return self.rngs[path]
