"""Three kinds of maps of the same images: evidence for a class, where neurons fire, what is attended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from memsim.models.seeing.attention_map import attended
from memsim.models.seeing.places import Layer, grid_of
from memsim.models.seeing.record import record
from memsim.models.seeing.spike_activation import spike_activation
from memsim.models.seeing.view import PASS, View, class_maps

CLASS, SPIKES, ATTENTION = "class activation", "spike activation", "attention"
"""Grad-CAM, signed; Kim & Panda's map of the last layer of neurons; what the last attention attends to."""


class Maps(NamedTuple):
    """Maps of one execution."""

    answers: Tensor  #: (chips, images)
    kinds: dict[str, Tensor]  #: by kind (chips, images, h, w); kinds that the network has
    raster: dict[str, Tensor]  #: spikes of the first image on the first chip, by layer (T, neurons)


def maps(
    view: View,
    images: Tensor,
    layer: Layer,
    classes: Tensor,
    found: Mapping[str, Layer],
    names: Sequence[int] | None = None,
) -> Maps:
    """Maps of every kind that the network has, of images (B, ..., H, W).

    layer: of the class-activation maps; classes (B): those they are evidence for; found: layers with a map;
    names: of the images, by which noise is keyed (default: 0, 1, ...).
    """
    names = range(len(images)) if names is None else names
    seen = class_maps(view, images, layer, classes, names)
    kinds: dict[str, list[Tensor]] = {}
    raster: dict[str, Tensor] = {}
    size = max(1, PASS // view.chips)
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        kept = record(view, images[part], found, names[part])
        fired = {name: found[name].of_images(x) for name, x in kept.spikes.items()}
        if not raster:
            raster = {name: x[0, 0].flatten(1).bool() for name, x in fired.items()}
        last = next((name for name in reversed(list(found)) if name in fired), None)
        if last is not None and fired[last].shape[2] > 1:
            kinds.setdefault(SPIKES, []).append(spike_activation(fired[last]))
        weights = list(kept.attention.values())[-1:]
        grid = grid_of(weights[0].shape[-1], (images.shape[-2], images.shape[-1])) if weights else None
        if grid is not None:
            kinds.setdefault(ATTENTION, []).append(attended(weights[0], grid))
    joined = {kind: torch.cat(some, 1) for kind, some in kinds.items()}
    return Maps(seen.logits.argmax(-1), {CLASS: seen.maps, **joined}, raster)
