"""A network on simulated chips: programmed, aged, run, trained, copied and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import memsim
from memsim.arrays.faults.defects import Defects
from memsim.card.chip_card import ChipCard
from memsim.card.close_times import check_apart
from memsim.card.sections import Compensation
from memsim.energy.ledger import UPKEEP, Ledger
from memsim.freed_memory import keep_freed_memory
from memsim.mapping.batches import Axis, Batch, batch_of
from memsim.mapping.mapped_net import Engine, MappedNet
from memsim.mapping.recording import Record
from memsim.mapping.report import MappingReport
from memsim.mapping.state import evaluating
from memsim.run import Run
from memsim.saving import digest, load, save
from memsim.training import Learning, check_trainable

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many are done, how many there are."""

CALIBRATION_NAME = 2**31
"""Training images that set converter ranges are named from here on, apart from any test image's noise."""

RECALIBRATION_NAME, RECALIBRATION_BATCH = 3 * 2**30, 64
"""Likewise those that batch norms are estimated on, and how many at a time."""

CALIBRATION_BATCH = 64
"""Training images that go through all chips in one pass."""


class Chip:
    """One network on a stack of chips that differ in their devices alone.

    ``program`` writes it, ``advance_to`` ages it, calling it runs the network: its own outputs, with a
    leading axis of chips.  ``ledger`` holds events and energies, ``mapping`` what is on arrays, ``net`` the
    network whose matrices are read from them.
    """

    def __init__(
        self, net: nn.Module, run: Run, calibration: Any, engine: Engine, output: Any, batch_axis: Axis
    ) -> None:
        self.run, self.calibration, self.batch_axis = run, calibration, batch_axis
        self.engine = engine.name
        self.learning: Learning | None = None
        example = None if calibration is None else batch_of(calibration, batch_axis)
        self.mapped = MappedNet(net, run, engine, output, example)
        self.digest = digest(self.net)
        self.time, self._next = float("nan"), 0
        self._read_at = float("nan")

    @property
    def net(self) -> nn.Module:
        """The network whose matrices are read from the arrays."""
        return self.mapped.net

    @property
    def weight_arrays(self) -> dict[str, Any]:
        """Weight arrays by the name of their layer."""
        return self.mapped.weight_arrays

    @property
    def attention_arrays(self) -> dict[str, Any]:
        """Attention arrays by the name of their layer."""
        return self.mapped.attention_arrays

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
    def compensation(self) -> str:
        """The compensation of drift that is set now."""
        return next((array.compensation for array in self.weight_arrays.values()), "none")

    @property
    def arrays(self) -> dict[str, Any]:
        """Every array by the name of its layer."""
        return {**self.weight_arrays, **self.attention_arrays}

    @property
    def mapping(self) -> MappingReport:
        """Which module is on which arrays, what stayed digital and why, shares of parameters and
        operations.
        """
        return self.mapped.report

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
    def faults(self) -> dict[str, Defects]:
        """Faulty devices and lines by layer, before and after repair by spares; empty where there are none.

        Layers of attention arrays come in with the first image, when their tokens are known.
        """
        found = {name: array.defects for name, array in self.arrays.items()}
        return {name: defects for name, defects in found.items() if defects is not None}

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
        self.mapped.norms.forget()
        if images is None:
            return {"images": 0.0, "energy [J]": 0.0}
        self.mapped.check_norms()
        with torch.no_grad(), self.ledger.apart(), self.mapped.norms.measuring():
            self.mapped.own_norms()
            for start in range(0, len(images), RECALIBRATION_BATCH):
                part = images[start : start + RECALIBRATION_BATCH]
                first = RECALIBRATION_NAME + start
                self(part, image=range(first, first + len(part)))
            priced = not self.card.ideal and self.ledger.counts
            return {
                "images": float(len(images)),
                "energy [J]": self.ledger.energy * len(images) if priced else 0.0,
            }

    def program(self, progress: Progress | None = None) -> Chip:
        """Write every weight once and set the converters' ranges on training images; the clock is at 0.

        Images are numbered from 0 again.  progress(what, done, total) is called after each layer.
        """
        keep_freed_memory()
        for array in _reported("programming", list(self.arrays.values()), progress):
            array.program()
        self.time, self._next = 0.0, 0
        self._read_at = float("nan")
        self.mapped.norms.forget()
        if self.calibration is not None:
            self._calibrate(batch_of(self.calibration, self.batch_axis), progress)
        elif self.card.calibrates:
            effects = ", ".join(map(repr, self.card.converter_effects))
            raise ValueError(
                "the converters need training images to set their ranges: pass calibration= to to_crossbar, "
                f"or switch them off with card.without({effects})"
            )
        return self

    def calibrate(self) -> Chip:
        """Set converter ranges on the training images with the devices as they are, of arrays that have none:
        say, because their weights have changed since (`LearningArray.forget_ranges`).
        """
        self._needs_programming()
        if self.calibration is not None:
            self._calibrate(batch_of(self.calibration, self.batch_axis), None)
        return self

    def advance_to(
        self, t: float, compensation: Compensation | None = None, progress: Progress | None = None
    ) -> Chip:
        """Age the weight arrays to t [s] after programming, absolute; attention is rewritten anyway.

        compensation: of the drift from here on, "global", "column" or "none" (default: the card's).  The same
        devices whatever it is: at the time the chip already stands at only the digital factors change.
        Raises ValueError for a time or a compensation that is none, RuntimeError for a chip not programmed.
        """
        if not t >= 0 or t == float("inf"):
            raise ValueError(
                f"time = {t} s: seconds since programming must be a number >= 0 (1 day is 86400)"
            )
        if compensation not in (None, *get_args(Compensation)):
            raise ValueError(f"compensation = {compensation!r}: one of {', '.join(get_args(Compensation))}")
        self._needs_programming()
        for array in _reported("ageing", list(self.weight_arrays.values()), progress):
            array.advance_to(float(t), compensation)
        self.time = float(t)
        return self

    def __call__(self, *inputs: Any, image: Sequence[int] | None = None, **named: Any) -> Any:
        """Run the network: its outputs with a leading axis of chips, (chips, images, ...).

        inputs, named: what the network takes; tensors that hold images do so on ``batch_axis``.  image:
        names of the images (default: numbered on from the last call); noise is keyed by the name.  Warns
        (TimesTooClose) where the last images were shown too shortly before for low-frequency noise.
        """
        if self.learning is None:
            self._needs_programming()
        batch = Batch(inputs, named, self.batch_axis)
        if image is None:
            image = range(self._next, self._next + batch.count)
            self._next += batch.count
        if self.learning is not None:
            return self.learning.run(self, batch, image)
        if self._read_at != self.time:
            if self.engine == "memsim":
                check_apart(self.card.weight_cell, self._read_at, self.time)
            self._read_at = self.time
        return self.mapped.counted(batch, image)

    def record(self, *inputs: Any, image: Sequence[int] | None = None, **named: Any) -> Record:
        """Run the network once and keep spikes, membranes and written attention, by layer.

        Every tensor has the axes (chips, images, ...).  Nothing is counted.
        """
        self._needs_programming()
        batch = Batch(inputs, named, self.batch_axis)
        names = range(self._next, self._next + batch.count) if image is None else image
        return self.mapped.record(batch, names)

    def train(self, fresh: bool = True, times: float | tuple[float, float] = 0.0, **how: Any) -> Chip:
        """Let gradients reach the digital weights of ``net``, straight through everything that arrays do.

        From here on every call is one batch of a training: the weights as they are now are written, with
        ``fresh`` on chips that no call met before, and aged to a time [s] since their programming: ``times``,
        or drawn log-uniformly between two.  how: fields of `Learning`.  ``parameters()`` go to an optimizer;
        ``eval()`` ends it, and ``program()`` writes the trained weights.  Batch norms work with the
        statistics of the whole batch, all chips together, as ``net.train()`` has it; those that are to keep
        the trained ones are put into evaluation mode in ``net``.  Raises ValueError for another
        engine than memsim and for times that are none.
        """
        if self.engine != "memsim":
            raise ValueError(f"engine {self.engine} has no hardware-aware training; use engine memsim")
        check_trainable(self.card)
        self.learning = Learning(chips=self.chips, fresh=fresh, times=times, **how)
        self.mapped.norms.forget()
        self.net.train().requires_grad_(True)
        return self

    def eval(self) -> Chip:
        """End a training: the chip is to be programmed anew, with the weights as they are now."""
        if self.learning is not None:
            self.run.chips, self.learning, self.time = self.learning.chips, None, float("nan")
        self.net.eval().requires_grad_(False)
        self.digest = digest(self.net)
        return self

    def renew(self, t: float, compensation: Compensation | None, calibrate: bool) -> None:
        """Write chips of the names in ``run.chips`` and age them to t [s], for a batch of a training.

        calibrate: set the converters' ranges anew, before the chips age, as ``program`` does.
        """
        for array in self.arrays.values():
            array.program() if calibrate else array.renew()
        if calibrate and self.calibration is not None:
            with evaluating(self.net):
                self._calibrate(batch_of(self.calibration, self.batch_axis), None)
        for array in self.weight_arrays.values():
            array.advance_to(t, compensation)
        self.time = t

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the digital parameters of the network."""
        return self.net.parameters()

    def digital(self) -> nn.Module:
        """Return a plain copy of the network with its digital weights, as they are now."""
        return self.mapped.digital()

    def to(self, device: torch.device | str) -> Chip:
        """Move network, arrays and calibration images; kernels are chosen by device."""
        self.mapped.to(device)
        self.calibration = pytree.tree_map_only(Tensor, lambda x: x.to(device), self.calibration)
        return self

    def save(self, path: str | Path) -> Path:
        """Write the programmed chip to a file; `Chip.load` reads it beside the same network."""
        return save(self, path)

    @staticmethod
    def load(path: str | Path, net: nn.Module, **options: Any) -> Chip:
        """Return the chip in a file, of the network it was made from.

        options: those of `to_crossbar` that the file does not hold (calibration, output, batch_axis).  Raises
        ValueError for a file that is damaged, of another format or of another network.
        """
        return load(path, net, memsim.to_crossbar, **options)

    def _needs_programming(self) -> None:
        if self.time != self.time:
            raise RuntimeError("the chip is not programmed; call chip.program() first")

    def _calibrate(self, batch: Batch, progress: Progress | None) -> None:
        """Find converter ranges over all training images."""
        self.mapped.probed(batch)
        if self.card.ideal:
            return
        starts = list(range(0, batch.count, CALIBRATION_BATCH))
        try:
            with torch.no_grad():
                for start in _reported("calibrating", starts, progress):
                    part = batch.part(start, start + CALIBRATION_BATCH)
                    names = range(CALIBRATION_NAME + start, CALIBRATION_NAME + start + part.count)
                    self.mapped.uncounted(part, names, calibrating=True)
        finally:
            self.run.begin(0)

    def __repr__(self) -> str:
        tiles = sum(getattr(a, "groups", 1) * a.tiles * a.column_tiles for a in self.weight_arrays.values())
        mapping = self.mapping
        left = len(mapping.left)
        return (
            f"Chip({type(self.net).__name__}, {len(self.chips)} chips of card {self.card.name}: "
            f"{len(self.weight_arrays)} weight arrays ({tiles} tiles), {len(self.attention_arrays)} "
            "attention layers, "
            f"{mapping.share('parameters'):.1%} of parameters; {left} products left digital; "
            + ("not programmed)" if self.time != self.time else f"{self.time:g} s after programming)")
        )


def _reported(what: str, items: Sequence[Any], progress: Progress | None) -> Iterable[Any]:
    """Yield the items one by one, each reported when it is done."""
    for number, item in enumerate(items):
        yield item
        if progress is not None:
            progress(what, number + 1, len(items))
