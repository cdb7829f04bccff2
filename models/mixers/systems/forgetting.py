"""Forgetting attention (arXiv 2503.02130): no position code, lines fade by a gate."""

from memsim.models.mixers.ageing import drifting, volatile
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


VOLATILE_TAU = 32.0  #: tokens
DRIFT_NU, DRIFT_T0 = 0.05, 0.02  #: of phase-change cells (Joshi 2020: t_0 of 20 s) at a token in 1,000 s


@mixer("forgetting-volatile")
def forgetting_volatile(shape: Shape) -> Attention:
    """The gate that volatile values give: every line fades as exp(-age / 32 tokens), in every head."""
    return Attention(shape, FORGETTING, ageing=volatile(VOLATILE_TAU))


@mixer("forgetting-drift")
def forgetting_drift(shape: Shape) -> Attention:
    """The gate that drifting values give: (1 + age / t_0)^-nu, t_0 a fiftieth of a token."""
    return Attention(shape, FORGETTING, ageing=drifting(DRIFT_NU, DRIFT_T0))
