"""Softmax attention with rotary positions: the baseline of every table."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.softmax import SOFTMAX


@mixer("softmax")
def rotary_softmax(shape: Shape) -> Attention:
    """Softmax attention, positions by rotation (arXiv 1706.03762, 2104.09864)."""
    return Attention(shape, SOFTMAX, positions="rotary")


@mixer("softmax-plain")
def plain_softmax(shape: Shape) -> Attention:
    """Softmax attention that knows positions by its short convolution alone."""
    return Attention(shape, SOFTMAX)
