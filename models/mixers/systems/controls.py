"""Controls: no memory at all, and memories that do not read by content."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Mixer, Pointwise, Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.controls import LAST, RECENCY, UNIFORM
from memsim.models.mixers.rules.softmax import SOFTMAX


@mixer("none")
def none(shape: Shape) -> Mixer:
    """A layer on each token alone, with as many weights as attention has (hidden features 2 C)."""
    return Pointwise(shape, ratio=2.0)


@mixer("uniform")
def uniform(shape: Shape) -> Mixer:
    """The mean of all values until now."""
    return Attention(shape, UNIFORM)


@mixer("last")
def last(shape: Shape) -> Mixer:
    """The value of the token before."""
    return Attention(shape, LAST)


@mixer("recency")
def recency(shape: Shape) -> Mixer:
    """An exponential mean of values, with a time constant fitted for each head, 2 to 32 tokens at first."""
    return Attention(shape, RECENCY, gate="fixed", horizon=(2.0, 32.0))


@mixer("random-keys")
def random_keys(shape: Shape) -> Mixer:
    """Softmax attention whose keys are random numbers of their position."""
    return Attention(shape, SOFTMAX, keys="random")
