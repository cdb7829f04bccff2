"""Stick-breaking attention (arXiv 2410.17980), without additional parameters and position encoding."""

from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.stick_breaking import STICK_BREAKING, STOPPED


@mixer("stick-breaking")
def stick_breaking(shape: Shape) -> Attention:
    """Build stick-breaking attention in which the remaining weight is not used."""
    return Attention(shape, STICK_BREAKING)


@mixer("stick-breaking-rest")
def stick_breaking_rest(shape: Shape) -> Attention:
    """Build stick-breaking attention in which the remaining weight goes to the token's own value."""
    return Attention(shape, STICK_BREAKING, own_rest=True)


@mixer("stick-breaking-stopped")
def stick_breaking_stopped(shape: Shape) -> Attention:
    """Build stick-breaking attention that stops after 99 % of the weight, for a network trained without
    it.
    """
    return Attention(shape, STOPPED)
