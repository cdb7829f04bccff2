"""What a report draws of single devices and images: conductances before and after, attention maps."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim.written_attention import attention_layers


def conductances(chip: memsim.Chip) -> dict[str, Tensor]:
    """Return conductances [S] of the first chip's weight arrays, both devices of every pair; {} for ideal
    cells and engine aihwkit.
    """
    if chip.card.ideal or not all(hasattr(a, "conductance") for a in chip.weight_arrays.values()):
        return {}
    return {name: array.conductance()[0].flatten().clone() for name, array in chip.weight_arrays.items()}


@torch.no_grad()
def maps(net: nn.Module, chip: memsim.Chip, x: Tensor) -> dict[str, Any]:
    """Return weights A_ij of STDP attention of one input x, digital and on the first chip: (H, T, N, N) a
    layer.
    """
    if not chip.attention_arrays:
        return {}
    reference = copy.deepcopy(net).to(torch.float64 if chip.card.ideal else torch.float32).eval()
    keep: dict[str, Tensor] = {}
    written: dict[str, Tensor] = {}

    def listen(name: str):
        def hook(leaf: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
            keep[name] = leaf.weights(*inputs[:2])[:, 0].movedim(0, 1)  # type: ignore[operator]

        return hook

    windows = dict(attention_layers(reference))
    for name, module in windows.items():
        module.register_forward_hook(listen(name))
    reference(x.to(next(reference.parameters()).dtype))
    was_open, chip.ledger.open = chip.ledger.open, False
    arrays = {name: array for name, array in chip.attention_arrays.items() if name in windows}
    for array in arrays.values():
        array.recording = True
    try:
        chip(x, image=[0])
        for name, array in arrays.items():
            assert array.recorded is not None
            written[name] = array.recorded[0, 0]
    finally:
        for array in arrays.values():
            array.recording = False
        chip.ledger.open = was_open
    return {"digital_maps": keep, "crossbar_maps": written}
