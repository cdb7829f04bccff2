"""Lines: an associative memory in which each token writes one line once, and reads select lines by content.

    append(k, v, now)       line n <- (k, v, now)
    match(q, now)           z_n = k_n . q               drive the key columns, sense every line
    blend(w, now)           o   = sum_n w_n v_n         drive every line, sense the value columns

Shapes: S B rows (chips x sequences, chip-major), heads H, features D, lines N; k, v, q, o are (S B, H, D) and
z, w (S B, H, N).  Lines are ordered by the time of their writing, oldest first.  Times are in seconds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from memsim.memory.checks import check_whole, check_word

Full = Literal["ring", "refuse"]
"""Behaviour of a full memory: "ring" overwrites the oldest line, "refuse" raises `LinesFull`."""


class LinesFull(RuntimeError):
    """Error raised when a line is added to a full memory with full = "refuse"."""


class Lines(ABC):
    """Memory of up to `capacity` lines, each a key and a value, for each sequence and head.

    capacity: lines of the array, 1 or more; None: no limit, for ideal memories only.  full: see `Full`.
    Raises ValueError for other values.
    """

    def __init__(self, capacity: int | None = None, full: Full = "refuse") -> None:
        if capacity is not None:
            check_whole("capacity", capacity, 1)
        check_word("full", full, "ring", "refuse")
        self.capacity, self.full = capacity, full
        self.written_at: deque[float] = deque(maxlen=capacity)
        self.count = 0

    def __len__(self) -> int:
        """Return the number of lines in the memory."""
        return len(self.written_at)

    def ages(self, now: float) -> Tensor:
        """Return the time since each line was written (N,), float64 [s], oldest first."""
        return now - torch.tensor(list(self.written_at), dtype=torch.float64)

    def append(self, k: Tensor, v: Tensor, now: float = 0.0) -> None:
        """Write one line k, v (S B, H, D) at time `now` [s].  Raises what `extend` raises."""
        self.extend(k[..., None, :], v[..., None, :], [now])

    def extend(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        """Write R lines k, v (S B, H, R, D), each at its own time [s].

        Raises LinesFull if they do not fit with full = "refuse", and ValueError for a time before the last
        write or not finite, for more lines than the capacity of a ring, for tensors whose shapes or types do
        not belong together, and for NaN or infinity.
        """
        new = len(times)
        self._check(k, v, new)
        if self.capacity is not None and len(self) + new > self.capacity and self.full == "refuse":
            raise LinesFull(
                f"line {self.capacity + 1} does not fit into {self.capacity} lines; use a larger capacity,"
                " or full = 'ring' to overwrite the oldest"
            )
        if self.capacity is not None and new > self.capacity:
            raise ValueError(f"{new} lines at once exceed the {self.capacity} lines of the ring buffer")
        for now, before in zip(times, [*list(self.written_at)[-1:], *times], strict=False):
            if not math.isfinite(now):
                raise ValueError(f"now = {now} s: the time of a write must be finite")
            if now < before:
                raise ValueError(f"now = {now:g} s is before the last write, at {before:g} s")
        self._write(k, v, times)
        self.written_at.extend(times)
        self.count += new

    def _check(self, k: Tensor, v: Tensor, lines: int) -> None:
        """Raise ValueError unless k and v (S B, H, R, D) are finite numbers for as many lines."""
        shapes = f"keys {tuple(k.shape)} and values {tuple(v.shape)}"
        if k.dim() != 4 or v.dim() != 4 or k.shape[:3] != v.shape[:3]:
            raise ValueError(f"{shapes}: both must be (rows, heads, lines, features), equal but for the last")
        if k.shape[2] != lines:
            raise ValueError(f"{k.shape[2]} lines with {lines} times: each line has its own")
        for name, x in (("keys", k), ("values", v)):
            self._number(name, x)

    def _number(self, name: str, x: Tensor) -> None:
        """Raise ValueError unless x holds finite floating-point numbers."""
        if not x.is_floating_point():
            raise ValueError(f"{name} of type {x.dtype}: floating-point numbers are needed")
        total = float(x.detach().sum())  # much faster than a look at each number; may overflow
        if not math.isfinite(total) and not x.detach().isfinite().all():
            raise ValueError(f"{name} hold NaN or infinity")

    def clear(self) -> None:
        """Remove all lines; the devices of the array stay the same."""
        self.written_at.clear()
        self.count = 0

    @abstractmethod
    def _write(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        """Store R lines (S B, H, R, D), numbered from `count` onwards."""

    @abstractmethod
    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        """Return the scores k_n . q of all lines (S B, H, N) for q (S B, H, D) at time `now` [s]."""

    @abstractmethod
    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        """Return sum_n w_n v_n (S B, H, D) for weights w (S B, H, N) at time `now` [s].

        Raises ValueError unless there is one weight for each line, and at least one line.
        """

    def _weights(self, w: Tensor) -> None:
        """Raise ValueError unless w (..., N) holds one finite weight for each of at least one line."""
        if not len(self) or w.shape[-1] != len(self):
            raise ValueError(
                f"{w.shape[-1]} weights for {len(self)} lines: one for each is needed, and at least one line"
            )
        self._number("weights", w)


class IdealLines(Lines):
    """Exact digital memory with gradients, in the data type of the tensors that are written."""

    def __init__(self, capacity: int | None = None, full: Full = "refuse") -> None:
        super().__init__(capacity, full)
        self._keys: deque[Tensor] = deque(maxlen=capacity)
        self._values: deque[Tensor] = deque(maxlen=capacity)

    def clear(self) -> None:
        super().clear()
        self._keys.clear()
        self._values.clear()

    def _write(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        for name, held, x in (("keys", self._keys, k), ("values", self._values, v)):
            if held and held[0].shape != x[..., 0, :].shape:
                raise ValueError(
                    f"{name} (rows, heads, features) {tuple(x[..., 0, :].shape)}: the lines before had"
                    f" {tuple(held[0].shape)}"
                )
        self._keys.extend(k.unbind(-2))
        self._values.extend(v.unbind(-2))

    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        if not len(self):
            return q.new_zeros(*q.shape[:-1], 0)
        return (torch.stack(list(self._keys), -2) @ q[..., None])[..., 0]

    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        self._weights(w)
        return (w[..., None, :] @ torch.stack(list(self._values), -2))[..., 0, :]
