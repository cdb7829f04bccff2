"""The devices of attention arrays: drawn once for each chip, layer and head, held in buffers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memsim.arrays.writing.attention_faults import fabrics_of
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.device_table import DeviceTable
from memsim.arrays.writing.rules import WriteRule
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
        """The fabric, as cells take it; it shares the buffers' memory."""
        values = dict(self._buffers)
        packed = values.pop("packed")
        return Fabric(values=values, places=self.places, packed=packed)  # type: ignore[arg-type]


class WrittenDevices(nn.Module):
    """The N x N devices of every chip and head that N tokens use, one side or both of pairs.

    Their values are numbered by row and column: those of fewer tokens are the corner of those of more.
    Beside them lies what was measured of them: gain and shift of each word line (S, H, N), and a table for
    each device where the card asks for one.  ``defects`` says what of them is faulty, where something is.
    """

    gain: Tensor
    shift: Tensor

    def __init__(
        self, design: WrittenDesign, seed: int, chips: Sequence[int], heads: int, tokens: int
    ) -> None:
        super().__init__()
        self.heads, self.tokens, self.table = heads, tokens, design.table
        root = [stream(seed, list(chips), design.name, range(heads), side) for side in design.sides]
        self.rngs: dict[tuple[str | int, ...], list[Stream]] = {(): [rng.child("write") for rng in root]}
        self.read_rng = stream(seed, list(chips), design.name, range(heads), "read")
        lines = stream(seed, list(chips), design.name, range(heads), "lines")
        fabrics, self.defects = fabrics_of(design, root, lines, tokens)
        self.held = nn.ModuleList(HeldFabric(fabric) for fabric in fabrics)
        places = (len(chips), heads)
        self.register_buffer("gain", torch.ones(*places, tokens))
        self.register_buffer("shift", torch.full((*places, tokens), design.offset, dtype=torch.float64))
        per_device = design.card.attention.coding == "per-device"
        self.own = DeviceTable(design.table, places, tokens) if per_device else None

    @property
    def rule(self) -> WriteRule:
        """What these devices are pulsed by."""
        return self.table if self.own is None else self.own

    def fabrics(self) -> list[Fabric]:
        """The fabric of each side."""
        return [self.fabric(side) for side in range(len(self.held))]

    def fabric(self, side: int) -> Fabric:
        """The fabric of a side."""
        return self.held[side].fabric()  # type: ignore[operator]

    def streams(self, path: tuple[str | int, ...] = ()) -> list[Stream]:
        """The noise of each side's writes, one step further for each name of the path; keys (S, H)."""
        if path not in self.rngs:
            self.rngs[path] = [rng.child(*path) for rng in self.rngs[()]]
        return self.rngs[path]
