"""What passes through a network that is looked into, digitally too, in the form of ``chip.record``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from memsim.mapping.recording import Record, joined, tapped
from memsim.models.seeing.places import Layer
from memsim.models.seeing.view import View
from memsim.written_attention import WrittenAttention, attention_layers


@torch.no_grad()
def record(view: View, images: Tensor, found: Mapping[str, Layer], names: Sequence[int]) -> Record:
    """Run images (B, ...) once: spikes and membranes of layers with a map, and weights A_ij of attention
    whose arrays hold these, (chips, images, ...).

    found: the layers with a map.
    """
    x = images.movedim(0, view.batch_axis)
    if view.chip is not None:
        on_chips = view.chip.record(x, image=names)
        spikes, membranes = (
            {n: t for n, t in one.items() if n in found} for one in (on_chips.spikes, on_chips.membranes)
        )
        leaves = {n: array.leaf for n, array in view.chip.attention_arrays.items()}
        weights = {n: w for n, w in on_chips.attention.items() if isinstance(leaves[n], WrittenAttention)}
        return Record(on_chips.output, spikes, membranes, weights)
    with tapped(view.net) as tap, _weights(view.net) as weights:
        out = view.run(x, names)
    spikes, membranes = (
        {n: found[n].axis.by_image(t, 1) for n, t in joined(calls).items() if n in found}
        for calls in (tap.spikes, tap.membranes)
    )
    return Record(
        out, spikes, membranes, {n: w.movedim((1, 2, 0), (0, 1, 2))[None] for n, w in weights.items()}
    )


@contextmanager
def _weights(net: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Keep the weights A_ij (T, B, heads, N, N) of every attention core that arrays can hold."""
    kept: dict[str, Tensor] = {}

    def listen(name: str):
        def hook(core: nn.Module, inputs: tuple, _: Tensor) -> None:
            kept[name] = core.weights(*inputs[:2]).detach()  # type: ignore[operator]

        return hook

    hooks = [core.register_forward_hook(listen(name)) for name, core in attention_layers(net)]
    try:
        yield kept
    finally:
        for one in hooks:
            one.remove()
