"""The read of a weight array: currents of the driven rows, read noise, one ADC conversion for each column and
tile.

    I_kmc = V sum_(r in tile k) x_mr (G+_rc - G-_rc)
    y_mc  = gain_c sum_k ADC(I_kmc + sigma_kmc xi_kmc),   sigma: see `memsim.arrays.reading.noise`

noise^2 floor is the variance of what a conversion adds of its own; the sum of two normals is a normal.

The fused kernels go from drives to numbers in one pass and draw xi on the way: that for spikes adds the rows
that are driven, that for numbers multiplies whole panels. ``plain`` is the same in torch, for gradients,
float64 and other devices.  Source of the noise law: aihwkit's PCM_READ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels import dense, sparse
from memsim.arrays.reading.converters import convert_by, steps
from memsim.arrays.reading.noise import QUIET, ReadNoise
from memsim.arrays.reading.unrolling import AS_THEY_LIE, Unrolling
from memsim.devices import Stream
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import plain_asked
from memsim.devices.numerics.philox import BLOCK
from memsim.run import Address


def unfold(x: Tensor, unrolling: Unrolling | None, rows: int) -> Tensor:
    """Return the row drives laid out, x (T, S, B, F) -> (T, S, B, P, R)."""
    return x.unflatten(-1, (-1, rows)) if unrolling is None else unrolling.vectors(x)


class Reading(NamedTuple):
    """What a read gave: numbers (T, S, B, P, C), or (T, S, B, C, P) with an unrolling; clipped conversions;
    by array and step (S, T) the driven rows and sum x^2 G [S] over all of them; images that were not of
    spikes.
    """

    numbers: Tensor
    clips: int
    driven: Tensor
    siemens: Tensor
    others: int


def together(readings: Sequence[Reading], chips: Sequence[int], groups: int) -> Reading:
    """Put readings of parts of a stack together; chips: their places in it, with `groups` arrays each."""
    place = torch.tensor([chip * groups + group for chip in chips for group in range(groups)]).argsort()
    numbers = torch.cat([one.numbers for one in readings], 1)
    driven = torch.cat([one.driven for one in readings])
    siemens = torch.cat([one.siemens for one in readings])
    place = place.to(numbers.device)
    return Reading(
        numbers.index_select(1, place), sum(one.clips for one in readings), driven[place], siemens[place],
        sum(one.others for one in readings),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReadOut:
    """How the arrays of one layer are read; S arrays: chips, or chips x groups.

    volt_SRC [A for a full drive], power_SRC (P of `noise` [S^2]; None: noiseless), row_siemens_SR (G+ + G-
    of a row); ``bits`` of the ADC (0: nothing rounds) over full_scale_SK [A]; gain_SC turns amperes into the
    layer's numbers; ``rng`` has S keys.  ``dense``: numbers drive the rows; xi is then numbered (position,
    column) in each tile, else (position, tile, column).
    """

    volt_SRC: Tensor
    power_SRC: Tensor | None
    row_siemens_SR: Tensor
    full_scale_SK: Tensor
    gain_SC: Tensor
    bits: int
    rng: Stream
    noise: ReadNoise = QUIET
    dense: bool = False
    curve_SKPC: Tensor | None = None  #: of real ADCs, `memsim.converters.curve`; None: ideal ones

    @cached_property
    def tile_height(self) -> int:
        """Rows of a tile."""
        return math.ceil(self.volt_SRC.shape[1] / self.full_scale_SK.shape[1])

    @cached_property
    def _by_value(self) -> dict[Unrolling, Tensor]:
        """What the values of an image dissipate by unrolling, as far as it was asked for."""
        return {}

    @property
    def whole(self) -> ReadOut:
        """The read of all lines: itself."""
        return self

    def changed(self, **fields: Any) -> ReadOut:
        """Return the same read with other fields: currents through which gradients pass, streams, no ADC."""
        return replace(self, **fields)

    def __call__(self, x: Tensor, unrolling: Unrolling | None, at: Address) -> Reading:
        """Read with x (T, S, B, F), the values of an image in read voltages.

        unrolling: which of them drives which row at a position; None: F = P R, in their order.  at: names of
        images and steps.
        """
        if x.shape[1:3] != (len(self.volt_SRC), len(at.images)) or x.shape[0] != len(at.steps):
            raise ValueError(
                f"drives of shape {tuple(x.shape)} for {len(at.steps)} steps, "
                f"{len(self.volt_SRC)} arrays and "
                f"{len(at.images)} images"
            )
        if (
            x.requires_grad
            or self.volt_SRC.requires_grad
            or (x.device.type != "cpu" or plain_asked())
            or x.dtype != torch.float32
        ):
            return self.plain(x, unrolling, at)
        volt, maps = self.volt_SRC.numpy(), unrolling is not None
        positions = x.shape[-1] // volt.shape[1] if unrolling is None else unrolling.positions
        shape = (volt.shape[2], positions) if maps else (positions, volt.shape[2])
        out = torch.empty(*x.shape[:3], *shape, dtype=torch.float32)
        match_threads()
        counted = np.empty((*x.shape[:3], 4))
        siemens = self.row_siemens_SR
        if self.dense:
            kernel, index = dense.read_dense, self._index(unrolling)
        elif unrolling is None:
            kernel, index = sparse.read_sparse, AS_THEY_LIE
        else:
            kernel, index = sparse.read_sparse, unrolling.reach
            if unrolling not in self._by_value:
                self._by_value[unrolling] = unrolling.siemens_of_values(siemens)
            siemens = self._by_value[unrolling]
        kernel(
            x.contiguous().numpy(),
            *index,
            volt,
            volt if self.power_SRC is None else self.power_SRC.numpy(),
            *self._noise,
            self.rng.keys.reshape(-1),
            at.images,
            at.steps.start,
            at.call,
            self.tile_height,
            *self._adc,
            self.gain_SC.float().numpy(),
            siemens.numpy(),
            out.numpy(),
            maps,
            counted,
        )
        clips, driven, siemens, others = counted.sum(2).transpose(2, 1, 0)  # (4, S, T)
        return Reading(
            out, int(clips.sum()), torch.from_numpy(driven), torch.from_numpy(siemens), int(others.sum())
        )

    @cached_property
    def _adc(self) -> tuple[np.ndarray, np.float32, np.ndarray]:
        """Step of each array and tile (S, K) [A], steps to full scale (0: nothing rounds), and curves
        (S, K, P, C), P = 0 for ideal ADCs.
        """
        levels, curves = steps(self.bits, self.curve_SKPC), self.curve_SKPC
        none = np.empty((*self.full_scale_SK.shape, 0, self.gain_SC.shape[1]), np.float32)
        step = (self.full_scale_SK / levels).float().numpy()
        return step, np.float32(levels if self.bits else 0), none if curves is None else curves.numpy()

    def _index(self, unrolling: Unrolling | None) -> tuple[np.ndarray, int]:
        """Return what drives a row at a position, by tap, and the values of a channel."""
        if unrolling is None:
            return np.empty((0, 0), np.int32), self.volt_SRC.shape[1]
        return unrolling.taps, unrolling.plane

    @cached_property
    def _noise(self) -> tuple[np.ndarray, np.ndarray]:
        """Factor of the root and f's three factors, (4,); the floor (S, K, C), C = 0 where there is none."""
        noise = QUIET if self.power_SRC is None else self.noise
        law = np.array([noise.factor, noise.square, noise.linear, noise.driven], np.float32)
        if noise.floor_SKC is None:
            return law, np.empty((*self.full_scale_SK.shape, 0), np.float32)
        return law, noise.floor_SKC.contiguous().numpy()

    def plain(self, x: Tensor, unrolling: Unrolling | None, at: Address) -> Reading:
        """Return the same, one torch operation after another; rounding passes gradients straight through."""
        lead, rows = x.shape[:3], self.volt_SRC.shape[1]
        vectors = unfold(x, unrolling, rows)
        positions, steps = vectors.shape[-2], lead[0]
        drive = vectors.movedim(1, 0).flatten(1, 3)  # (S, T B P, R)
        tiles = self.full_scale_SK.shape[1]
        by_tile = self._tiles(drive.transpose(1, 2)).transpose(2, 3)  # (S, K, M, rows)
        current = by_tile @ self._tiles(self.volt_SRC)
        squared = drive.detach().square()
        if self.power_SRC is not None:
            variance = self.noise.of_drive(by_tile.detach()) @ self._tiles(self.power_SRC)
            if self.noise.floor_SKC is not None:
                variance = variance + self.noise.floor_SKC[:, :, None]
            xi = self._normals(at, positions, tiles, current.shape[-1], current.dtype)
            current = current + self.noise.factor * variance.sqrt() * xi.reshape(current.shape)
        curve = None if self.curve_SKPC is None else self.curve_SKPC.unsqueeze(-3)
        current, clips = convert_by(current, self.full_scale_SK[:, :, None, None], self.bits, curve)
        by_step = squared.unflatten(1, (steps, -1))  # (S, T, B P, R)
        siemens = (by_step.sum(2, dtype=torch.float64) * self.row_siemens_SR[:, None]).sum(-1)
        driven = by_step.count_nonzero((2, 3)).double()
        numbers = (current.sum(1) * self.gain_SC[:, None, :]).unflatten(1, (lead[0], lead[2], positions))
        numbers = numbers.movedim(0, 1) if unrolling is None else numbers.movedim(0, 1).transpose(-1, -2)
        others = int(((x != 0) & (x != 1)).flatten(3).any(-1).sum())
        return Reading(numbers, clips, driven, siemens, others)

    def _normals(self, at: Address, positions: int, tiles: int, columns: int, dtype: torch.dtype) -> Tensor:
        """xi (S, K, T, B, P, C) of these many positions, tiles and columns."""
        cells = positions * columns
        whole = math.ceil(cells / BLOCK) * BLOCK
        shape = (tiles, whole) if self.dense else (positions, tiles, columns)
        xi = self.rng.normal(
            shape, image=at.images, step=at.steps, draw=at.call, dtype=dtype, device=self.volt_SRC.device
        )
        xi = xi.flatten(0, self.rng.keys.ndim - 1)  # (S, B, T, P, K, C), or (S, B, T, K, cells)
        if self.dense:
            return xi[..., :cells].unflatten(-1, (positions, columns)).permute(0, 3, 2, 1, 4, 5)
        return xi.permute(0, 4, 2, 1, 3, 5)

    def _tiles(self, g: Tensor) -> Tensor:
        """(S, R, ...) -> (S, K, rows of a tile, ...), the last tile filled up with zeros."""
        tiles = self.full_scale_SK.shape[1]
        pad = (0, 0, 0, tiles * self.tile_height - g.shape[1])
        return torch.nn.functional.pad(g, pad).unflatten(1, (tiles, self.tile_height))


def largest_current(x: Tensor, unrolling: Unrolling | None, volt_SRC: Tensor, tiles: int) -> Tensor:
    """Return the largest current of each array and tile (S, K) [A] that drives (T, S, B, F) make, row tiles
    K.

    Summed in float64: the last bits of a float32 product depend on how many chips are multiplied at once.
    """
    height, peaks = math.ceil(volt_SRC.shape[1] / tiles), []
    for part, volt in zip(x.split(PART, 1), volt_SRC.split(PART), strict=True):
        drive = unfold(part, unrolling, volt.shape[1]).movedim(1, 0).flatten(1, 3)  # (S, T B P, R)
        by_tile = zip(drive.split(height, -1), volt.split(height, 1), strict=True)
        peaks.append(
            torch.stack([(v.double() @ g.double()).abs().amax((1, 2)).to(x.dtype) for v, g in by_tile], 1)
        )
    return torch.cat(peaks)


PART = 4  #: arrays whose drives are laid out at a time
