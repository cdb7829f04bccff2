"""Landmark attention (arXiv 2305.16300): every eighth token is the landmark of its block.

For a network that inserts landmark tokens itself, see `landmark_every` of `SequenceConfig`.
"""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.two_level import landmarks

BLOCK = 8
"""Number of tokens of a block, including its landmark."""


@mixer("landmark")
def landmark(shape: Shape) -> Attention:
    """Build landmark attention that reads every block, as in training."""
    return Attention(shape, landmarks(BLOCK))


@mixer("landmark-top2")
def landmark_top2(shape: Shape) -> Attention:
    """Build landmark attention that reads the two best past blocks, as in inference."""
    return Attention(shape, landmarks(BLOCK, keep=2))
