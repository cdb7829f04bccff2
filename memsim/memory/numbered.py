"""A random stream whose draws are named by sequence and token too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memsim.devices.numerics.stream import Stream


@dataclass(frozen=True)
class Numbered:
    """A stream of keys K as cells take it, for some sequences B and tokens R: draws are (*K, B, R, *cells).

    The draws of a sequence and token are the same among any others.
    """

    stream: Stream
    images: np.ndarray
    tokens: Sequence[int]

    @property
    def keys(self) -> np.ndarray:
        """One place for each stream, sequence and token; their shape alone is of use."""
        return np.empty((*self.stream.keys.shape, len(self.images), len(self.tokens)), np.uint8)

    def child(self, *names: Any) -> Numbered:
        """The streams further down the path."""
        return replace(self, stream=self.stream.child(*names))

    def normal(
        self, shape: Sequence[int], *, draw: int = 0, dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> Tensor:  # fmt: skip
        """Standard normals (*K, B, R, *shape)."""
        return self.stream.normal(
            shape, image=self.images, step=self.tokens, draw=draw, dtype=dtype, device=device
        )
