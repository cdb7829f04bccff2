"""Controls: a mixer without memory, and memories whose reads do not depend on content."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Mixer, Pointwise, Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.controls import LAST, RECENCY, UNIFORM
from memsim.models.mixers.rules.softmax import SOFTMAX


@mixer("none")
def none(shape: Shape) -> Mixer:
    """Build a layer that acts on single tokens, with as many weights as attention (2 C hidden features)."""
    return Pointwise(shape, ratio=2.0)


@mixer("uniform")
def uniform(shape: Shape) -> Mixer:
    """Build a mixer that returns the mean of all values so far."""
    return Attention(shape, UNIFORM)


@mixer("last")
def last(shape: Shape) -> Mixer:
    """Build a mixer that returns the value of the previous token."""
    return Attention(shape, LAST)


@mixer("recency")
def recency(shape: Shape) -> Mixer:
    """Build an exponential moving average with one learned time constant per head, initially 2 to 32
    tokens.
    """
    return Attention(shape, RECENCY, gate="fixed", horizon=(2.0, 32.0))


@mixer("random-keys")
def random_keys(shape: Shape) -> Mixer:
    """Build softmax attention in which the key of a token is a random vector of its position."""
    return Attention(shape, SOFTMAX, keys="random")
