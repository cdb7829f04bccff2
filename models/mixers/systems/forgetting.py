"""Forgetting attention (arXiv 2503.02130): no position code, lines fade by a gate."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.forgetting import FORGETTING


@mixer("forgetting")
def forgetting(shape: Shape) -> Attention:
    """The gate is learned and depends on the token; its first bias is 0, a memory of two tokens."""
    return Attention(shape, FORGETTING, gate="learned")


@mixer("forgetting-fixed")
def forgetting_fixed(shape: Shape) -> Attention:
    """The gate of each head is a number, as a volatile device has it; first memories of 8 to 128 tokens."""
    return Attention(shape, FORGETTING, gate="fixed", horizon=(8.0, 128.0))
