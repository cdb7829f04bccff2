"""A probe of a network: the digital network runs on a few images, to find whose rows are whose in every
layer.

Nothing of the network is changed by it, and torch's global generator neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from memsim.layout import EXCHANGED, FEWER, IMAGES, Layout, Mixed, Seen, kept, layouts_of
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
    fits = _fits(first, changed, fewer)
    for size in STIRRED:
        if _unsure(fits):
            try:
                stirred = [
                    probe_run(net, batch, run, state, change, IMAGES, stir=Stirring(fits, change, size).stir)
                    for change in (None, *range(len(EXCHANGED)))
                ]
            except Exception:  # the network may refuse numbers that no image gives, as counts of no spikes
                continue
            _narrow(fits, [one for one, _ in stirred], fewer)
    for name, calls in _unsure(fits).items():
        _settle(name, calls, fits)
    layouts = {name: [None if one is None else one[0] for one in calls] for name, calls in fits.items()}
    try:
        outputs = output_axes(picked(out), [picked(one) for one in others], picked(small))
    except Mixed as error:
        raise ValueError(f"the network's output: {error}; {REMEDY}") from None
    macs = {name: total / IMAGES for name, total in first.macs.items()}
    return Found(layouts, outputs, macs)


STIRRED = (None, 2.0, 1e4)
"""Random numbers that are tried one after the other for layers that stay unsure: spikes (0 and 1), which
every spiking network takes, then normal numbers of these sizes."""

REMEDY = (
    "a network on chips must treat each image by itself (in evaluation mode, no statistics or softmax over "
    "the batch); if another axis than the first holds the images, say batch_axis="
)


def _digital(name: str) -> str:
    return f"leave it digital (digital = [{name!r}] in the card)"


Fits = dict[str, list[list[Layout] | None]]
Stir = Callable[[str, int, Tensor, int], None]


def probe_run(
    net: nn.Module,
    batch: Batch,
    run: Run,
    state: NetState,
    change: int | None,
    images: int,
    narrow: bool = False,
    stir: Stir | None = None,
) -> Any:
    """Return one run of the digital network: the inputs of its layers, and its output."""
    state.restore()
    before, noted = run.now, Probe(stir)
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
    """Return the network's output; ValueError, with the shapes of its inputs, where torch itself fails."""
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


def _fits(first: Probe, changed: Sequence[Probe], fewer: Probe) -> Fits:
    """Return the layouts that explain every call of every layer."""
    fits: Fits = {}
    for name, calls in first.calls.items():
        if any(len(one.calls.get(name, ())) != len(calls) for one in (*changed, fewer)):
            raise ValueError(
                f"{name}: the number of its calls depends on the images; {REMEDY}, or {_digital(name)}"
            )
        fits[name] = []
        for call in range(len(calls)):
            seen = _seen(name, call, first, changed, fewer)
            try:
                found = layouts_of(seen)
            except Mixed as error:
                raise ValueError(f"{name}: {error}; {REMEDY}, or {_digital(name)}") from None
            fits[name].append(kept(found, seen[0]) if found is not None and len(found) > 1 else found)
    return fits


def _seen(name: str, call: int, first: Probe, changed: Sequence[Probe], fewer: Probe) -> list[Seen]:
    """Return the input of one call in the runs of a probe."""
    (x, tail), small = first.calls[name][call], fewer.calls[name][call][0]
    return [
        Seen(x, one.calls[name][call][0], small, tail, image)
        for one, image in zip(changed, EXCHANGED, strict=True)
    ]


@dataclass(frozen=True)
class Stirring:
    """Random numbers as inputs of layers whose layout is known, other ones for each image.

    They reach layers that calibration images leave silent, and show which rows of them belong to which image.
    The numbers of image EXCHANGED[change] are others than with change = None.
    """

    fits: Fits
    change: int | None
    size: float | None  #: of numbers added, divided by the largest of the input or 1; None: spikes instead

    def stir(self, name: str, call: int, x: Tensor, tail: int) -> None:
        """Add random numbers to an input in place, or fill it with spikes."""
        found = self.fits.get(name, [])
        known = found[call] if call < len(found) else None
        if known is None or len(known) > 1 or not x.is_floating_point() or not x.numel():
            return
        shape = known[0].outer, IMAGES, known[0].inner, *x.shape[x.dim() - tail :]
        noise = _normals(shape, call, 0)
        if self.change is not None:
            image = EXCHANGED[self.change]
            noise[:, image] = _normals(shape, call, 1 + self.change)[:, image]
        noise = noise.reshape(x.shape).to(x)
        try:
            if self.size is None:
                x.copy_(noise > 0)
            else:
                x.add_(self.size * max(1.0, float(x.abs().max())) * noise)
        except RuntimeError:  # numbers that share memory, as after expand()
            return


def _normals(shape: tuple[int, ...], call: int, change: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1000 * change + call))


def _unsure(fits: Fits) -> dict[str, list[int]]:
    """Return the calls that several layouts explain, by layer."""
    found = {
        name: [call for call, one in enumerate(calls) if one is not None and len(one) > 1]
        for name, calls in fits.items()
    }
    return {name: calls for name, calls in found.items() if calls}


def _narrow(fits: Fits, stirred: Sequence[Probe], fewer: Probe) -> None:
    """Drop the layouts that stirred runs, the first of them without an exchange, do not explain."""
    first, *changed = stirred
    for name, calls in _unsure(fits).items():
        for call in calls:
            if any(len(one.calls.get(name, ())) <= call for one in stirred):
                continue  # stirred numbers may take another way through the network
            try:
                found = layouts_of(_seen(name, call, first, changed, fewer)) or []
            except Mixed:
                continue
            several = fits[name][call] or []
            fits[name][call] = [one for one in several if one in found] or several


def _settle(name: str, calls: Sequence[int], fits: Fits) -> None:
    """Take the layout that other layers have for calls that several explain.

    That is the only one that another layer has, or else the only one with as many rows outside of the images
    as another layer, such as time steps, or else inside, such as tokens.  Raises ValueError if there is none
    or more than one.
    """
    known = [one[0] for found in fits.values() for one in found if one and len(one) == 1]
    known = [one for one in known if one.outer * one.inner > 1]
    outer, inner = {one.outer for one in known}, {one.inner for one in known}
    for call in calls:
        several = fits[name][call] or []
        ways = (
            [one for one in several if one in known],
            [one for one in several if one.outer in outer],
            [one for one in several if one.inner in inner],
        )
        best = next((way for way in ways if way), [])
        if len(best) != 1:
            raise ValueError(
                f"{name}: its input is the same for all images of the probe, so that its rows cannot be "
                f"divided among them; give calibration images that reach this layer, or {_digital(name)}"
            )
        fits[name][call] = best
