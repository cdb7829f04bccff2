"""Softmax attention with rotary position encoding, the baseline, and without position encoding."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.softmax import SOFTMAX


@mixer("softmax")
def rotary_softmax(shape: Shape) -> Attention:
    """Build softmax attention with rotary position encoding (arXiv 1706.03762, 2104.09864)."""
    return Attention(shape, SOFTMAX, positions="rotary")


@mixer("softmax-plain")
def plain_softmax(shape: Shape) -> Attention:
    """Build softmax attention without position encoding except its short convolution."""
    return Attention(shape, SOFTMAX)
