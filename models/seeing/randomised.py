"""Networks with randomised weights: a map that does not change with them shows the picture, not the network.

Source: Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018.
"""

from __future__ import annotations

import copy

from torch import nn

from memsim.devices import stream


def randomised(net: nn.Module, seed: int = 0, layers: str = "") -> nn.Module:
    """Copy a network and put the entries of each of its matrices in a random order of their own.

    Each matrix keeps its mean and spread; vectors (norms, biases) stay.  layers: those of names that begin so
    alone.  Raises ValueError where nothing is randomised.
    """
    made = copy.deepcopy(net)
    names = [
        name for name, p in made.named_parameters()
        if p.dim() > 1 and (name == layers or name.startswith(f"{layers}." if layers else ""))
    ]  # fmt: skip
    if not names:
        raise ValueError(f"layers = {layers!r}: no matrix of the network has a name that begins so")
    for name in names:
        matrix = made.get_parameter(name)
        keys = stream(seed, "seeing", "randomised", name).uniform((matrix.numel(),))
        matrix.data = matrix.data.flatten()[keys.argsort().to(matrix.device)].view_as(matrix)
    return made
