"""Neurons of SpikingJelly, snnTorch and Norse as memsim's LIF; others are refused by name.

Classes are known by their names, so that none of the libraries is imported.
"""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import torch
from torch import nn

from memsim.models.parts.neurons import LIF

SURROGATE = 4.0  #: steepness of the sigmoid where the library has another surrogate: memsim's default


def neuron_of(name: str, neuron: nn.Module) -> LIF | None:
    """Return memsim's layer of a foreign neuron; None where the module is no neuron of a known library.

    ValueError names the neuron and what memsim does not compute: soft reset, adaptive thresholds, currents
    with a memory of their own, thresholds or leaks that differ between neurons.
    """
    kind = f"{type(neuron).__module__}.{type(neuron).__qualname__}"
    for known, convert in NEURONS.items():
        if kind == known:
            try:
                return convert(neuron)
            except ValueError as error:
                raise ValueError(f"{name} ({kind}): {error}") from None
    family = next((one for one in FAMILIES if any(one == base for base in _bases(neuron))), None)
    if family:
        raise ValueError(f"{name} ({kind}) is a neuron that memsim does not compute; known are {_names()}")
    return None


def above(threshold: float) -> float:
    """Return the threshold at which neurons fire that elsewhere fire above it: the next larger float32."""
    return float(np.nextafter(np.float32(threshold), np.float32(np.inf)))


def _bases(module: nn.Module) -> list[str]:
    return [f"{base.__module__}.{base.__qualname__}" for base in type(module).__mro__]


def _names() -> str:
    return ", ".join(sorted({name.rpartition(".")[2] for name in NEURONS}))


def _one(value: Any, what: str) -> float:
    """Return one number of a float or a tensor; ValueError where it differs between neurons."""
    numbers = torch.as_tensor(value).detach().double().flatten()
    if not bool((numbers == numbers[0]).all()):
        raise ValueError(f"{what} differs between neurons, from {numbers.min():g} to {numbers.max():g}")
    return float(numbers[0])


def _spikingjelly(neuron: Any, tau: float, decay_input: bool) -> LIF:
    """U = V + X (no decay of the input) or V + (X - V + v_reset)/tau; fires at the threshold."""
    if neuron.v_reset is None:
        raise ValueError(
            "v_reset=None is a soft reset, memsim resets to a potential: train it with v_reset=0.0"
        )
    if neuron.v_reset != 0 and not decay_input:
        raise ValueError(
            f"v_reset={neuron.v_reset} with decay_input=False leaks towards v_reset, memsim's leaks to 0"
        )
    surrogate = neuron.surrogate_function
    alpha = surrogate.alpha if type(surrogate).__name__ == "Sigmoid" else SURROGATE
    return LIF(
        tau=tau, v_threshold=_one(neuron.v_threshold, "v_threshold"), v_reset=float(neuron.v_reset),
        decay_input=decay_input, alpha=float(alpha), detach_reset=neuron.detach_reset,
    )  # fmt: skip


def _sj_lif(neuron: Any) -> LIF:
    return _spikingjelly(neuron, _one(neuron.tau, "tau"), neuron.decay_input)


def _sj_plif(neuron: Any) -> LIF:
    """1/tau = sigmoid(w), learned, one for the layer."""
    return _spikingjelly(neuron, 1 / _one(neuron.w.detach().double().sigmoid(), "w"), neuron.decay_input)


def _sj_if(neuron: Any) -> LIF:
    return _spikingjelly(neuron, inf, False)


def _snn_leaky(neuron: Any) -> LIF:
    """U = beta U + X, reset to 0; fires above the threshold."""
    if neuron.reset_mechanism != "zero":
        raise ValueError(
            f"reset_mechanism={neuron.reset_mechanism!r}: memsim resets to zero, train with 'zero'"
        )
    for field, plain in (("inhibition", False), ("state_quant", False)):
        if getattr(neuron, field) != plain:
            raise ValueError(f"{field}={getattr(neuron, field)!r} has no counterpart here")
    if _one(neuron.graded_spikes_factor, "graded_spikes_factor") != 1:
        raise ValueError("graded_spikes_factor: memsim's spikes are 0 and 1")
    beta = min(max(_one(neuron.beta, "beta"), 0.0), 1.0)
    tau = inf if beta == 1 else 1 / (1 - beta)
    return LIF(tau=tau, v_threshold=above(_one(neuron.threshold, "threshold")))


def _norse_box(neuron: Any) -> LIF:
    """V += dt/tau_mem (X + v_leak - V); fires above the threshold."""
    p = neuron.p
    leak, reset = _one(p.v_leak, "v_leak"), _one(p.v_reset, "v_reset")
    if leak != reset:
        raise ValueError(
            f"v_leak={leak} must be v_reset={reset}: memsim's neurons leak to where they are reset"
        )
    if getattr(p.reset_method, "__name__", "") != "reset_value":
        raise ValueError("its reset_method is not reset_value, the hard reset")
    tau = 1 / (neuron.dt * _one(p.tau_mem_inv, "tau_mem_inv"))
    return LIF(tau=tau, v_threshold=above(_one(p.v_th, "v_th")), v_reset=reset, decay_input=True)


_SJ = "spikingjelly.activation_based.neuron"
NEURONS: dict[str, Callable[[Any], LIF]] = {
    f"{_SJ}.lif.LIFNode": _sj_lif,
    f"{_SJ}.plif.ParametricLIFNode": _sj_plif,
    f"{_SJ}.integrate_and_fire.IFNode": _sj_if,
    "spikingjelly.clock_driven.neuron.LIFNode": _sj_lif,
    "spikingjelly.clock_driven.neuron.MultiStepLIFNode": _sj_lif,
    "spikingjelly.clock_driven.neuron.MultiStepParametricLIFNode": _sj_plif,
    "snntorch._neurons.leaky.Leaky": _snn_leaky,
    "norse.torch.module.lif_box.LIFBoxCell": _norse_box,
}
"""Neurons that memsim computes, by module and class."""

FAMILIES = (
    f"{_SJ}.base_node.BaseNode",
    f"{_SJ}.base_node.NonSpikingBaseNode",
    "spikingjelly.clock_driven.neuron.BaseNode",
    "snntorch._neurons.neurons.SpikingNeuron",
    "norse.torch.module.snn.SNN",
    "norse.torch.module.snn.SNNCell",
    "norse.torch.module.snn.SNNRecurrent",
    "norse.torch.module.snn.SNNRecurrentCell",
    "norse.torch.module.coba_lif.CobaLIFCell",
)
"""Base classes of all their neurons."""
