"""A network's digital work as it runs: the counts of `memsim.energy.work`, a mean over all images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from torch import Tensor, nn

from memsim.energy.census import Census, Spiking
from memsim.energy.operations import tensors
from memsim.energy.products import Product
from memsim.energy.work import Attention, Matrix, Neurons, Other, TwoSignals, Work
from memsim.prices.events import find
from memsim.written_attention import attention_layers


class DigitalWork:
    """Watches a network while open; ``works`` is what it did for one image, a mean over all it has seen.

    batch_axis: the axis of the images in the network's first input (default: the first).  The counts are the
    same whether time is an axis or a loop, and layers may be called several times.
    """

    def __init__(self, net: nn.Module, batch_axis: int = 0) -> None:
        self.net, self.batch_axis, self.images = net, batch_axis, 0
        self.attention: dict[str, Heads] = {}
        apart = {name: partial(self._attend, name) for name, _ in attention_layers(net)}
        self.census = Census(net, fold=True, apart=apart)

    def __enter__(self) -> DigitalWork:
        self._open = ExitStack()
        hook = self.net.register_forward_pre_hook(self._image, with_kwargs=True)
        self._open.callback(hook.remove)
        self._open.enter_context(self.census)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _image(self, _: nn.Module, inputs: tuple, named: dict[str, Any]) -> None:
        self.census.images = next(tensors((inputs, named))).shape[self.batch_axis]
        self.images += self.census.images

    def _attend(self, name: str, inputs: tuple, _: Tensor) -> None:
        q, k, v = inputs[:3]
        self.census.tally.layers.setdefault(name)
        self.attention.setdefault(name, Heads(*v.shape[2:])).add(q, k, v)

    @property
    def steps(self) -> int:
        """Time steps of an image: those of its neurons, 1 where there are none."""
        n = max(self.images, 1)
        return max((round(one.steps / n) for one in self.census.tally.neurons.values()), default=1)

    @property
    def works(self) -> list[Work]:
        """What was done for one image, in the order of the network."""
        order = list(self.census.tally.layers)
        return sorted(self._works(max(self.images, 1)), key=lambda work: order.index(work.name))

    @property
    def uncounted(self) -> dict[tuple[str, str], float]:
        """Events of an image that no baseline has a price for, by layer and name."""
        n = max(self.images, 1)
        events = self.census.tally.events
        return {key: number / n for key, number in events.items() if find(key[1]).optional}

    def _works(self, images: int) -> Iterator[Work]:
        tally = self.census.tally
        for product in tally.products.values():
            yield _product(product, images, self.steps)
        for name, heads in self.attention.items():
            yield heads.work(name, images)
        for name, neurons in tally.neurons.items():
            yield _neurons(name, neurons, images)
        for (name, event), number in tally.events.items():
            if not find(event).optional:
                yield Other(name=name, event=event, number=number / images)


class Heads:
    """Calls of one layer of STDP attention, summed."""

    def __init__(self, heads: int, tokens: int, width: int) -> None:
        self.heads, self.tokens, self.width = heads, tokens, width
        self.steps = 0
        self.spikes = {"q": 0.0, "k": 0.0, "v": 0.0}

    def add(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        """Add one call on spikes (T, B, H, N, D)."""
        self.steps += v.shape[0] * v.shape[1]
        for name, spikes in zip("qkv", (q, k, v), strict=True):
            self.spikes[name] += float(spikes.sum())

    def work(self, name: str, images: int) -> Attention:
        """Return the work of one image."""
        q, k, v = (self.spikes[what] / images for what in "qkv")
        return Attention(
            name=name, steps=self.steps / images, heads=self.heads, tokens=self.tokens, width=self.width,
            q=q, k=k, v=v,
        )  # fmt: skip


def _product(product: Product, images: int, steps: int) -> Matrix | TwoSignals:
    passes = product.passes(steps) / images
    if not product.learned:
        return TwoSignals(
            name=product.layer,
            passes=passes,
            values=product.inputs / passes / images,
            macs=product.macs / images,
            adds=product.adds / images,
            spikes=product.spikes,
        )
    return Matrix(
        name=product.layer,
        rows=product.rows,
        columns=product.columns,
        positions=product.vectors / passes / images,
        passes=passes,
        inputs=product.inputs / passes / images,
        taps=product.taps,
        spikes=product.left,
        ones=product.ones / images,
        drives=product.drives / images,
        inside=product.inside / images,
    )


def _neurons(name: str, neurons: Spiking, images: int) -> Neurons:
    steps = neurons.steps / images
    return Neurons(
        name=name, number=neurons.updates / images / steps, steps=steps, spikes=neurons.spikes / images
    )
