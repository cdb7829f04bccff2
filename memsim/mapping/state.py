"""The state that a network's modules keep from one call to the next, and a way back to where they began.

Spiking neurons of SpikingJelly, snnTorch and others keep membranes as attributes.  Every pass of a chip
starts from the state in which the network was handed over.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

_TORCH = {
    "_parameters", "_modules", "_backward_hooks", "_backward_pre_hooks", "_forward_hooks",
    "_forward_pre_hooks",
    "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
    "_is_full_backward_hook", "_non_persistent_buffers_set", "_flat_weights", "training",
}  # fmt: skip
"""What torch itself keeps in a module: no state of a network."""


class NetState:
    """The attributes and buffers of every module, as they were when this was made."""

    def __init__(self, net: nn.Module) -> None:
        self.kept = [(module, _copy(_state(module))) for module in net.modules()]

    def narrow(self) -> None:
        """Keep only the modules whose state has changed: after a first pass, those that have one."""
        self.kept = [(module, before) for module, before in self.kept if not _same(before, _state(module))]

    def restore(self) -> None:
        """Put back whatever has changed since; attributes that are new are removed."""
        for module, before in self.kept:
            now = _state(module)
            if not _same(before, now):
                _put(module, before, now)

    @property
    def classes(self) -> list[str]:
        """Classes of the modules that are kept."""
        return sorted({type(module).__name__ for module, _ in self.kept})


def _state(module: nn.Module) -> dict[str, Any]:
    return {key: value for key, value in vars(module).items() if key not in _TORCH}


def _copy(value: Any) -> Any:
    """Containers copied, tensors with their version: one that is written in place has another."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    if isinstance(value, Tensor):
        return _Kept(value)
    return value


class _Kept:
    """A tensor, its version and a copy of it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.version, self.value = tensor, tensor._version, tensor.detach().clone()

    def get(self) -> Tensor:
        """The tensor, as it was."""
        if self.tensor._version != self.version:
            self.tensor, self.version = self.value.clone(), 0
            self.version = self.tensor._version
        return self.tensor


def _same(before: Any, now: Any) -> bool:
    if isinstance(before, _Kept):
        return before.tensor is now and before.tensor._version == before.version
    if isinstance(before, dict):
        return (
            isinstance(now, dict)
            and before.keys() == now.keys()
            and all(_same(v, now[k]) for k, v in before.items())
        )
    if isinstance(before, list):
        return isinstance(now, list) and len(before) == len(now) and all(map(_same, before, now))
    if isinstance(before, (int, float, str, bool)):
        return type(before) is type(now) and before == now
    return before is now


def _value(kept: Any) -> Any:
    if isinstance(kept, _Kept):
        return kept.get()
    if isinstance(kept, dict):
        return {key: _value(inner) for key, inner in kept.items()}
    if isinstance(kept, list):
        return [_value(inner) for inner in kept]
    return kept


def _put(module: nn.Module, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Set a module's state, containers in place so that others who hold them see it."""
    for key in now.keys() - before.keys():
        del vars(module)[key]
    for key, kept in before.items():
        value, held = _value(kept), now.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            held.clear()
            held.update(value)
        elif isinstance(held, list) and isinstance(value, list):
            held[:] = value
        else:
            vars(module)[key] = value
