"""A network on simulated chips: its leaves exchanged for arrays in a copy, programmed, aged, run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.weight_array import UPKEEP, WeightArray
from memsim.card.chip_card import ChipCard
from memsim.card.sections import Compensation
from memsim.energy.digital_events import watch_digital
from memsim.energy.ledger import Ledger
from memsim.mapping.layers import (
    CrossbarConv2d,
    CrossbarLinear,
    attention_layers,
    digital_layers,
    finite_images,
    matrix_layers,
    replace,
)
from memsim.mapping.norms import ChipNorms
from memsim.run import Run


class Engine(NamedTuple):
    """What executes the leaves: a kind of weight array and a kind of attention array."""

    weights: Callable[..., Any]
    attention: Callable[..., Any]


CALIBRATION_NAME = 2**31
"""Training images that set converter ranges are named from here on, apart from any test image's noise."""

RECALIBRATION_NAME, RECALIBRATION_BATCH = 3 * 2**30, 64
"""Likewise those that batch norms are estimated on, and how many at a time."""


class Chip:
    """One network on a stack of chips that differ in their devices alone.

    ``program`` writes it, ``advance_to`` ages it, calling it runs images: (B, C, h, w) in [0, 1] -> logits
    (S, B, classes). ``ledger`` holds events and energies, ``net`` the network whose leaves are arrays.
    """

    def __init__(self, net: nn.Module, run: Run, calibration: Tensor | None, engine: Engine) -> None:
        self.run, self.calibration = run, calibration
        self.net = copy.deepcopy(net).to(run.dtype).eval().requires_grad_(False)
        matrices, attentions = matrix_layers(self.net), attention_layers(self.net)
        digital = digital_layers(run.card.digital, [name for name, _ in (*matrices, *attentions)])
        for name, layer in matrices:
            kind = CrossbarLinear if isinstance(layer, nn.Linear) else CrossbarConv2d
            if name not in digital:
                replace(self.net, name, kind(name, layer, run, engine.weights))  # type: ignore[arg-type]
        for name, layer in attentions:
            if name not in digital:
                replace(self.net, name, engine.attention(name, layer, run))
        self.norms = ChipNorms(self.net, run)
        watch_digital(self.net, run.ledger)
        self.time = float("nan")

    @property
    def chips(self) -> tuple[int, ...]:
        """Names of the chips; chip 3 of one run is chip 3 of another."""
        return self.run.chips

    @property
    def card(self) -> ChipCard:
        """The card the chips were made from."""
        return self.run.card

    @property
    def ledger(self) -> Ledger:
        """Events and energies since the last ``ledger.clear()``."""
        return self.run.ledger

    @property
    def weight_arrays(self) -> dict[str, WeightArray]:
        """Weight arrays by the name of their layer."""
        return {
            n: m.array for n, m in self.net.named_modules() if isinstance(m, (CrossbarLinear, CrossbarConv2d))
        }

    @property
    def attention_arrays(self) -> dict[str, AttentionArray]:
        """Attention arrays by the name of their layer."""
        return {n: m for n, m in self.net.named_modules() if isinstance(m, AttentionArray)}

    @property
    def upkeep(self) -> dict[str, float]:
        """What keeping one chip's weights fit has cost until now: "writes" of devices and "reads" (rows x
        columns, for the compensation), with "write energy [J]" and "read energy [J]".

        The first programming and the images are not in it.  Empty for engine aihwkit, which counts no
        events.  Raises CardError where the card has no price for a write.
        """
        parts = [array.upkeep for array in self.weight_arrays.values()]
        if not all(parts):
            return {}
        parts += [array.measured for array in self.attention_arrays.values() if array.measured]
        return {key: sum(part[key] for part in parts) for key in UPKEEP}

    @property
    def cycles(self) -> dict[str, float]:
        """Cycles of an attention device for one image, by layer: what `[wear] cycles_before` counts."""
        return {name: array.wear.cycles for name, array in self.attention_arrays.items()}

    def recalibrate(self, images: Tensor | None) -> dict[str, float]:
        """Re-estimate every batch norm's mean and variance on each chip as it is now, from training images
        (n, C, h, w); None: back to the trained ones.

        The images must be distributed as in training, augmented where that was.  Returns what it cost a
        chip: "images" and "energy [J]".  Raises RuntimeError for a chip not programmed.
        """
        self.norms.forget()
        if images is None:
            return {"images": 0.0, "energy [J]": 0.0}
        finite_images(images)
        with torch.no_grad(), self.ledger.apart(), self.norms.measuring():
            for start in range(0, len(images), RECALIBRATION_BATCH):
                part = images[start : start + RECALIBRATION_BATCH]
                first = RECALIBRATION_NAME + start
                self(part, image=range(first, first + len(part)))
            priced = not self.card.ideal and self.ledger.counts
            return {
                "images": float(len(images)),
                "energy [J]": self.ledger.energy * len(images) if priced else 0.0,
            }

    def program(self) -> Chip:
        """Write every weight once and set the converters' ranges on training images; the clock is at 0."""
        for array in (*self.weight_arrays.values(), *self.attention_arrays.values()):
            array.program()
        self.time = 0.0
        self.norms.forget()
        if not self.card.ideal:
            self._calibrate()
        return self

    def advance_to(self, t: float, compensation: Compensation | None = None) -> Chip:
        """Age the weight arrays to t [s] after programming, absolute; attention is rewritten anyway.

        compensation: of the drift from here on, "global", "column" or "none"; None: the card's.  The same
        devices whatever it is: at the time the chip already stands at only the digital factors change.
        Raises ValueError for a time or a compensation that is none, RuntimeError for a chip not programmed.
        """
        if not t >= 0 or t == float("inf"):
            raise ValueError(
                f"time = {t} s: seconds since programming must be a number >= 0 (1 day is 86400)"
            )
        if compensation not in (None, *get_args(Compensation)):
            raise ValueError(f"compensation = {compensation!r}: one of {', '.join(get_args(Compensation))}")
        if self.time != self.time:
            raise RuntimeError("the chip is not programmed; call chip.program() first")
        for array in self.weight_arrays.values():
            array.advance_to(float(t), compensation)
        self.time = float(t)
        return self

    def __call__(self, x: Tensor, image: Sequence[int] | None = None) -> Tensor:
        """Run images (B, C, h, w); ``image`` names them (default: from 0): noise is keyed by the name."""
        return self._pass(x, image)

    def _pass(self, x: Tensor, image: Sequence[int] | None, *, calibrating: bool = False) -> Tensor:
        if self.time != self.time:
            raise RuntimeError("the chip is not programmed; call chip.program() first")
        finite_images(x)
        run = self.run
        run.begin(len(x), image, calibrating=calibrating)
        if run.ledger.open and not calibrating:
            run.ledger.images += len(x) * len(self.chips)
        stack = x.to(run.dtype).repeat(len(self.chips), *[1] * (x.dim() - 1))
        return self.net(stack).unflatten(0, (len(self.chips), len(x)))

    def _calibrate(self) -> None:
        if self.calibration is None:
            if not (self.card.on("adc") or self.card.on("dac")):
                return
            raise ValueError(
                "the converters need training images to set their ranges: pass calibration= to to_crossbar, "
                "or switch them off with card.without('adc', 'dac')"
            )
        names = range(CALIBRATION_NAME, CALIBRATION_NAME + len(self.calibration))
        was_open, self.ledger.open = self.ledger.open, False
        try:
            with torch.no_grad():
                self._pass(self.calibration, names, calibrating=True)
        finally:
            self.ledger.open = was_open
            self.run.begin(0)


