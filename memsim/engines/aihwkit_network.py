"""The trained weights of an aihwkit network, in the plain torch network that it was made from."""

from __future__ import annotations

import copy
from typing import Any

from aihwkit.nn.conversion import convert_to_digital
from aihwkit.nn.modules.base import AnalogLayerBase
from torch import nn


def from_aihwkit(net: nn.Module) -> nn.Module:
    """Return a plain torch copy of an analog network, with the weights as trained, mapping scales included.

    Weights that `program_analog_weights` or `drift_analog_weights` has changed since are those before the
    writing: memsim writes its own devices.  Raises TypeError for what holds no analog layer, and ValueError
    for analog layers without a plain one (recurrent cells among them).
    """
    if not isinstance(net, nn.Module) or not _analog(net):
        raise TypeError(
            f"no analog layer of aihwkit in this {type(net).__name__}; a plain network needs no door"
        )
    net = copy.deepcopy(net)
    for layer in _analog(net).values():
        for tile in layer.analog_tiles():
            if getattr(tile, "programmed_weights", None) is not None:
                tile.tile.set_weights(tile.reference_combined_weights)
    plain = convert_to_digital(net, inplace=True)
    left = [
        f"{name or 'the network'} ({type(module).__name__})"
        for name, module in plain.named_modules()
        if type(module).__module__.startswith("aihwkit.nn.")
    ]
    if left:
        raise ValueError(f"aihwkit has no plain layer for {', '.join(left)}")
    return plain


def _analog(net: nn.Module) -> dict[str, Any]:
    """Return the analog layers by name."""
    return {name: layer for name, layer in net.named_modules() if isinstance(layer, AnalogLayerBase)}
