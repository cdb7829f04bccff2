"""Which rows of a layer's input belong to which image: found by changing one image, never guessed.

A layer that multiplies vectors sees them as rows.  A network runs the images a b c, then a b' c, a' b c and
so on, then a b alone.  The axis that shrank from three to two holds the images; where time or tokens are
merged into that axis, the rows that changed with b are b's.  A row of another image that changed with b means
that the network mixes images, or puts them in another order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IMAGES, FEWER = 3, 2
"""Images of a probe's runs, and of its last."""

EXCHANGED = (1, 1, 0, 2)
"""Which image each run exchanges.  The one in the middle tells time from images, one at an end shows images
in another order; a layer may not notice some exchanges, or keep by chance as many rows as before."""


class Mixed(ValueError):
    """A layer whose rows cannot be divided among images."""


@dataclass(frozen=True)
class Layout:
    """Rows of an input as (outer, images, inner): ``x.reshape(outer, images, inner, ...)``."""

    outer: int
    inner: int


@dataclass(frozen=True)
class Seen:
    """The same tensor in the three runs of a probe; the last `tail` axes are one vector or picture."""

    first: Tensor  #: images a b c
    changed: Tensor  #: with one of them exchanged, a b' c
    fewer: Tensor  #: images a b
    tail: int
    image: int = 1  #: the one that was exchanged

    @property
    def leading(self) -> tuple[int, ...]:
        return tuple(self.first.shape[: self.first.dim() - self.tail])


def layouts_of(calls: Sequence[Seen]) -> list[Layout] | None:
    """Return the layouts that explain one or more probes of the same call, time-major first; None where the
    input holds no images.

    Raises Mixed where one image changes the rows of another.
    """
    one = calls[0]
    for seen in calls:
        if seen.changed.shape != seen.first.shape:
            met = [tuple(x.shape[: x.dim() - seen.tail]) for x in (seen.first, seen.changed)]
            raise Mixed(
                f"the values of images decide how many rows its input has ({met[0]} and {met[1]} were met), "
                "as a mask or a choice of experts does"
            )
    lead, fewer = one.leading, tuple(one.fewer.shape[: one.fewer.dim() - one.tail])
    rows = [_changed(seen, math.prod(lead)) for seen in calls]
    if lead == fewer:
        if torch.stack(rows).any():
            raise Mixed(
                f"its input has {lead} rows whatever the number of images, and one image changes them"
            )
        return None
    axes = [n for n, (a, b) in enumerate(zip(lead, fewer, strict=False)) if a != b]
    if len(lead) != len(fewer) or len(axes) > 1 or lead[axes[0]] * FEWER != fewer[axes[0]] * IMAGES:
        raise Mixed(f"its input has {lead} rows for {IMAGES} images and {fewer} for {FEWER}")
    before, after = math.prod(lead[: axes[0]]), math.prod(lead[axes[0] + 1 :])
    merged = lead[axes[0]] // IMAGES
    fits = [Layout(before * o, merged // o * after) for o in range(merged, 0, -1) if merged % o == 0]
    right = [
        fit
        for fit in fits
        if not any(_others(changed, fit, seen.image) for changed, seen in zip(rows, calls, strict=True))
    ]
    if not right:
        raise Mixed("one image changes the rows of another")
    return right


def kept(fits: Sequence[Layout], seen: Seen) -> list[Layout]:
    """Return the layouts under which images a and b have the same rows with c and without it.

    All of `fits` if there is none, as where rounding turned a spike on or off.
    """
    tail = seen.first.shape[seen.first.dim() - seen.tail :]
    whole = not (seen.first.is_floating_point() or seen.first.is_complex())  # no differences of bool, uint8
    first, fewer = (x.double() if whole else x for x in (seen.first, seen.fewer))
    if not first.numel():
        return list(fits)
    near = 1e-4 * float(first.abs().max())
    right = []
    for fit in fits:
        of_three = first.reshape(fit.outer, IMAGES, fit.inner, *tail)[:, :FEWER]
        of_two = fewer.reshape(fit.outer, FEWER, fit.inner, *tail)
        if float((of_three - of_two).abs().max()) <= near:
            right.append(fit)
    return right or list(fits)


def _changed(seen: Seen, rows: int) -> Tensor:
    """Return which rows differ between the first two runs."""
    return (seen.first.reshape(rows, -1) != seen.changed.reshape(rows, -1)).any(1)


def _others(changed: Tensor, fit: Layout, image: int) -> bool:
    """Return whether a row of another image changed than the one that was exchanged."""
    by_image = changed.reshape(fit.outer, IMAGES, fit.inner).transpose(0, 1)
    return any(bool(rows.any()) for n, rows in enumerate(by_image) if n != image)
