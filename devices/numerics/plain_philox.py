"""The torch form of :mod:`memsim.devices.numerics.philox`: the same words, bit for bit, on any device.

A 32-bit word is held in int64, and its product with a constant is made of two halves of 16 bits, so that no
sum passes 2^63.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.philox import BLOCK, LANES
from memsim.devices.numerics.plain_math import horner, log

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _HALF = 0xFFFFFFFF, 0xFFFF
Words = tuple[Tensor, Tensor, Tensor, Tensor]


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of cells and the addresses of their noise: a row for each key, image and step."""

    keys: Tensor  #: int64 (K,), the bits of 64-bit keys
    images: Tensor  #: int64 (I,), 0 .. 2^32 - 1
    steps: Tensor  #: int64 (S,), likewise
    cells: int  #: cells of a row
    first: int = 0  #: number of a row's first cell

    @classmethod
    def of(
        cls, keys: np.ndarray, images: np.ndarray, steps: np.ndarray, cells: int, first: int = 0,
        device: torch.device | str = "cpu",
    ) -> "Rows":  # fmt: skip
        """Return rows of uint64 keys of any shape, images (I,) and steps (S,), on a device."""
        bits = torch.tensor(keys.reshape(-1).view(np.int64), device=device)
        return cls(
            bits, torch.tensor(images, device=device), torch.tensor(steps, device=device), cells, first
        )

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(K, I S, cells): the step changes fastest."""
        return self.keys.shape[0], self.images.shape[0] * self.steps.shape[0], self.cells


def words(rows: Rows, draw: int, rounds: int = 10) -> Tensor:
    """Return the random words of every cell as int64 (K, I S, cells)."""
    first, last = rows.first // BLOCK, -(-(rows.first + rows.cells) // BLOCK)
    counter = torch.arange(first * LANES, last * LANES, device=rows.keys.device)
    four = torch.stack([w.unflatten(-1, (-1, LANES)) for w in philox(rows, counter, draw, rounds)], -2)
    begin = rows.first - first * BLOCK
    return four.flatten(-3)[..., begin : begin + rows.cells]


def philox(rows: Rows, counter: Tensor, draw: int, rounds: int) -> Words:
    """Return four words for each row and each first word of the counter, int64 (K, I S, len(counter))."""
    key, image, step = (x[s] for x, s in zip((rows.keys, rows.images, rows.steps), _AXES, strict=True))
    k0, k1 = key & _LOW, (key >> 32) & _LOW
    c0, c1, c2, c3 = counter & _LOW, step, image, torch.full_like(counter[:1], draw)
    for n in range(rounds):
        (high0, low0), (high1, low1) = _product(_M0, c0), _product(_M1, c2)
        c0, c1, c2, c3 = (
            high1 ^ c1 ^ ((k0 + n * _W0) & _LOW),
            low1,
            high0 ^ c3 ^ ((k1 + n * _W1) & _LOW),
            low0,
        )
    shape = (*rows.shape[:2], len(counter))
    size = (len(rows.keys), len(rows.images), len(rows.steps), len(counter))
    c0, c1, c2, c3 = (c.expand(size).reshape(shape) for c in (c0, c1, c2, c3))
    return c0, c1, c2, c3


_AXES: Sequence = (np.s_[:, None, None, None], np.s_[None, :, None, None], np.s_[None, None, :, None])


def _product(constant: int, word: Tensor) -> tuple[Tensor, Tensor]:
    """Return the upper and lower 32 bits of a 64-bit product."""
    low = word * (constant & _HALF)
    middle = word * (constant >> 16) + (low >> 16)
    return middle >> 16, ((middle & _HALF) << 16) | (low & _HALF)


def normals(rows: Rows, draw: int) -> tuple[Tensor, Tensor]:
    """Return standard normals, float32 (K, I S, cells), and each cell's random word, int64."""
    whole, part = _whole_blocks(rows)
    drawn = words(whole, draw)
    a, b = drawn.unflatten(-1, (-1, 2, BLOCK // 2)).unbind(-2)
    u = ((a >> 1).to(torch.float32) + 0.5) * 2.0**-31
    r = (-2.0 * log(u)).clamp(min=0.0).sqrt()
    t = _signed(b).to(torch.float32) * 2.0**-32
    t2 = t * t
    s = horner(t2, 0.077659406, -0.5982922, 2.5500777, -5.1677103, 3.1415927) * t
    c = horner(t2, 0.2196968, -1.3318802, 4.058412, -4.934793, 0.99999994)
    c = torch.where((b & 1) == 1, -c, c)
    return torch.stack((r * s, r * c), -2).flatten(-3)[..., part], drawn[..., part]


def normals64(rows: Rows, draw: int) -> Tensor:
    """Return the normals of the same words by exact functions, float64 (K, I S, cells)."""
    whole, part = _whole_blocks(rows)
    a, b = words(whole, draw).unflatten(-1, (-1, 2, BLOCK // 2)).unbind(-2)
    r = (-2.0 * (((a >> 1).double() + 0.5) * 2.0**-31).log()).sqrt()
    t = torch.pi * _signed(b).double() * 2.0**-32
    c = torch.where((b & 1) == 1, -r, r) * t.cos()
    return torch.stack((r * t.sin(), c), -2).flatten(-3)[..., part]


def uniforms(rows: Rows, draw: int) -> Tensor:
    """Return numbers strictly between 0 and 1, float64 (K, I S, cells)."""
    return ((words(rows, draw) >> 9).double() + 0.5) * 2.0**-23


def nearly_normals(rows: Rows, draw: int) -> Tensor:
    """Return nearly normal numbers, a word each, float32 (K, I S, cells): the noise of a write."""
    return _bell(words(rows, draw, 7))


def four_nearly_normals(rows: Rows, draw: int) -> list[Tensor]:
    """Return four nearly normal numbers for each cell, of the counter (cell, step, image, draw); see
    :func:`memsim.devices.numerics.philox.nearly_normals_of`.
    """
    cell = torch.arange(rows.first, rows.first + rows.cells, device=rows.keys.device)
    return [_bell(word) for word in philox(rows, cell, draw, 7)]


def _whole_blocks(rows: Rows) -> tuple[Rows, slice]:
    """Return the rows with every block that they touch whole, and where their cells stand in those."""
    first, last = rows.first // BLOCK * BLOCK, -(-(rows.first + rows.cells) // BLOCK) * BLOCK
    begin = rows.first - first
    whole = Rows(rows.keys, rows.images, rows.steps, last - first, first)
    return whole, slice(begin, begin + rows.cells)


def _signed(word: Tensor) -> Tensor:
    """Return a 32-bit word as a signed number."""
    return word - ((word >> 31) << 32)


def _bell(word: Tensor) -> Tensor:
    total = (word & 0x3FF) + ((word >> 10) & 0x3FF) + ((word >> 20) & 0x3FF)
    x = (total.to(torch.float32) - 1534.5) * (1 / 1534.5)
    return horner(x * x, 2.4696795, -1.718612, 0.7722572, 2.825247) * x
