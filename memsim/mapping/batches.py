"""Inputs and outputs of a network: which tensors hold images and where, repeated for chips, taken apart
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from memsim.layout import EXCHANGED, IMAGES, Layout, Seen, kept, layouts_of

Axis = int | Sequence[int | None] | Mapping[str, int | None]
"""The axis that holds images: one for all inputs, or one for each; None for an input without images."""


def check_axis(axis: Axis) -> None:
    """Refuse, with ValueError, what names no axis: a negative number too, which inputs may read otherwise."""
    several = isinstance(axis, (list, tuple))
    for one in axis.values() if isinstance(axis, Mapping) else axis if several else [axis]:
        if one is not None and (isinstance(one, bool) or not isinstance(one, int) or one < 0):
            raise ValueError(
                f"batch_axis = {axis!r}: the axis that holds images, a whole number from 0 on, for all "
                "inputs or for each; None for an input without images"
            )


class Batch:
    """The arguments of one call of a network, (args, kwargs), and where images are in them.

    Raises TypeError and ValueError, naming the input, for what no network can take.
    """

    def __init__(self, args: tuple, kwargs: Mapping[str, Any], axis: Axis) -> None:
        self.leaves, self.spec = list(args), None
        owners: list[int | str] = list(range(len(args)))
        if kwargs or {*map(type, args)} != {Tensor}:  # more than a few tensors
            self.leaves, self.spec = pytree.tree_flatten((args, dict(kwargs)))
            owners = [
                *(n for n, one in enumerate(args) for _ in pytree.tree_leaves(one)),
                *(name for name, one in kwargs.items() for _ in pytree.tree_leaves(one)),
            ]
        axes = [_axis_of(owner, axis) for owner in owners]
        for owner, leaf in zip(owners, self.leaves, strict=True):
            if type(leaf).__module__ == "numpy" and hasattr(leaf, "shape"):
                raise TypeError(f"input {owner} is a numpy array: pass torch.from_numpy(...)")
        holding = [
            (leaf.shape[at], at) for leaf, at in zip(self.leaves, axes, strict=True)
            if isinstance(leaf, Tensor) and at is not None and leaf.dim() > at
        ]  # fmt: skip
        if not holding:
            raise ValueError(
                "no input holds images: pass at least one tensor with a batch axis (batch_axis=)"
            )
        self.count = holding[0][0]
        if self.count == 0:
            raise ValueError("the batch is empty: pass at least one image")
        self.axes = [
            at if isinstance(x, Tensor) and at is not None and x.shape[at : at + 1] == (self.count,) else None
            for x, at in zip(self.leaves, axes, strict=True)
        ]
        for owner, leaf, at in zip(owners, self.leaves, axes, strict=True):
            _finite(owner, leaf, at or 0)

    @cached_property
    def signature(self) -> tuple:
        """Shapes and types of the inputs, but for the number of images: what layouts depend on."""
        found = []
        for leaf, at in zip(self.leaves, self.axes, strict=True):
            if isinstance(leaf, Tensor):
                shape = leaf.shape if at is None else leaf.shape[:at] + leaf.shape[at + 1 :]
                found.append((*shape, leaf.dtype, at))
            else:
                found.append(repr(leaf))
        return tuple(found)

    def call(self, leaves: Sequence[Any]) -> tuple[tuple, dict[str, Any]]:
        """Arguments with other leaves in place of these."""
        if self.spec is None:
            return tuple(leaves), {}
        args, kwargs = pytree.tree_unflatten(list(leaves), self.spec)
        return args, kwargs

    def repeated(self, chips: int, dtype: torch.dtype) -> tuple[tuple, dict[str, Any]]:
        """Return the arguments for a stack of chips: images repeated chip after chip, numbers in `dtype`."""
        return self.call(
            [
                leaf if not isinstance(leaf, Tensor) else _repeat(cast(leaf, dtype), chips, at)
                for leaf, at in zip(self.leaves, self.axes, strict=True)
            ]
        )

    def part(self, start: int, stop: int) -> Batch:
        """Return the images from start to stop."""
        made = object.__new__(Batch)
        made.leaves = [
            leaf if at is None else leaf.narrow(at, start, min(stop, self.count) - start)
            for leaf, at in zip(self.leaves, self.axes, strict=True)
        ]
        made.spec, made.axes, made.count = self.spec, self.axes, min(stop, self.count) - start
        return made

    def probe(self, change: int | None, images: int, dtype: torch.dtype) -> tuple[tuple, dict[str, Any]]:
        """Arguments for a probe: the first `images` of a b c, one of them, EXCHANGED[change], in another way
        for each change.
        """
        leaves = []
        for leaf, at in zip(self.leaves, self.axes, strict=True):
            if not isinstance(leaf, Tensor):
                leaves.append(leaf)
                continue
            x = cast(leaf, dtype)
            if at is not None:
                x = x.movedim(at, 0)
                picked = [x[n % self.count] for n in range(images)]
                if change is not None:
                    picked[EXCHANGED[change]] = _other(x, change)
                x = torch.stack(picked).movedim(0, at)
            leaves.append(x)
        return self.call(leaves)


def batch_of(images: Any, axis: Axis) -> Batch:
    """Calibration images as arguments of a network: a tensor, a tuple of inputs, or a mapping of named
    ones.
    """
    try:
        if isinstance(images, Mapping):
            return Batch((), images, axis)
        return Batch(tuple(images) if isinstance(images, (tuple, list)) else (images,), {}, axis)
    except (TypeError, ValueError) as error:
        raise type(error)(f"calibration: {error}") from None


def _axis_of(owner: int | str, axis: Axis) -> int | None:
    if isinstance(axis, int):
        return axis
    if isinstance(axis, Mapping):
        return axis.get(str(owner), 0)
    return axis[owner] if isinstance(owner, int) and owner < len(axis) else 0


def cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor in `dtype`: complex numbers stay complex, whole numbers as they are."""
    if x.is_complex():
        return x.to(dtype.to_complex())
    return x.to(dtype) if x.is_floating_point() else x


