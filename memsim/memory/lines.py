"""Lines: an associative memory that is written one line a token, once, and read by content.

    append(k, v, now)       line n <- (k, v, now)
    match(q, now)           z_n = k_n . q               drive the key columns, sense every line
    blend(w, now)           o   = sum_n w_n v_n         drive every line, sense the value columns

Shapes: S B rows of sequences (chips x sequences, chip-major), heads H, features D; k, v, q, o (S B, H, D),
z, w (S B, H, N).  Lines are named in the order of their writing, the oldest first.  Times are in seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Full = Literal["ring", "refuse"]
"""What happens with a line too many: the oldest is overwritten, or the memory refuses it."""


class LinesFull(RuntimeError):
    """A line too many for a memory that refuses it."""


class Lines(ABC):
    """N lines of a key and a value, for each row of sequences and each head.

    ``capacity``: lines of the array; None: as many as come (an ideal memory alone).
    """

    def __init__(self, capacity: int | None = None, full: Full = "refuse") -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"capacity = {capacity} lines: 1 or more, or None for no limit")
        if full not in ("ring", "refuse"):
            raise ValueError(f"full = {full!r}: 'ring' overwrites the oldest line, 'refuse' raises")
        self.capacity, self.full = capacity, full
        self.written_at: deque[float] = deque(maxlen=capacity)
        self.count = 0

    def __len__(self) -> int:
        """Lines that are held."""
        return len(self.written_at)

    def ages(self, now: float) -> Tensor:
        """Time since each line was written (N,) float64 [s], the oldest first."""
        return now - torch.tensor(list(self.written_at), dtype=torch.float64)

    def append(self, k: Tensor, v: Tensor, now: float = 0.0) -> None:
        """Write one line at the time `now`; as `extend` by one."""
        self.extend(k[..., None, :], v[..., None, :], [now])

    def extend(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        """Write R lines (S B, H, R, D), each at its time.  Raises LinesFull where there is no room for all,
        ValueError for a time before the last write, and for more lines at once than a ring has.
        """
        new = len(times)
        if self.capacity is not None and len(self) + new > self.capacity and self.full == "refuse":
            raise LinesFull(
                f"line {self.capacity + 1} does not fit into {self.capacity} lines; take a larger capacity,"
                " or full = 'ring' to overwrite the oldest"
            )
        if self.capacity is not None and new > self.capacity:
            raise ValueError(f"{new} lines at once are more than the {self.capacity} of the ring")
        for now, before in zip(times, [*list(self.written_at)[-1:], *times], strict=False):
            if now < before:
                raise ValueError(f"now = {now:g} s is before the last write, at {before:g} s")
        self._write(k, v, times)
        self.written_at.extend(times)
        self.count += new

    def clear(self) -> None:
        """Forget every line; the array stays the same."""
        self.written_at.clear()
        self.count = 0

    @abstractmethod
    def _write(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        """Put lines (S B, H, R, D) from number `count` on in place."""

    @abstractmethod
    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        """Scores of all lines against q."""

    @abstractmethod
    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        """Sum of all values, weighed by w; needs a line."""


class IdealLines(Lines):
    """The digital twin: exact, in the type of what is written, with gradients."""

    def __init__(self, capacity: int | None = None, full: Full = "refuse") -> None:
        super().__init__(capacity, full)
        self._keys: deque[Tensor] = deque(maxlen=capacity)
        self._values: deque[Tensor] = deque(maxlen=capacity)

    def clear(self) -> None:
        super().clear()
        self._keys.clear()
        self._values.clear()

    def _write(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        self._keys.extend(k.unbind(-2))
        self._values.extend(v.unbind(-2))

    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        if not len(self):
            return q.new_zeros(*q.shape[:-1], 0)
        return (torch.stack(list(self._keys), -2) @ q[..., None])[..., 0]

    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        return (w[..., None, :] @ torch.stack(list(self._values), -2))[..., 0, :]
