"""Networks of SpikingJelly 2.0, snnTorch 1.0 and Norse 1.1 as memsim's: the same weights, the same spikes."""

from copy import deepcopy
from typing import Any

from torch import nn

from memsim.models.exchange.neurons import neuron_of
from memsim.models.exchange.per_step import PerStep

CHAINS = ("torch.nn.modules.container.Sequential", "norse.torch.module.sequential.SequentialState")
"""Modules that call their children one after the other, and nothing else."""
SPIKINGJELLY = "spikingjelly.activation_based.layer."
THRESHOLD = "ThresholdDependent"
THRESHOLD_NORMS = {
    f"{THRESHOLD}{norm.__name__}": norm for norm in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
}
"""Batch norms whose weight begins at a threshold, and which are torch's otherwise."""
BESIDE_TIME = (nn.Linear, nn.Identity, nn.Dropout, nn.ReLU, nn.Sigmoid)
"""Layers of torch that take any leading axes."""


def from_library(net: nn.Module) -> nn.Module:
    """Return a network of another library, in evaluation mode, over inputs (T, B, ...), time first.

    SpikingJelly in step mode "m": a copy with the modules' own forward, neurons and layers exchanged.
    snnTorch and Norse step through time outside of their modules: nn.Sequential and norse's SequentialState
    of layers and neurons become a chain over all steps; snnTorch's neurons must have init_hidden=True there.

    The network given is not changed. Surrogate gradients are kept where they are a sigmoid. ValueError names
    the module that has no counterpart.
    """
    copy = deepcopy(net).eval()
    kinds = {type(module).__module__.partition(".")[0] for module in copy.modules()}
    if "spikingjelly" in kinds:
        _check_step_modes(copy)
        found = _exchanged("", copy)
        _check_no_state(found)
        return found
    if not kinds & {"snntorch", "norse"}:
        raise ValueError(f"{type(net).__name__} holds no module of SpikingJelly, snnTorch or Norse")
    return _chain("", copy)


def _kind(module: nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _check_step_modes(net: nn.Module) -> None:
    """Refuse SpikingJelly's modules that take one time step at a call."""
    for name, module in net.named_modules():
        if getattr(module, "step_mode", "m") != "m":
            raise ValueError(
                f"{name or 'the network'} ({_kind(module)}) is in step mode 's', needed is time as the first "
                "axis: say spikingjelly.activation_based.functional.set_step_mode(net, 'm')"
            )


def _check_no_state(net: nn.Module) -> None:
    """Refuse modules of SpikingJelly that were not exchanged and remember what they saw."""
    for name, module in net.named_modules():
        if _kind(module).startswith("spikingjelly.") and vars(module).get("_memories"):
            raise ValueError(
                f"{name} ({_kind(module)}) keeps a state of its own: memsim has no counterpart, and recurrent"
                " connections are not taken"
            )


def _exchanged(name: str, module: Any) -> nn.Module:
    """Exchange neurons and layers of SpikingJelly in a module, which keeps its own forward."""
    neuron = neuron_of(name, module)
    if neuron is not None:
        return _asked(neuron)
    if _kind(module).startswith(SPIKINGJELLY) and not list(module.children()):
        return _asked(PerStep(_plain(name, module)))
    if type(module).__name__ == "SeqToANNContainer":
        return PerStep(nn.Sequential(*(_plain(f"{name}.{n}", m) for n, m in module.named_children())))
    for child, inner in module.named_children():
        setattr(module, child, _exchanged(f"{name}.{child}".lstrip("."), inner))
    return module


def _asked(module: nn.Module) -> nn.Module:
    """Give a module the step mode that forwards of SpikingJelly's networks ask their layers for."""
    module.__dict__["step_mode"] = "m"
    return module


def _plain(name: str, module: nn.Module) -> nn.Module:
    """Return torch's layer in the place of SpikingJelly's, which inherits from it."""
    if type(module).__module__.startswith("torch.nn."):
        return module
    if type(module).__name__ in ("Dropout", "Dropout2d"):
        return nn.Identity()  # in evaluation
    parent = THRESHOLD_NORMS.get(type(module).__name__) or next(
        (base for base in type(module).__mro__ if base.__module__.startswith("torch.nn.modules.")), nn.Module
    )
    if parent.__name__ != type(module).__name__.removeprefix(THRESHOLD):
        raise ValueError(f"{name} ({_kind(module)}) has no counterpart among torch's layers")
    plain = nn.Module.__new__(parent)
    kept = {
        key: value for key, value in module.__dict__.items() if not key.startswith(("_memories", "_step"))
    }
    plain.__dict__.update(kept)
    return plain


def _chain(name: str, module: nn.Module) -> nn.Module:
    """Turn a chain of layers and neurons, each of one time step, into one over all steps."""
    if _kind(module) in CHAINS:
        parts = ((n, _chain(f"{name}.{n}".lstrip("."), part)) for n, part in module.named_children())
        chain = nn.Sequential()
        for number, part in parts:
            chain.add_module(number, part)
        return chain
    neuron = neuron_of(name, module)
    if neuron is not None:
        if _kind(module).startswith("snntorch") and not getattr(module, "init_hidden", False):
            raise ValueError(
                f"{name} ({_kind(module)}): in a chain its state must be its own, init_hidden=True"
            )
        return neuron
    if type(module).__module__.startswith("torch.nn.modules.") and not list(module.children()):
        return module if isinstance(module, BESIDE_TIME) else PerStep(module)
    raise ValueError(
        f"{name or 'the network'} ({_kind(module)}) steps through time by its own forward: pass an "
        "nn.Sequential, or norse's SequentialState, of its layers and neurons"
    )