def to_crossbar(
    net: nn.Module,
    card: ChipCard | str = "default",
    *,
    chips: int | Sequence[int] = 8,
    seed: int = 0,
    calibration: Tensor | None = None,
    engine: str = "memsim",
) -> Chip:
    """Put a network on crossbars: every linear layer, convolution and STDP attention becomes an array.

    net: any module; its nn.Linear and nn.Conv2d leaves and its attention leaves (with a ``window``) are
    exchanged in a copy, but for those that the card leaves ``digital``. card: ChipCard or the name or file of
    one.  chips: how many, or their names. calibration: training images (n, C, h, w) for the converters'
    ranges; a bundled network brings its own. engine: "memsim" (whole stacks at once) or "aihwkit" (aihwkit's
    own tiles, one by one: the judge).  Raises CardError and ValueError by name.
    """
    card = card if isinstance(card, ChipCard) else ChipCard.load(card)
    names = tuple(range(chips)) if isinstance(chips, int) else tuple(int(c) for c in chips)
    if not names or min(names) < 0:
        raise ValueError(f"chips = {chips}: at least one chip, named by whole numbers >= 0")
    if calibration is None:
        calibration = getattr(net, "calibration_images", None)
    if engine not in ("memsim", "aihwkit"):
        raise ValueError(f"engine = {engine!r}: 'memsim' or 'aihwkit'")
    run = Run(card=card, chips=names, seed=int(seed), ledger=Ledger(card))
    arrays = Engine(WeightArray, AttentionArray)
    if engine == "aihwkit":
        from memsim.engines.aihwkit import TileWeights, tile_attention

        arrays = Engine(TileWeights, tile_attention)
    return Chip(net, run, calibration, arrays)
