"""Spiking attention on lines: the STDP window of S2TDPT (arXiv 2511.14691), and a softmax of the same
counts.
"""

from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.softmax import SOFTMAX
from memsim.models.mixers.spiking import SpikingAttention


@mixer("stdp")
def stdp(shape: Shape) -> SpikingAttention:
    """Build causal STDP attention with spike counts over four time steps."""
    return SpikingAttention(shape)


@mixer("spiking-softmax")
def spiking_softmax(shape: Shape) -> SpikingAttention:
    """Build softmax attention with products of the same spike counts as scores."""
    return SpikingAttention(shape, SOFTMAX)
