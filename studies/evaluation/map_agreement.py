"""Agreement of chips' class-activation maps with those of the digital network, where a linear head makes them
exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

import memsim
from memsim.models.seeing.agreement import agree
from memsim.models.seeing.class_layer import class_layer, with_head
from memsim.models.seeing.places import Layer, layers
from memsim.models.seeing.view import View, class_maps, digital, on_chips

TRIED = 4
"""Images on which it is tried which layer the linear head reads."""


@final
@dataclass(frozen=True, eq=False)
class DigitalMaps:
    """Class-activation maps of the digital network, for the labels of its first test images."""

    view: View
    layer: Layer
    images: Tensor  #: (B, ...)
    labels: Tensor  #: (B)
    maps: Tensor  #: (1, B, h, w)

    @classmethod
    def of(
        cls, net: nn.Module, images: Tensor, labels: Tensor, batch_axis: int, dtype: torch.dtype
    ) -> DigitalMaps | None:
        """Return the maps of images (B, ...); None where they are no pictures, or no linear head reads the
        mean of a layer.
        """
        if images.dim() not in (4, 5) or not images.is_floating_point():
            return None
        view = with_head(digital(net, batch_axis=batch_axis, dtype=dtype), images[:TRIED])
        found = layers(view.net, images[:TRIED].movedim(0, batch_axis), batch_axis)
        layer = class_layer(view, found, images[:TRIED])
        if layer is None:
            return None
        return cls(view, layer, images, labels, class_maps(view, images, layer, labels).maps)

    def agreement(self, chip: memsim.Chip) -> dict[str, list[float]]:
        """By measure, the mean over images of each chip's agreement; {} where no image has an order on all
        chips.
        """
        view = on_chips(chip, self.view.head)
        tables = agree(class_maps(view, self.images, self.layer, self.labels).maps, self.maps)
        kept = {name: table[:, ~table.isnan().any(0)] for name, table in tables.items()}
        return {f"map {name}": table.mean(1).tolist() for name, table in kept.items() if table.shape[1]}
