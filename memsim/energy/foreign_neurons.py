"""The neurons of other libraries, by the names of their classes, so that none of them is imported.

One call of such a module is a neuron step for each element of its output and each time step; what it computes
element by element is in that step, products with learned weights inside of it (recurrent ones) are not.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from torch import Tensor, nn

Time = Literal["call", "axis", "step_mode"]
"""One call is one time step, or time is the first axis of the output, or `module.step_mode` says which."""

NEURONS: dict[str, Time] = {
    # SpikingJelly 2.0
    "spikingjelly.activation_based.neuron.*Node": "step_mode",
    "spikingjelly.activation_based.neuron.*.*PSN": "step_mode",
    "spikingjelly.activation_based.neuron.*.FlexSN": "step_mode",
    # snnTorch 1.0; the nearest class in the order of inheritance decides
    "snntorch._neurons.*.AssociativeLeaky": "axis",
    "snntorch._neurons.*.StateLeaky": "axis",
    "snntorch._neurons.*.LeakyParallel": "axis",
    "snntorch._neurons.*.LeakyKernel": "axis",
    "snntorch._neurons.*.SpikingNeuron": "call",
    # Norse 1.1
    "norse.torch.module.snn.SNN": "axis",
    "norse.torch.module.snn.SNNRecurrent": "axis",
    "norse.torch.module.snn.SNNCell": "call",
    "norse.torch.module.snn.SNNRecurrentCell": "call",
    "norse.torch.module.coba_lif.CobaLIFCell": "call",
    "norse.torch.module.leaky_integrator.LILinearCell": "call",
    "norse.torch.module.lif_correlation.LIFCorrelation": "call",
}
"""Patterns of class names (module and name) -> where time is."""


def time_of(module: nn.Module) -> Time | None:
    """Return where a foreign neuron has its time steps; None for a module that is no known neuron."""
    return _time_of(type(module))


@lru_cache(maxsize=1024)
def _time_of(kind: type) -> Time | None:
    for parent in kind.__mro__:
        name = f"{parent.__module__}.{parent.__qualname__}"
        for pattern, time in NEURONS.items():
            if fnmatchcase(name, pattern):
                return time
    return None


def steps_of(module: nn.Module, spikes: Tensor) -> int:
    """Return the time steps of one call of a foreign neuron."""
    time = time_of(module)
    if time == "step_mode":
        time = "axis" if getattr(module, "step_mode", "m") == "m" else "call"
    return spikes.shape[0] if time == "axis" and spikes.dim() else 1
