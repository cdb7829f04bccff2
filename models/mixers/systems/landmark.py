"""Landmark attention (arXiv 2305.16300): every eighth token is the landmark of its block.

A network that inserts landmark tokens itself is `SequenceNet` with `landmark_every`.
"""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.two_level import landmarks

BLOCK = 8
"""Tokens of a block, its landmark included."""


@mixer("landmark")
def landmark(shape: Shape) -> Attention:
    """Every block is read, as in training."""
    return Attention(shape, landmarks(BLOCK))


@mixer("landmark-top2")
def landmark_top2(shape: Shape) -> Attention:
    """The two best past blocks are read, as in inference."""
    return Attention(shape, landmarks(BLOCK, keep=2))
