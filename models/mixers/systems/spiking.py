"""Spiking attention on lines: S2TDPT's window (arXiv 2511.14691), and a softmax of the same counts."""

from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.softmax import SOFTMAX
from memsim.models.mixers.spiking import SpikingAttention


@mixer("stdp")
def stdp(shape: Shape) -> SpikingAttention:
    """STDP attention, read causally: queries and keys are counts of four steps."""
    return SpikingAttention(shape)


@mixer("spiking-softmax")
def spiking_softmax(shape: Shape) -> SpikingAttention:
    """Softmax of products of the same counts."""
    return SpikingAttention(shape, SOFTMAX)
