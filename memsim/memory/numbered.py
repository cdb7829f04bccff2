"""A random stream whose numbers are keyed by sequence and token as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.stream import Stream


@dataclass(frozen=True)
class Numbered:
    """Random stream with keys K for B sequences and R tokens, whose draws have shape (*K, B, R, *cells).

    The numbers of one sequence and token do not depend on which others are drawn with them.  `known` holds
    the streams that were used before, by their names after those of the first one.  Objects that start with
    the same stream can share it, so that keys are computed once.
    """

    stream: Stream
    images: np.ndarray
    tokens: Sequence[int]
    known: dict[tuple[Any, ...], Stream] = field(default_factory=dict)
    names: tuple[Any, ...] = ()

    @property
    def keys(self) -> np.ndarray:
        """Empty array of shape (*K, B, R); only its shape is used."""
        return np.empty((*self.stream.keys.shape, len(self.images), len(self.tokens)), np.uint8)

    def child(self, *names: Any) -> Numbered:
        """Return the stream with more names appended to its key."""
        path = self.names + names
        if path not in self.known:
            self.known[path] = self.stream.child(*names)
        return replace(self, stream=self.known[path], names=path)

    def normal(
        self, shape: Sequence[int], *, draw: int = 0, dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:  # fmt: skip
        """Return standard normal numbers (*K, B, R, *shape)."""
        return self.stream.normal(
            shape, image=self.images, step=self.tokens, draw=draw, dtype=dtype, device=device
        )
