"""Stick-breaking attention (arXiv 2410.17980): no parameter of its own, no position code."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.stick_breaking import STICK_BREAKING, STOPPED


@mixer("stick-breaking")
def stick_breaking(shape: Shape) -> Attention:
    """Stick-breaking; what is left of the stick reads nothing."""
    return Attention(shape, STICK_BREAKING)


@mixer("stick-breaking-rest")
def stick_breaking_rest(shape: Shape) -> Attention:
    """Stick-breaking; what is left of the stick reads the token's own value."""
    return Attention(shape, STICK_BREAKING, own_rest=True)


@mixer("stick-breaking-stopped")
def stick_breaking_stopped(shape: Shape) -> Attention:
    """Stick-breaking that reads no line after 99 % of the stick: with the weights of a trained one."""
    return Attention(shape, STOPPED)
