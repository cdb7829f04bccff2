"""The state that a network's modules keep from one call to the next, and a way back to where they began.

Spiking neurons of SpikingJelly, snnTorch and others keep membranes as attributes.  Every pass of a chip
starts from the state in which the network was handed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


RESET = "functional.reset_net(net) in SpikingJelly, utils.reset(net) in snnTorch"
"""How libraries of spiking neurons reset a network."""


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode inside; after it each has the mode it had."""
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class NetState:
    """The attributes and buffers of every module, as they were when this was made."""

    def __init__(self, net: nn.Module) -> None:
        self.kept = [(module, _copy(state_of(module))) for module in net.modules()]
        self.shapes: dict[int, dict[tuple[int, str], Any]] = {}  #: of state, by the number of images of a run

    def narrow(self) -> None:
        """Keep only the modules whose state has changed: after a first pass, those that have one."""
        self.kept = [(module, before) for module, before in self.kept if not _same(before, state_of(module))]

    def retake(self) -> None:
        """Keep the state of now in place of that from before, of the same modules: after a move."""
        self.kept = [(module, _copy(state_of(module))) for module, _ in self.kept]

    def restore(self) -> None:
        """Put back whatever has changed since; attributes that are new are removed."""
        for module, before in self.kept:
            now = state_of(module)
            if not _same(before, now):
                _put(module, before, now)

    def note(self, images: int) -> None:
        """Note the shapes of all state as a run of `images` images left it."""
        self.shapes[images] = {
            (id(module), path): tensor.shape
            for module, _ in self.kept
            for path, tensor in tensors_of(state_of(module))
        }

    def refuse_stale(self, net: nn.Module, images: int, fewer: int) -> None:
        """Refuse a network handed over with the state of an earlier call: numbers in a tensor as long as the
        batch, which would meet the images of any batch as long.
        """
        after, small = self.shapes[images], self.shapes[fewer]
        for module, before in self.kept:
            for path, kept in tensors_of(before):
                key = id(module), path
                if after.get(key) != small.get(key) and kept.value.dim() and kept.value.any():
                    name = next((name for name, one in net.named_modules() if one is module), "")
                    raise ValueError(
                        f"{name} ({type(module).__name__}) holds the state of an earlier call, {path} of "
                        f"shape {tuple(kept.value.shape)}; reset the network before ({RESET})"
                    )

    @property
    def classes(self) -> list[str]:
        """Classes of the modules that are kept."""
        return sorted({type(module).__name__ for module, _ in self.kept})


def state_of(module: nn.Module) -> dict[str, Any]:
    """Return attributes and buffers of a module that torch does not keep for itself."""
    return {key: value for key, value in vars(module).items() if key not in _TORCH}


def tensors_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the tensors in a state, kept or as they are, and where they stand in it."""
    if isinstance(value, (Tensor, _Kept)):
        yield path, value
    elif isinstance(value, (dict, list, tuple)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from tensors_of(inner, f"{path}.{key}".lstrip("."))


def _copy(value: Any) -> Any:
    """Return containers copied, tensors with their version: one that is written in place has another."""
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
        """Return the tensor, as it was."""
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
