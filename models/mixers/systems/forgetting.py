"""Forgetting attention (arXiv 2503.02130): lines decay by a gate, without position encoding."""

from memsim.models.mixers.ageing import drifting, volatile
from memsim.models.mixers.attention import Attention
from memsim.models.mixers.mixer import Shape
from memsim.models.mixers.registry import mixer
from memsim.models.mixers.rules.forgetting import FORGETTING


@mixer("forgetting")
def forgetting(shape: Shape) -> Attention:
    """Build attention with a learned gate that depends on the token; the initial bias 0 halves per token."""
    return Attention(shape, FORGETTING, gate="learned")


@mixer("forgetting-fixed")
def forgetting_fixed(shape: Shape) -> Attention:
    """Build attention with a constant gate per head, as volatile devices have; initially 8 to 128 tokens."""
    return Attention(shape, FORGETTING, gate="fixed", horizon=(8.0, 128.0))


VOLATILE_TAU = 32.0  #: tokens
DRIFT_NU, DRIFT_T0 = 0.05, 0.02  #: PCM (Joshi 2020: t_0 = 20 s) at one token per 1,000 s; t_0 in tokens


@mixer("forgetting-volatile")
def forgetting_volatile(shape: Shape) -> Attention:
    """Build attention with the gate of volatile values: every line decays as exp(-age / 32 tokens)."""
    return Attention(shape, FORGETTING, ageing=volatile(VOLATILE_TAU))


@mixer("forgetting-drift")
def forgetting_drift(shape: Shape) -> Attention:
    """Build attention with the gate of drifting values: (1 + age / t_0)^-nu with t_0 = 0.02 tokens."""
    return Attention(shape, FORGETTING, ageing=drifting(DRIFT_NU, DRIFT_T0))
