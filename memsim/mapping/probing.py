"""A probe of a network: the digital network runs on a few images, to find whose rows are whose in every
layer.

Nothing of the network is changed by it, and torch's global generator neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from memsim.layout import EXCHANGED, FEWER, IMAGES, Layout, Mixed, Seen, layouts_of
from memsim.mapping.batches import Batch, OutputAxis, output_axes
from memsim.mapping.state import NetState
from memsim.run import Pass, Probe, Run


@dataclass(frozen=True)
class Found:
    """What a probe found for inputs of one shape."""

    layouts: Mapping[str, Sequence[Layout | None]]  #: of every call, by layer
    outputs: Sequence[OutputAxis | None]
    macs: Mapping[str, float] = field(default_factory=dict)  #: multiply-accumulates for an image, by layer


def probe(
    net: nn.Module, batch: Batch, run: Run, state: NetState, picked: Callable[[Any], Any]
) -> Found:  # fmt: skip
    """Run the digital network on images a b c, on the same with one exchanged, several times, and on a b.

    picked: takes the outputs that are wanted.  Raises ValueError, naming the layer, where one image changes
    the rows of another, or rows cannot be divided among images.
    """
    first, out = probe_run(net, batch, run, state, None, IMAGES, narrow=True)
    fewer, small = probe_run(net, batch, run, state, None, FEWER)
    state.refuse_stale(net, IMAGES, FEWER)
    runs = [probe_run(net, batch, run, state, change, IMAGES) for change in range(len(EXCHANGED))]
    changed, others = [one for one, _ in runs], [other for _, other in runs]
    fits, unsure = _fits(first, changed, fewer)
    for name, calls in unsure.items():
        _settle(name, calls, fits)
    layouts = {name: [None if one is None else one[0] for one in calls] for name, calls in fits.items()}
    try:
        outputs = output_axes(picked(out), [picked(one) for one in others], picked(small))
    except Mixed as error:
        raise ValueError(f"the network's output: {error}; {REMEDY}") from None
    macs = {name: total / IMAGES for name, total in first.macs.items()}
    return Found(layouts, outputs, macs)


REMEDY = (
    "a network on chips must treat each image by itself (in evaluation mode, no statistics or softmax over "
    "the batch); if another axis than the first holds the images, say batch_axis="
)


def _digital(name: str) -> str:
    return f"leave it digital (digital = [{name!r}] in the card)"


Fits = dict[str, list[list[Layout] | None]]


def probe_run(
    net: nn.Module,
    batch: Batch,
    run: Run,
    state: NetState,
    change: int | None,
    images: int,
    narrow: bool = False,
) -> Any:
    """One run of the digital network: the inputs of its layers, and its output."""
    state.restore()
    before, noted = run.now, Probe()
    args, kwargs = batch.probe(change, images, run.dtype)
    run.now = Pass(before.images, probe=noted)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            out = _tried(net, args, kwargs)
        if narrow:
            state.narrow()
        state.note(images)
    finally:
        run.now = before
        state.restore()
    return noted, out


def _tried(net: nn.Module, args: tuple, kwargs: Mapping[str, Any]) -> Any:
    """The network's output; ValueError, with the shapes of its inputs, where torch itself fails."""
    try:
        return net(*args, **kwargs)
    except (RuntimeError, IndexError, TypeError) as error:
        shapes = [
            tuple(x.shape) for x in pytree.tree_leaves((args, dict(kwargs))) if isinstance(x, torch.Tensor)
        ]
        raise ValueError(
            f"the network fails on inputs of shapes {shapes}: {str(error).splitlines()[0]}; has it "
            "these inputs? If "
            "one of them holds no images, say so: batch_axis=[0, None]"
        ) from error


def _fits(first: Probe, changed: Sequence[Probe], fewer: Probe) -> tuple[Fits, dict[str, list[int]]]:
    """The layouts that explain every call of every layer, and the calls that have several."""
    fits: Fits = {}
    unsure: dict[str, list[int]] = {}
    for name, calls in first.calls.items():
        if any(len(one.calls.get(name, ())) != len(calls) for one in (*changed, fewer)):
            raise ValueError(
                f"{name}: the number of its calls depends on the images; {REMEDY}, or {_digital(name)}"
            )
        fits[name] = []
        for call, (x, tail) in enumerate(calls):
            small = fewer.calls[name][call][0]
            seen = [
                Seen(x, one.calls[name][call][0], small, tail, image)
                for one, image in zip(changed, EXCHANGED, strict=True)
            ]
            try:
                found = layouts_of(seen)
            except Mixed as error:
                raise ValueError(f"{name}: {error}; {REMEDY}, or {_digital(name)}") from None
            fits[name].append(found)
            if found is not None and len(found) > 1:
                unsure.setdefault(name, []).append(call)
    return fits, unsure


def _settle(name: str, calls: Sequence[int], fits: Fits) -> None:
    """Take the layout that goes with the other layers' for calls that several explain; ValueError for none.

    What stands outside of the images, such as time steps, is most often as much in all layers of a network;
    else what stands inside, such as tokens.
    """
    known = [one[0] for found in fits.values() for one in found if one and len(one) == 1]
    known = [one for one in known if one.outer * one.inner > 1]
    outer, inner = Counter(one.outer for one in known), Counter(one.inner for one in known)
    for call in calls:
        several = fits[name][call] or []
        best = max(several, key=lambda one: (outer[one.outer], inner[one.inner]))
        if not (outer[best.outer] or inner[best.inner]):
            raise ValueError(
                f"{name}: its input is the same for all images of the probe, so that its rows cannot be "
                f"divided among them; give calibration images that reach this layer, or {_digital(name)}"
            )
        fits[name][call] = [best]
