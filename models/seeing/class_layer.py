"""The linear head of a network, and the layer whose mean it reads: there class-activation maps are exact.

Both are tried on images, not read off the network's parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from memsim.models.seeing.places import Layer, listening
from memsim.models.seeing.view import Head, View, look

CLOSE = 1e-4
"""How far numbers may be from what the head makes of them, of the largest."""


@torch.no_grad()
def with_head(view: View, images: Tensor) -> View:
    """The view of a digital network with its linear head: the last linear layer that gives the logits of
    images (B, ...), from one vector of each; without one where there is none.
    """
    linear = {name: one for name, one in view.net.named_modules() if isinstance(one, nn.Linear) and name}
    with listening(view.net, list(linear)) as heard:
        logits = view.run(images.movedim(0, view.batch_axis), range(len(images)))[0]
    for name in reversed(heard):
        last, module = heard[name][-1], linear[name]
        if len(heard[name]) == 1 and last.shape == logits.shape and torch.equal(last, logits):
            bias = torch.zeros_like(logits[0]) if module.bias is None else module.bias
            return replace(view, head=Head(name, module.weight.detach(), bias.detach()))
    return view


def class_layer(view: View, found: Mapping[str, Layer], images: Tensor) -> Layer | None:
    """Return the last layer whose mean over steps and places the linear head reads; None where there is none.

    The logits of images (B, ...) are W mean(a) + b, and the gradient of the first class's is
    W_0k / (steps x places) at every step and place.
    """
    head = view.head
    if head is None:
        return None
    first = torch.zeros(len(images), dtype=torch.long)
    for layer in reversed(list(found.values())):
        if layer.channels != head.weight.shape[1]:
            continue
        passed = look(view, images, layer, first, range(len(images)))
        logits = passed.activation.mean((2, 4, 5)) @ head.weight.T + head.bias
        points = passed.activation[0, 0, :, 0].numel()
        slope = (head.weight[0] / points)[:, None, None].expand_as(passed.gradient)
        if _near(logits, passed.logits) and _near(passed.gradient, slope):
            return layer
    return None


def _near(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= CLOSE * other.abs().max())
