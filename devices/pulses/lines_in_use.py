"""A fabric of the lines of an array that are in use: other devices stand behind the same rows and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor
from torch.nn.functional import pad

from memsim.devices.cell import Fabric
from memsim.devices.numerics.philox import BLOCK


def lines_in_use(fabric: Fabric, rows: Tensor, columns: Tensor) -> Fabric:
    """Return the devices at rows (*K, R') and columns (*K, C') of arrays whose cells are (..., R, C)."""
    arrays, cells = fabric.packed.shape[0], fabric.cells
    chosen = {-2: rows.reshape(arrays, -1), -1: columns.reshape(arrays, -1)}
    values = {
        name: _taken(value.reshape(arrays, *cells), chosen).reshape(
            *fabric.places, *cells[:-2], -1, columns.shape[-1]
        )
        for name, value in fabric.values.items()
    }
    constants = fabric.packed.transpose(1, 2).flatten(2)[..., : math.prod(cells)]
    flat = _taken(constants.unflatten(2, cells), chosen).flatten(2)
    blocks = -(-flat.shape[2] // BLOCK)
    flat = pad(flat, (0, blocks * BLOCK - flat.shape[2]))
    packed = flat.unflatten(2, (blocks, BLOCK)).transpose(1, 2).contiguous()
    return replace(fabric, values=values, packed=packed)


def _taken(x: Tensor, chosen: Mapping[int, Tensor]) -> Tensor:
    """Take along each of the last two axes of x (arrays, ..., R, C) the lines (arrays, n) chosen there."""
    for axis, lines in chosen.items():
        shape, size = [len(x)] + [1] * (x.dim() - 1), list(x.shape)
        shape[axis] = size[axis] = lines.shape[1]
        x = x.gather(axis, lines.view(shape).expand(size))
    return x
