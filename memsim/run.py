"""Names for everything that a chip's arrays read and write: chips, images, time steps, calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor  # type: ignore[import-not-found]

from memsim.card.chip_card import ChipCard
from memsim.energy.ledger import Ledger
from memsim.layout import Layout

MAX_NAME = 2**32 - 1  #: image names and step numbers are words of a random counter


@dataclass(frozen=True, eq=False)
class Address:
    """What one call of an array reads or writes, by name: its random numbers are keyed by these names.

    images (B,) int64; steps: time steps of this call; call: number of the call in its pass.
    """

    images: np.ndarray
    steps: range
    call: int = 0


class Probe:
    """Inputs of every call of a layer in one run of the digital network: (tensor, axes of one input).

    stir: function that may change an input in place after it was noted, given the layer's name, the number
    of the call, the input and its `tail`; None: inputs stay.
    """

    def __init__(self, stir: Callable[[str, int, Tensor, int], None] | None = None) -> None:
        self.calls: dict[str, list[tuple[Tensor, int]]] = {}
        self.macs: dict[str, float] = {}
        self.stir = stir

    def note(self, name: str, x: Tensor, tail: int, macs: float) -> None:
        """Keep an input whose last `tail` axes are one vector or picture, and its multiply-accumulates."""
        calls = self.calls.setdefault(name, [])
        calls.append((x.detach(), tail))
        self.macs[name] = self.macs.get(name, 0.0) + macs
        if self.stir is not None:
            self.stir(name, len(calls) - 1, x.detach(), tail)


@dataclass(frozen=True, eq=False)
class Pass:
    """One run of a network: the names of its images, whose rows are whose, how often a layer was called."""

    images: np.ndarray
    chips: int = 1  #: how many chips run them
    calibrating: bool = False  #: training images set the converters' ranges; nothing is rounded or counted
    layouts: Mapping[str, Sequence[Layout | None]] = field(default_factory=dict)  #: of every call, by layer
    probe: Probe | None = None  #: where the digital network runs, to find the layouts
    learning: bool = False  #: gradients reach the digital weights
    calls: Counter[str] = field(default_factory=Counter)

    def address(self, name: str, steps: int) -> Address:
        """Return the address of the next call of a layer."""
        call = self.calls.get(name, 0)
        self.calls[name] = call + 1
        return Address(self.images, range(steps), call)

    def parts(self, name: str, x: Tensor, tail: int, macs: float = 0.0) -> Tensor | None:
        """An input (..., *tail axes) of a layer's next call as (outer, chips, images, inner, *tail axes);
        None where it holds no images, or the network is probed: then it is noted.

        macs: multiply-accumulates of the call.  Raises ValueError for a number of rows that the layout does
        not have, and inside torch.func.
        """
        if is_functorch_wrapped_tensor(x):
            raise ValueError(
                f"{name}: it is called inside torch.func (vmap, grad, jvp), where images cannot be "
                f"separated; call it on whole batches, or leave it digital (digital = [{name!r}] in the card)"
            )
        if self.probe is not None:
            self.probe.note(name, x, tail, macs)
            return None
        found, call = self.layouts.get(name, ()), self.calls.get(name, 0)
        layout = found[call] if call < len(found) else self.layout(name)
        if layout is None:
            self.calls[name] = call + 1
            return None
        rows, images = x.shape[: x.dim() - tail], len(self.images)
        if rows.numel() != layout.outer * self.chips * images * layout.inner:
            raise ValueError(
                f"{name}: an input of {tuple(rows)} rows for {self.chips * images} images was met, where "
                f"{layout.outer} x images x {layout.inner} were found before"
            )
        return x.reshape(layout.outer, self.chips, images, layout.inner, *x.shape[x.dim() - tail :])

    def layout(self, name: str) -> Layout | None:
        """Return the layout of the next call's input; None where it holds no images.

        Raises ValueError for a layer, or a call of one, that was not met when the network was probed.
        """
        found, call = self.layouts.get(name, ()), self.calls.get(name, 0)
        if call < len(found):
            return found[call]
        if found and all(one == found[0] for one in found):
            return found[0]
        raise ValueError(
            f"{name}: its call number {call + 1} was not met when the network was probed with images of this "
            f"shape ({len(found)} calls); its forward must not depend on the values of images"
        )


@dataclass
class Run:
    """What all arrays of a stack of chips share.

    ``chips`` and image names are numbers: random streams are keyed by them, so any subset or order gives the
    same bits.  Chips are hidden inside the batch axis, chip-major: a tensor's batch is chips x images.
    """

    card: ChipCard
    chips: tuple[int, ...]
    seed: int
    ledger: Ledger
    now: Pass = field(default_factory=lambda: Pass(np.zeros(0, np.int64)))
    """The pass that is running, or the last one."""

    @property
    def dtype(self) -> torch.dtype:
        """float64 where everything is ideal, else float32."""
        return torch.float64 if self.card.ideal else torch.float32

    @property
    def images(self) -> np.ndarray:
        """Names of the images of this pass."""
        return self.now.images

    @property
    def calibrating(self) -> bool:
        """Whether this pass sets the converters' ranges."""
        return self.now.calibrating

    def begin(self, count: int, image: Sequence[int] | None = None, **how: Any) -> Pass:
        """Begin a pass of `count` images, named from 0 where no names are given; how: fields of `Pass`.

        Raises ValueError for names that are not one whole number for each image, from 0 to 2^32 - 1.
        """
        self.now = Pass(names_of(count, image), len(self.chips), **how)
        return self.now


def names_of(count: int, image: Sequence[int] | None) -> np.ndarray:
    """Return names of `count` images as int64, from 0 where none are given."""
    ids = np.arange(count, dtype=np.int64) if image is None else np.asarray(image, dtype=np.int64)
    if ids.shape != (count,):
        raise ValueError(
            f"image: {ids.shape} names for {count} images; one whole number for each image is needed"
        )
    if len(ids) and (ids.min() < 0 or ids.max() > MAX_NAME):
        raise ValueError(f"image: names run from 0 to 2^32 - 1, got {ids.min()}..{ids.max()}")
    return ids
