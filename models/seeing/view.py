"""A network looked into, digitally or on chips: activations of a layer and their gradients in one pass.

The layer's output is made the beginning of the graph: values are those of any other pass, bit for bit and
with the same noise, and gradients are those of what stands behind the layer.  On chips they pass through the
weights that the devices hold, straight through converters and the writing of attention; through neurons they
pass by the surrogate of their slope.

A linear head is taken with its trained weights, on chips too: logits of sure answers are beyond the range of
its ADC, which clips them, and no gradient passes where a converter clips.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from memsim.chip import Chip
from memsim.mapping.batches import Batch
from memsim.mapping.state import NetState
from memsim.models.seeing.cam import grad_cam
from memsim.models.seeing.places import Layer

PASS = 64
"""Chips times images in one pass; results do not depend on it."""


class Head(NamedTuple):
    """A linear layer that turns one vector of each image into its logits."""

    name: str
    weight: Tensor  #: (classes, K), as trained
    bias: Tensor  #: (classes)


@final
@dataclass(frozen=True, eq=False)
class View:
    """A network that can be looked into."""

    net: nn.Module
    chips: int  #: how many run at once
    batch_axis: int  #: of its inputs, where images are
    run: Callable[[Tensor, Sequence[int]], Tensor]
    """Inputs as the network takes them, and names of the images -> logits (chips, images, classes)."""
    chip: Chip | None = None  #: where it runs; None: digitally
    head: Head | None = None  #: None: gradients are those of the logits themselves


class Passed(NamedTuple):
    """One pass: logits (chips, images, classes); activations and gradients (chips, images, T, K, h, w)."""

    logits: Tensor
    activation: Tensor
    gradient: Tensor


class Seen(NamedTuple):
    """Logits (chips, images, classes) and signed class-activation maps (chips, images, h, w)."""

    logits: Tensor
    maps: Tensor


def digital(
    net: nn.Module, *, batch_axis: int = 0, output: Any = None, dtype: torch.dtype = torch.float32
) -> View:
    """Look into a network that runs digitally: a copy in evaluation mode, of which there is "one chip"."""
    plain = copy.deepcopy(net).to(dtype).eval().requires_grad_(False)
    state = NetState(plain)

    def run(x: Tensor, _: Sequence[int]) -> Tensor:
        state.restore()
        found = plain(x.to(dtype) if x.is_floating_point() else x)
        return _picked(found, output)[None]

    return View(plain, 1, batch_axis, run)


def on_chips(chip: Chip, head: Head | None = None) -> View:
    """Look into a network on chips, as they are now; nothing is counted.  head: of the digital network.

    Raises ValueError for engine aihwkit, RuntimeError for a chip that is not programmed or in training.
    """
    if chip.engine != "memsim":
        raise ValueError(f"engine {chip.engine} has no gradients; use engine memsim")
    if chip.learning is not None:
        raise RuntimeError("the chip is in training; call chip.eval() and chip.program() first")
    if chip.time != chip.time:
        raise RuntimeError("the chip is not programmed; call chip.program() first")
    axis = chip.batch_axis
    if not isinstance(axis, int):
        raise ValueError(f"batch_axis = {axis!r}: a network of one input is needed, its images on one axis")

    def run(x: Tensor, names: Sequence[int]) -> Tensor:
        return chip.mapped.uncounted(Batch((x,), {}, axis), names)

    return View(chip.net, len(chip.chips), axis, run, chip, head)


def look(view: View, images: Tensor, layer: Layer, classes: Tensor, names: Sequence[int]) -> Passed:
    """Run images (B, ...) once and keep a layer's activations, with the gradients of the classes' logits (B).

    Raises ValueError for classes that the network lacks, and a layer that does not reach the logits.
    """
    leaves: list[Tensor] = []
    features: list[Tensor] = []

    def begin(_: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        leaves.append(output.detach().requires_grad_())
        return leaves[-1].clone()  # what stands behind may write into it

    hooks = [view.net.get_submodule(layer.name).register_forward_hook(begin)]
    if view.head is not None:
        head = view.net.get_submodule(view.head.name)
        hooks.append(head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0])))
    try:
        with torch.enable_grad():
            logits = view.run(images.movedim(0, view.batch_axis), names)
            _check(logits, classes)
            score = _score(view, logits, features, classes.to(logits.device))
            gradients = torch.autograd.grad(score, leaves, allow_unused=True) if score.requires_grad else ()
    finally:
        for hook in hooks:
            hook.remove()
    if not any(g is not None for g in gradients):
        raise ValueError(f"layer {layer.name!r} does not reach the logits with a gradient; name another")
    whole = [torch.zeros_like(a) if g is None else g for a, g in zip(leaves, gradients, strict=True)]
    activation, gradient = (
        layer.maps((calls[0] if len(calls) == 1 else torch.stack(calls)).detach(), view.chips)
        for calls in (leaves, whole)
    )
    return Passed(logits.detach(), activation, gradient)


def _score(view: View, logits: Tensor, features: list[Tensor], classes: Tensor) -> Tensor:
    """The sum of what is differentiated: each image's logit of its class on every chip, but for the bias."""
    if view.head is None:
        return logits.gather(-1, classes.expand(len(logits), -1)[..., None]).sum()
    rows = view.head.weight.to(features[0])[classes].repeat(view.chips, 1)
    return (features[0] * rows).sum()


def class_maps(
    view: View, images: Tensor, layer: Layer, classes: Tensor, names: Sequence[int] | None = None
) -> Seen:
    """Class-activation maps of images (B, ...) at a layer, signed, for one class of each (B).

    names: of the images, by which noise is keyed (default: 0, 1, ...).
    """
    names = range(len(images)) if names is None else names
    size = max(1, PASS // view.chips)
    found = []
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        passed = look(view, images[part], layer, classes[part], names[part])
        found.append((passed.logits, grad_cam(passed.activation, passed.gradient)))
    logits, maps = zip(*found, strict=True)
    return Seen(torch.cat(logits, 1), torch.cat(maps, 1))


def _picked(found: Any, output: Any) -> Tensor:
    """What ``output`` picks of a network's outputs: a function of them, or a key or place in them."""
    if output is None:
        return found
    picked: Any = output(found) if callable(output) else found[output]
    return picked


def _check(logits: Tensor, classes: Tensor) -> None:
    if logits.dim() != 3 or logits.shape[1:2] != classes.shape:
        raise ValueError(
            f"logits {tuple(logits.shape[1:])} for {len(classes)} images; (images, classes) are needed"
        )
    low, high, count = int(classes.min()), int(classes.max()), logits.shape[-1]
    if low < 0 or high >= count:
        raise ValueError(f"class = {low if low < 0 else high}: the network's classes are 0 to {count - 1}")
