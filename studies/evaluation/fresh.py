"""Networks that keep state between calls, as SpikingJelly's and snnTorch's do, start every pass alike."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

STRUCTURE = ("_parameters", "_modules", "_non_persistent_buffers_set")
"""What a module holds that no forward pass changes."""


@contextmanager
def fresh(net: nn.Module) -> Iterator[None]:
    """Give every module back, at the end, the attributes and buffers it has now."""
    memo = {id(one): one for one in (*net.modules(), *net.parameters())}
    before = {module: copy.deepcopy(_state(module), memo) for module in net.modules()}
    try:
        yield
    finally:
        for module, state in before.items():
            for name in _state(module).keys() - state.keys():
                del vars(module)[name]
            vars(module).update(state)


def _state(module: nn.Module) -> dict[str, Any]:
    return {name: v for name, v in vars(module).items() if name not in STRUCTURE and "hook" not in name}
