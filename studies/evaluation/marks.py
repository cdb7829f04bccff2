"""Compact text for which images were classified correctly: one hexadecimal digit for four images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

DIGITAL = ", marks of the digital run"
"""Suffix: the marks of the digital run are stored in the totals under the column's name with this suffix."""


def marks(counted: Tensor) -> str:
    """Return booleans (images,) as the text "number of images:hexadecimal digits"."""
    bits = np.packbits(counted.cpu().numpy().astype(bool))
    return f"{len(counted)}:{bits.tobytes().hex()}"


def table(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return 0 and 1 (chips, images) for the texts of several chips.

    Raises ValueError if they have different numbers of images.
    """
    rows = []
    for text in texts:
        count, _, digits = text.partition(":")
        rows.append(np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))[: int(count)])
    if len({len(row) for row in rows}) != 1:
        raise ValueError(
            f"marks have {sorted({len(row) for row in rows})} images; all must have the same number"
        )
    return np.stack(rows).astype(float)
