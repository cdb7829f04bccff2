"""Named random streams: every number of a run is addressed, never drawn in turn.

    rng = stream(0, range(8), "block0.attention", range(4), "spread")      # keys of shape (8, 4)

The key of a device's randomness is a hash of (seed, path); the Philox counter holds the cell, the time
step, the image and the draw. So the value a cell sees depends on its address alone, not on batch, order,
subset or threads.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import product
from typing import Any, final

import numpy as np
import torch
from numba import prange
from torch import Tensor

from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import inlined, match_threads, parallel_kernel

Indices = Sequence[int] | np.ndarray | Tensor
_ZERO = np.zeros(1, np.int64)


@final
@dataclass(frozen=True)
class Stream:
    """A family of streams, one 64-bit key for each combination of the sequences in its path.

    Every draw is a pure function of (key, image, step, draw, cell); for the counter see
    :mod:`memsim.devices.numerics.philox`.
    """

    seed: int  #: the run's seed
    path: tuple[Any, ...] = ()  #: names; a tuple among them is an axis of `keys`

    @cached_property
    def keys(self) -> np.ndarray:
        """One uint64 key for each place: the blake2b hash of the JSON list [seed, *names], shape K."""
        axes = [name if isinstance(name, tuple) else (name,) for name in self.path]
        texts = (json.dumps([self.seed, *names]) for names in product(*axes))
        hashes = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts]
        return np.array(hashes, np.uint64).reshape([len(n) for n in self.path if isinstance(n, tuple)])

    def child(self, *names: Any) -> "Stream":
        """The streams one step (or more) further down the path; a sequence adds an axis to `keys`."""
        return Stream(self.seed, self.path + tuple(_name(n) for n in names))

    def normal(
        self,
        shape: Sequence[int],
        *,
        image: Indices | None = None,
        step: Indices | None = None,
        draw: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Standard normals of shape (*K, [len(image)], [len(step)], *shape).

        float64 follows the same bits with exact functions; it differs from float32 by rounding only.
        """
        return self._fill(_normal32 if dtype == torch.float32 else _normal64, shape, image, step, draw, dtype)

    def uniform(
        self,
        shape: Sequence[int],
        *,
        image: Indices | None = None,
        step: Indices | None = None,
        draw: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Uniform numbers strictly between 0 and 1, shape as for :meth:`normal`, from the same bits."""
        return self._fill(_uniform, shape, image, step, draw, dtype)

    def _fill(self, kernel, shape, image, step, draw, dtype) -> Tensor:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype={dtype}: streams give torch.float32 or torch.float64")
        images, steps = counters(image, "image"), counters(step, "step")
        places = [*self.keys.shape, *([len(images)] if image is not None else [])]
        places += [len(steps)] if step is not None else []
        cells = int(np.prod(shape, dtype=np.int64))
        out = np.empty((self.keys.size * len(images) * len(steps), cells), _NUMPY[dtype])
        match_threads()
        kernel(out, self.keys.reshape(-1), images, steps, counters([draw], "draw")[0])
        return torch.from_numpy(out).reshape([*places, *shape])


def stream(seed: int, *path: Any) -> Stream:
    """Open the stream named `path` of run `seed`; an element that is a sequence (not a string) makes an axis.

    Raises TypeError for a path element that is no number, string or sequence of them.
    """
    return Stream(int(seed)).child(*path)


def counters(values: Indices | None, what: str) -> np.ndarray:
    """Counter words as int64, shape (n,): [0] where none is given.

    Raises ValueError outside 0 .. 2^32 - 1, the range of a Philox word.
    """
    if values is None:
        return _ZERO
    words = np.asarray(values, np.int64).reshape(-1)
    if words.size and (words.min() < 0 or words.max() >= 2**32):
        raise ValueError(f"{what} must lie in 0 .. 2^32 - 1, got {words.min()} .. {words.max()}")
    return words


def _name(element: Any) -> Any:
    if isinstance(element, (str, bool, int, float)):
        return element
    if isinstance(element, np.generic):
        return element.item()
    if isinstance(element, (np.ndarray, Tensor)):
        element = element.tolist()
    if isinstance(element, Sequence):
        return tuple(_name(e) for e in element)
    raise TypeError(f"a stream's path takes numbers, strings and sequences of them, not {element!r}")


_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


@parallel_kernel
def _normal32(out, keys, images, steps, draw):
    blocks = (out.shape[1] + px.BLOCK - 1) // px.BLOCK
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks
        key, image, step = _place(row, keys, images, steps)
        z, words = np.empty((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        px.normals(z, words, key, block, step, image, draw, 1)
        first = block * px.BLOCK
        for cell in range(min(px.BLOCK, out.shape[1] - first)):
            out[row, first + cell] = z[0, cell]


@parallel_kernel
def _normal64(out, keys, images, steps, draw):
    blocks = (out.shape[1] + px.BLOCK - 1) // px.BLOCK
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks
        key, image, step = _place(row, keys, images, steps)
        words = np.empty((1, px.BLOCK), np.uint32)
        px.bits(words, key, block, step, image, draw, 1)
        first = block * px.BLOCK
        for cell in range(min(px.BLOCK, out.shape[1] - first)):
            out[row, first + cell] = px.normal_exact(words, cell)


@parallel_kernel
def _uniform(out, keys, images, steps, draw):
    blocks = (out.shape[1] + px.BLOCK - 1) // px.BLOCK
    for job in prange(out.shape[0] * blocks):
        row, block = job // blocks, job % blocks
        key, image, step = _place(row, keys, images, steps)
        words = np.empty((1, px.BLOCK), np.uint32)
        px.bits(words, key, block, step, image, draw, 1)
        first = block * px.BLOCK
        for cell in range(min(px.BLOCK, out.shape[1] - first)):
            out[row, first + cell] = (np.float64(words[0, cell] >> np.uint32(9)) + 0.5) * 2.0**-23


@inlined
def _place(row, keys, images, steps):
    step = steps[row % len(steps)]
    rest = row // len(steps)
    return keys[rest // len(images)], images[rest % len(images)], step
