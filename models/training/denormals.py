"""Denormal numbers count as zero while a network trains, and as before afterwards.

Gradients that fade away become denormal, and a processor takes many times longer for such a number.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Let this thread take numbers below 1.2e-38 for zero inside the block, or the decorated function."""
    before = float(torch.tensor(1e-40) * 1.0) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
