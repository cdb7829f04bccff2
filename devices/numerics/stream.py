"""Named random streams: every number of a run is addressed, never drawn in turn.

    rng = stream(0, range(8), "block0.attention", range(4), "spread")      # keys of shape (8, 4)

The key of a device's randomness is a hash of (seed, path); the Philox counter holds the cell, the time
step, the image and the draw. So the value a cell sees depends on its address alone, not on batch, order,
subset or threads.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import product
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.draws import normals, uniforms
from memsim.devices.numerics.operation import Operation
from memsim.devices.numerics.plain_philox import Rows

Indices = Sequence[int] | np.ndarray | Tensor
MAX_CELLS = 2**34  #: cells of a row: four for each value of a 32-bit counter
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
    rows: bool = False  #: cells of matrices are addressed by row and column, see :meth:`by_row`

    @cached_property
    def keys(self) -> np.ndarray:
        """One uint64 key for each place: the blake2b hash of the JSON list [seed, *names], shape K."""
        axes = [name if isinstance(name, tuple) else (name,) for name in self.path]
        texts = (json.dumps([self.seed, *names]) for names in product(*axes))
        hashes = [int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in texts]
        return np.array(hashes, np.uint64).reshape([len(n) for n in self.path if isinstance(n, tuple)])

    def child(self, *names: Any) -> "Stream":
        """Return the streams one step (or more) further down the path; a sequence adds an axis to `keys`."""
        return Stream(self.seed, self.path + tuple(_name(n) for n in names), self.rows)

    def of(self, places: Sequence[int]) -> "Stream":
        """Return the streams at some places of the first axis of `keys`."""
        at = next(n for n, name in enumerate(self.path) if isinstance(name, tuple))
        some = tuple(self.path[at][place] for place in places)
        return Stream(self.seed, (*self.path[:at], some, *self.path[at + 1 :]), self.rows)

    def by_row(self) -> "Stream":
        """The streams that number the cells of a matrix (..., R, C) by row and column, so that a smaller
        matrix is the corner of a larger one: the row stands for the step, the leading axes for the image.

        It holds for draws that name neither image nor step.
        """
        return Stream(self.seed, self.path, rows=True)

    def normal(
        self,
        shape: Sequence[int],
        *,
        image: Indices | None = None,
        step: Indices | None = None,
        draw: int = 0,
        first: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Return standard normals of shape (*K, [len(image)], [len(step)], *shape), on a device.

        float64 follows the same bits with exact functions; it differs from float32 by rounding only. first:
        number of the first cell, where a long row is drawn in pieces: the bits of the whole, whatever the
        piece.
        """
        return self._fill(normals, shape, image, step, draw, first, dtype, device)

    def uniform(
        self,
        shape: Sequence[int],
        *,
        image: Indices | None = None,
        step: Indices | None = None,
        draw: int = 0,
        first: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Uniform numbers strictly between 0 and 1, as for :meth:`normal`, from the same bits."""
        return self._fill(uniforms, shape, image, step, draw, first, dtype, device)

    def _fill(
        self, draws: Operation[..., Tensor], shape: Sequence[int], image: Indices | None,
        step: Indices | None, draw: int, first: int, dtype: torch.dtype, device: torch.device | str,
    ) -> Tensor:  # fmt: skip
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype={dtype}: streams give torch.float32 or torch.float64")
        if self.rows and image is None and step is None and len(shape) > 1:
            *lead, rows, columns = shape
            image, step, shape = range(math.prod(lead)), range(rows), (columns,)
            drawn = self._fill(draws, shape, image, step, draw, first, dtype, device)
            return drawn.reshape(*self.keys.shape, *lead, rows, columns)
        images, steps = counters(image, "image"), counters(step, "step")
        places = [*self.keys.shape, *([len(images)] if image is not None else [])]
        places += [len(steps)] if step is not None else []
        cells = math.prod(shape)
        if not 0 <= first <= MAX_CELLS - cells:
            raise ValueError(f"first={first}: cells {first} .. {first + cells - 1} of 0 .. 2^34 - 1")
        rows = Rows.of(self.keys, images, steps, cells, first, device)
        number = int(counters([draw], "draw")[0])
        drawn = draws(rows.keys, rows.images, rows.steps, first, cells, number, dtype)
        return drawn.reshape([*places, *shape])


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
