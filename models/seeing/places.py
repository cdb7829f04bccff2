"""Layers whose output holds a map: which axes are images, time steps, channels and places.

Nothing is guessed from a layer's kind: a network runs three images, the same with the second exchanged, and
two of them; the axis that shrank holds the images.  What is left of one image's output is a map (K, h, w) or
tokens (N, K), h x w being in proportion to the picture, N = h w.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import final

import torch
from torch import Tensor, nn

from memsim.layout import FEWER, IMAGES, Mixed
from memsim.mapping.batches import Batch, OutputAxis, output_axes
from memsim.mapping.recording import joined
from memsim.mapping.state import NetState
from memsim.models.parts.attention import AbstractAttention

Grid = tuple[int, int]
LISTED = 12  #: layers that a message names


@final
@dataclass(frozen=True)
class Layer:
    """A module whose output holds a map for each image."""

    name: str
    grid: Grid  #: places of the map, rows and columns
    channels: int
    axis: OutputAxis  #: where images are in the output
    tokens: bool  #: (N, K) behind images and steps, else (K, h, w)

    def maps(self, output: Tensor, chips: int = 1) -> Tensor:
        """The output as (chips, images, T, K, h, w), T = 1 where it has no time steps."""
        return self.of_images(self.axis.by_image(output, chips))

    def of_images(self, x: Tensor) -> Tensor:
        """The same of an output (chips, images, ...), as ``chip.record`` gives it."""
        ends = x.shape[-2:] if self.tokens else x.shape[-3:]
        x = x.reshape(*x.shape[:2], -1, *ends)
        return x.transpose(-1, -2).unflatten(-1, self.grid) if self.tokens else x


@torch.no_grad()
def layers(net: nn.Module, images: Tensor, batch_axis: int = 0) -> dict[str, Layer]:
    """Find the layers of a network that hold a map, by name, in the order in which they finish.

    net: in evaluation mode; images: one or more as it takes them, on `batch_axis`.
    """
    batch, state = Batch((images,), {}, batch_axis), NetState(net)
    dtype = next((p.dtype for p in net.parameters()), images.dtype)
    runs = []
    for change, count in ((None, IMAGES), (0, IMAGES), (None, FEWER)):
        args, named = batch.probe(change, count, dtype)
        with listening(net, _inside(net)) as heard:
            net(*args, **named)
        state.restore()
        runs.append({name: _one(calls) for name, calls in heard.items()})
    found = {}
    for name in runs[0]:
        outputs = [run.get(name) for run in runs]
        whole = [x for x in outputs if x is not None and x.is_floating_point()]
        layer = _layer(name, whole, (images.shape[-2], images.shape[-1])) if len(whole) == len(runs) else None
        if layer is not None:
            found[name] = layer
    return found


def chosen(found: Mapping[str, Layer], name: str) -> Layer:
    """Return the layer `name`; ValueError, with the likely slip, where it holds no map."""
    if name in found:
        return found[name]
    near = get_close_matches(name, found, 1, 0.5)
    slip = f"; did you mean {near[0]!r}?" if near else "."
    outer = sorted(found, key=lambda one: one.count("."))[:LISTED]
    more = f" and {len(found) - LISTED} inside these" if len(found) > LISTED else ""
    raise ValueError(f"layer {name!r} holds no map of the picture{slip} There are {', '.join(outer)}{more}")


@contextmanager
def listening(net: nn.Module, names: list[str]) -> Iterator[dict[str, list[Tensor]]]:
    """Keep the outputs of these modules, call by call, in the order in which they finish."""
    heard: dict[str, list[Tensor]] = {}

    def note(name: str):
        def hook(_: nn.Module, inputs: tuple, output: object) -> None:
            if isinstance(output, Tensor):
                heard.setdefault(name, []).append(output.detach())

        return hook

    hooks = [net.get_submodule(name).register_forward_hook(note(name)) for name in names]
    try:
        yield heard
    finally:
        for one in hooks:
            one.remove()


def _inside(net: nn.Module) -> list[str]:
    """Modules but the network itself and what is in attention cores, whose tensors are split by head."""
    cores = tuple(name for name, module in net.named_modules() if isinstance(module, AbstractAttention))
    return [
        name for name, _ in net.named_modules()
        if name and not any(name == core or name.startswith(f"{core}.") for core in cores)
    ]  # fmt: skip


def _one(calls: list[Tensor]) -> Tensor | None:
    """The only output, or those of all calls along a first axis; None where they differ in shape."""
    return joined({"": calls})[""] if len({call.shape for call in calls}) == 1 else None


def _layer(name: str, outputs: list[Tensor], picture: Grid) -> Layer | None:
    """The layer of these outputs of the three runs; None where they hold no map of each image."""
    first, changed, fewer = outputs
    if not first.dim() == changed.dim() == fewer.dim():
        return None
    try:
        (axis,) = output_axes(first, [changed], fewer)
    except Mixed:
        return None
    if axis is None or axis.inner > 1:
        return None
    rest = tuple(first.shape[axis.axis + 1 :])
    if len(rest) == 3 and _in_proportion((rest[1], rest[2]), picture):
        return Layer(name, (rest[1], rest[2]), rest[0], axis, tokens=False)
    grid = grid_of(rest[0], picture) if len(rest) == 2 else None
    return None if grid is None else Layer(name, grid, rest[1], axis, tokens=True)


def _in_proportion(grid: Grid, picture: Grid) -> bool:
    """Whether places could be those of the picture, each side rounded up or down, and more than one."""
    (h, w), (height, width) = grid, picture
    return 1 < h * w and h <= height and w <= width and abs(h * width / height - w) <= max(1, width / height)


def grid_of(tokens: int, picture: Grid) -> Grid | None:
    """Return rows and columns of a number of tokens, as near the picture's proportions as possible."""
    pairs = [(h, tokens // h) for h in range(1, tokens + 1) if tokens % h == 0]
    fits = [pair for pair in pairs if _in_proportion(pair, picture)]
    height, width = picture
    return min(fits, key=lambda pair: abs(pair[0] * width - pair[1] * height), default=None)
