"""Which images counted, as text: one hexadecimal digit for four images, so that a row keeps every answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

DIGITAL = ", marks of the digital run"
"""Behind a column's name: the name of the digital run's marks in a result's total."""


def marks(counted: Tensor) -> str:
    """Return truth values (images) as "images:hexadecimal digits"."""
    bits = np.packbits(counted.cpu().numpy().astype(bool))
    return f"{len(counted)}:{bits.tobytes().hex()}"


def table(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the 0 and 1 (chips, images) of several marks; ValueError where they are of different lengths."""
    rows = []
    for text in texts:
        count, _, digits = text.partition(":")
        rows.append(np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))[: int(count)])
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"marks of {sorted({len(row) for row in rows})} images: one number is needed")
    return np.stack(rows).astype(float)