def _repeat(x: Tensor, chips: int, axis: int | None) -> Tensor:
    if axis is None or chips == 1:
        return x
    return torch.cat([x] * chips, axis)


def _other(x: Tensor, change: int) -> Tensor:
    """Return an image unlike that of this change (x has images first), within the range of x."""
    if x.is_complex():
        return torch.view_as_complex(_other(torch.view_as_real(x), change).contiguous())
    own = x[EXCHANGED[change] % len(x)]
    if change == 0 and len(x) > IMAGES:
        return x[IMAGES]
    flipped = own.flip(list(range(own.dim()))) if own.dim() else own
    if x.dtype == torch.bool:
        return ~flipped
    low, high = x.min(), x.max()
    if change <= 1:
        return (high - flipped + low).to(x.dtype)
    generator = torch.Generator().manual_seed(change)
    noise = torch.rand(own.shape, generator=generator, dtype=torch.float64).to(x.device)
    return (
        (low + noise * (high - low)).round().to(x.dtype)
        if not x.is_floating_point()
        else (low + noise.to(x.dtype) * (high - low))
    )


def _finite(owner: int | str, leaf: Any, axis: int) -> None:
    """Refuse images with NaN or infinity, and say which."""
    if not isinstance(leaf, Tensor) or not (leaf.is_floating_point() or leaf.is_complex()):
        return
    if not torch.isfinite(leaf).all():
        where = f"input {owner}: " if owner != 0 else ""
        images = leaf.movedim(axis, 0) if leaf.dim() > axis else leaf.reshape(1, -1)
        bad = int((~torch.isfinite(images)).reshape(len(images), -1).any(1).nonzero()[0])
        raise ValueError(f"{where}image {bad}: pixels hold NaN or infinity; every pixel must lie in [0, 1]")


@dataclass(frozen=True)
class OutputAxis:
    """Where the images of an output tensor are: an axis, and what is merged with them into it."""

    axis: int
    outer: int
    inner: int

    def apart(self, x: Tensor, chips: int) -> Tensor:
        """(..., chips x images, ...) -> (chips, ..., images, ...)."""
        if self.axis == 0 and self.outer == self.inner == 1:
            return x.unflatten(0, (chips, -1))
        parts = x.unflatten(self.axis, (self.outer, chips, -1, self.inner)).movedim(self.axis + 1, 0)
        return parts.flatten(self.axis + 1, self.axis + 3)

    def by_image(self, x: Tensor, chips: int) -> Tensor:
        """(..., chips x images, ...) -> (chips, images, ...), what is merged with images on an axis of its
        own.
        """
        parts = x.unflatten(self.axis, (self.outer, chips, -1, self.inner))
        parts = parts.movedim((self.axis + 1, self.axis + 2), (0, 1))  # outer, inner left at axis + 2, + 3
        merged = parts.flatten(self.axis + 2, self.axis + 3)
        return merged.squeeze(self.axis + 2) if self.outer == self.inner == 1 else merged


def output_axes(first: Any, changed: Sequence[Any], fewer: Any) -> list[OutputAxis | None]:
    """Return where images are in each tensor of an output, from the runs of a probe; None: nowhere.

    changed: runs with one image exchanged, all of EXCHANGED in their order, or the first of them.

    Raises Mixed where the output of one image depends on another.
    """
    runs = [pytree.tree_leaves(run) for run in (first, *changed, fewer)]
    found: list[OutputAxis | None] = []
    for one, *others, small in zip(*runs, strict=True):
        if not isinstance(one, Tensor):
            if not isinstance(one, (int, float, str, bool, type(None))):
                raise ValueError(
                    f"the network returns a {type(one).__name__}: pass output=, a function that picks "
                    "its tensors"
                )
            found.append(None)
            continue
        seen = [Seen(one, other, small, 0, n) for other, n in zip(others, EXCHANGED, strict=False)]
        fits = layouts_of(seen)
        fits = kept(fits, seen[0]) if fits is not None and len(fits) > 1 else fits
        axis = next((n for n, (a, b) in enumerate(zip(one.shape, small.shape, strict=True)) if a != b), None)
        found.append(None if fits is None or axis is None else _output_axis(one, axis, fits[0]))
    return found


def _output_axis(x: Tensor, axis: int, layout: Layout) -> OutputAxis:
    before = int(torch.tensor(x.shape[:axis]).prod()) if axis else 1
    after = int(torch.tensor(x.shape[axis + 1 :]).prod()) if axis + 1 < x.dim() else 1
    return OutputAxis(axis, layout.outer // before, layout.inner // after)


def apart(out: Any, axes: Sequence[OutputAxis | None], chips: int) -> Any:
    """Return an output with a leading axis of chips on every tensor that holds images."""
    if isinstance(out, Tensor):
        return out if axes[0] is None else axes[0].apart(out, chips)
    leaves, spec = pytree.tree_flatten(out)
    made = [x if axis is None else axis.apart(x, chips) for x, axis in zip(leaves, axes, strict=True)]
    return pytree.tree_unflatten(made, spec)
