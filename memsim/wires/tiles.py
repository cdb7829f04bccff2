r"""Pairs of devices in tiles with resistive lines, as the pairs without lines that read the same.

A tile's word line carries G+ and G- of each column side by side, two bit lines a column, which end in
virtual ground at the tile's first row; its driver stands at the first column.  Each pair M+, M- stands for
what its devices send out of the tile:

- idle rows grounded: M = u G t, off by less than rho of the full current (:mod:`memsim.wires.sweeps`); on a
  full tile of 256 x 128 pairs at 2 ohm and 25 uS .3 % of the output's spread, where wires cost 20 %;
- idle rows switched off: what a bit line carries depends on who else drives it.  Rows are taken to be driven
  independently with probability p, `activity`: M = u G t(p G) / (1 + (1 - p) G x), t of the mean load but
  for the device's own, x its bit line's resistance to ground.  Right in the mean to first order; the tile
  above at p = .15 is left with 1.3 % of the spread, where wires cost 13 %.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memsim.wires.effective import effective
from memsim.wires.lines import Lines, network

CELLS = 2**22
"""Devices whose lines are solved at a time: about 150 MB."""


def pairs_through_lines(
    plus: Tensor, minus: Tensor, lines: Lines, tiles: tuple[int, int], activity: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return M+ and M- (N, R, C) [S] of pairs `plus`, `minus` (N, R, C) [S], in their own number format.

    tiles: row tiles and column tiles that each of the N matrices is cut into, as equal as can be.  activity:
    share of rows driven at once [1], where `lines` switch idle rows off.
    """
    whole = devices_through_lines(torch.stack([plus, minus], -1).flatten(-2), lines, tiles, activity)
    return whole[..., 0::2].contiguous(), whole[..., 1::2].contiguous()


def devices_through_lines(
    g: Tensor, lines: Lines, tiles: tuple[int, int], activity: float = 1.0, *, together: int = 2
) -> Tensor:
    """Return M (N, R, D) [S] of devices g (N, R, D) [S] as they stand along word lines, in g's number format.

    tiles: row tiles and column tiles; `together` devices of a word line are never put into two of them.
    """
    arrays = _cut(g, tiles, together)
    step = max(1, CELLS // arrays[0].numel())
    seen = torch.cat([_through(part.double(), lines, activity).to(g.dtype) for part in arrays.split(step)])
    return _join(seen, len(g), tiles)[:, : g.shape[1], : g.shape[2]]


def _cut(g: Tensor, tiles: tuple[int, int], together: int) -> Tensor:
    """(N, R, D) -> (N K L, h, w): K row tiles of h, L column tiles of w; empty cells at the far ends."""
    height = math.ceil(g.shape[1] / tiles[0])
    width = together * math.ceil(g.shape[2] / together / tiles[1])
    padded = torch.nn.functional.pad(g, (0, tiles[1] * width - g.shape[2], 0, tiles[0] * height - g.shape[1]))
    parts = padded.reshape(len(g), tiles[0], height, tiles[1], width)
    return parts.transpose(2, 3).flatten(0, 2)


def _join(parts: Tensor, matrices: int, tiles: tuple[int, int]) -> Tensor:
    """Return the inverse of :func:`_cut`, empty cells included."""
    return parts.unflatten(0, (matrices, *tiles)).transpose(2, 3).flatten(3, 4).flatten(1, 2)


def _through(g: Tensor, lines: Lines, activity: float) -> Tensor:
    """M (A, h, 2 w) [S] of arrays whose bit lines end at the first row."""
    of = network(lines, g.flip(1))
    return effective(of, activity if lines.idle == "off" else 1.0).product.flip(1)
