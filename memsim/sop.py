"""The papers' digital count: an accumulate for each spike and synapse, a multiply where inputs are no spikes.

    E = E_AC sum_l rate_l x dense_l x T + E_MAC sum_(non-binary inputs) dense_l    Eq. (29), mended

A layer's input counts as spikes only if it is exactly {0, 1}; rate_l is its share of ones.  The encoder
convolution runs once for an image (its input does not change over time) and the head once (after the mean
over time).  Left out, as in the papers: weights and activations moved from memory, membranes, normalisation.
Prices: ``sop-ac`` and ``sop-mac`` of the card.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from memsim.card import ChipCard
from memsim.layers import attention_layers, matrix_layers


@dataclass
class SopCount:
    """Accumulates and multiply-accumulates of a digital network by layer, over the images it has seen."""

    net: nn.Module
    accumulates: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    multiplies: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __enter__(self) -> SopCount:
        self._hooks = [m.register_forward_hook(self._matrix(n)) for n, m in matrix_layers(self.net)]
        self._hooks += [m.register_forward_hook(self._attention(n)) for n, m in attention_layers(self.net)]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def energy(self, card: ChipCard, images: int) -> dict[str, float]:
        """Energy for an image [J] at two prices: ``digital_sop`` in fp32, as the papers count, and
        ``digital_sop_integer`` at the card's own integer prices, a fairer rival of its digital work.
        """
        ac, mac = (sum(c.values()) / max(images, 1) for c in (self.accumulates, self.multiplies))
        prices = {"digital_sop": ("sop-ac", "sop-mac"), "digital_sop_integer": ("digital-add", "digital-mac")}
        return {
            name: ac * card.price(add).energy + mac * card.price(multiply).energy
            for name, (add, multiply) in prices.items()
        }

    def _matrix(self, name: str):
        def enter(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            x = inputs[0]
            fan_in = layer.weight[0].numel()  # type: ignore[union-attr, index]
            dense = output.numel() * fan_in
            if bool(((x == 0) | (x == 1)).all()):
                self.accumulates[name] += dense * float(x.mean())
            else:
                self.multiplies[name] += dense

        return enter

    def _attention(self, name: str):
        def enter(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
            q, k, v = inputs[:3]
            tokens = q.shape[-2]
            # every value spike is added into all queries; counting Q and K is one add a spike
            with torch.no_grad():
                self.accumulates[name] += float(v.sum()) * tokens + float(q.sum() + k.sum())

        return enter
