"""Lines of weight cells written with program-and-verify: pairs G+, G-, where each line has its own age.

    share = (h(G+) - h(G-)) / (b n (g_max - g_min))

h(G) is the conductance at the read voltage from the I-V curve (its chord), b the same for the full range
divided by that range, and n the number of devices in parallel.  Cells are those of the card's `[weights]`
section.

Every write draws new programming errors, drift exponents and noise paths, as aihwkit does at each
programming; variation that stays with a device from write to write is not modelled.  Faults do stay: the
stuck, worn and open devices of a chip are the same in every context.  Each device has been written `[wear]
cycles_before` times before, where a write with verify is one cycle; failures follow Weibull's law.

The state of devices is computed at steps of ln(1 + age / t_0) of width `STEP`.  Between two steps a line
drifts by the mean factor, which is evaluated exactly at every read; the conductance of a device whose
exponent differs by d from the mean has a relative error of at most d STEP / 2 (0.1 % for d = 0.04).  1/f
noise with periods above 10 s is constant between steps; faster fluctuations are drawn anew in every read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.noise import bend, carries_noise, read_noise
from memsim.devices import Stream, stream
from memsim.devices.stuck import held
from memsim.devices.weights.weight_cell import WeightState
from memsim.memory.bad_devices import bad_levels
from memsim.memory.cells import LineCells, Shown, in_groups, of_rows, put_rows
from memsim.memory.design import ArrayDesign
from memsim.memory.drive_powers import drive_powers
from memsim.memory.numbered import Numbered

GRID = 64  #: number of shares over which the drift is averaged
STEP = 0.05  #: step of ln(1 + age / t_0) between the times at which devices are computed
RELAXING = 1e-6  #: t_0 of cells that relax with the logarithm of time [s]


class VerifiedCells(LineCells):
    """Devices of a memory that are written with program-and-verify, with the law of the card's weight
    cell.
    """

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int], lines: int) -> None:
        self.design, self.lines = design, lines
        self.cell: Any = design.card.weight_cell
        self.quiet = self.cell.without("flicker-noise") if "flicker-noise" in self.cell.effects else self.cell
        self.root = stream(seed, list(chips), design.name, range(design.heads), "line")
        self.many = design.card.weights.devices_per_weight
        self.noisy = carries_noise(self.cell, design.card) or design.card.weights.amplifier_noise > 0
        self.flicker = 0.0 if self.cell.exact else self.cell.strength("flicker-noise")
        self.written: dict[str, Tensor] = {}  #: targets, programmed conductances and exponents of all lines
        self.shown: Shown | None = None
        self.levels: Tensor | None = (
            None  #: conductance of faulty devices, else NaN (S, H, lines, 2 n, C) [S]
        )
        self.images, self.call = np.zeros(0, np.int64), -1
        self.rng, self.streams = self.root, dict[tuple[Any, ...], Stream]()

    def begin(self, images: np.ndarray, call: int) -> None:
        if len(images) != len(self.images):
            self.written, self.shown = {}, None
        if call != self.call:
            self.call, self.rng, self.streams = call, self.root.child("call", call), {}
        self.images = images
        self.tokens = np.zeros(self.lines, np.int64)
        self.step = np.full(self.lines, -1)  #: step of time for which each line was computed last

    def write(self, rows: Sequence[int], share: Tensor, tokens: Sequence[int]) -> float:
        for some in in_groups(len(share), share[0].numel() * 2 * self.many):
            for name, values in self._programmed(share[some], self._stream(tokens, some)).items():
                if name not in self.written:
                    self.written[name] = _room(values, self.lines, len(share))
                put_rows(self.written[name][some], rows, values)
        self.tokens[rows], self.step[rows] = tokens, -1
        return 0.0

    def _programmed(self, share: Tensor, rng: Numbered) -> dict[str, Tensor]:
        """Return the state of all devices (S, H, B, R, 2 n, C) by name, after they were written."""
        cell = self.cell
        goal = share[..., None, :] * (cell.g_max - cell.g_min)
        target = torch.cat([goal.clamp(min=0), (-goal).clamp_(min=0)] * self.many, -2).add_(cell.g_min)
        state = cell.write(target.clamp_(max=cell.g_max), rng=cast(Any, rng))
        if cell.exact:
            return {"programmed": state.value}
        found = {"programmed": state.programmed, "target": state.target, "exponent": state.exponent}
        return {name: values for name, values in found.items() if values is not None}

    def show(self, rows: Sequence[int], ages: np.ndarray) -> Shown:
        every = np.asarray(rows)
        steps = np.zeros(len(rows), int) if math.isinf(self._unit) else np.rint(
            np.log1p(ages / self._unit) / STEP
        ).astype(int)  # fmt: skip
        stale = steps != self.step[every]
        for step in np.unique(steps[stale]):
            self._look(every[stale & (steps == step)], int(step))
        assert self.shown is not None
        return self.shown.each(lambda x: of_rows(x, rows))

    def _look(self, rows: np.ndarray, step: int) -> None:
        """Compute the state of these lines at a step of time and store it."""
        written = self.written["programmed"]
        chips, at = len(written), rows.tolist()
        for some in in_groups(chips, len(rows) * written[0, :, :, 0].numel()):
            now, unrest = self._aged(rows, step, some)
            plus, minus = _sum(now[..., 0::2, :]), _sum(now[..., 1::2, :])
            unrest = None if unrest is None else _sum(unrest).div_(self.one**2)
            found = Shown((plus - minus).div_(self.one), plus + minus, unrest)
            if self.shown is None:
                self.shown = found.each(lambda x: _room(x, self.lines, chips))
            for kept, values in zip(self.shown, found, strict=True):
                if kept is not None:
                    put_rows(kept[some], at, cast(Tensor, values))
        self.step[rows] = step

    def _aged(self, rows: np.ndarray, step: int, some: slice) -> tuple[Tensor, Tensor | None]:
        """Return the conductances (S, H, B, N, 2 n, C) [S] of some chips, and the variance that is new in
        every read.
        """
        cell, voltage, levels = self.cell, self.design.section.read_voltage, self._levels(rows, some)
        kept = {name: of_rows(x[some], rows.tolist()) for name, x in self.written.items()}
        if cell.exact:
            now = kept["programmed"]
            return (now if levels is None else held(levels, now)), None
        age, rng = self._time(step), self._stream(self.tokens[rows], some)
        state = WeightState(**{"exponent": None, **kept}, rng=cast(Any, rng), t=age)
        now = self.quiet.read(self.quiet.relax(state, age))
        now = now if levels is None else held(levels, now)
        if not self.flicker:
            return cell.chord(now, voltage), None
        amplitude = self.flicker * cell.flicker.amplitude(state.programmed, now, cell.g_scale)
        amplitude = amplitude if levels is None else torch.where(levels.isnan(), amplitude, 0.0)
        path = cell.flicker.slow_path(now, age, rng.child("flicker-noise"))
        seen = cell.chord(path.mul_(amplitude).add_(1.0).mul_(now).clamp_(min=0.0), voltage)
        return seen, (amplitude * seen).square_().mul_(cell.flicker.fast_variance(age))

    def _levels(self, rows: np.ndarray, some: slice) -> Tensor | None:
        """Return the conductances of faulty devices of some chips, else NaN (S, H, 1, N, 2 n, C) [S].

        None: no faults.
        """
        if self.levels is None:
            size = (self.lines, 2 * self.many, self.written["programmed"].shape[-1])
            self.levels = bad_levels(self.root, self.design, size)
            if self.levels is None:
                return None
        return self.levels[some, :, None, torch.as_tensor(rows)]

    def _stream(self, tokens: Any, some: slice) -> Numbered:
        """Return the random stream of these tokens on some chips."""
        places = some.start, some.stop
        if places not in self.streams:
            self.streams[places] = self.rng.of(range(*places))
        return Numbered(self.streams[places], self.images, tokens, self.streams, places)

    @property
    def _unit(self) -> float:
        """Return t_0, the time after which a line ages with the logarithm of time [s]; inf: no ageing."""
        cell = self.cell
        if cell.exact or not cell.ages:
            return math.inf
        if cell.relaxation and cell.strength("relaxation"):
            return RELAXING / cell.pace
        if cell.drift and cell.strength("drift"):
            return cell.drift.t_0 / cell.pace
        return cell.flicker.t_0 if cell.flicker else RELAXING

    def _time(self, step: int) -> float:
        """Return the age that belongs to a step [s]."""
        return 0.0 if step == 0 else self._unit * math.expm1(step * STEP)

    @property
    def pace(self) -> float:
        return self._unit * STEP / 2

    @property
    def one(self) -> float:
        return bend(self.cell, self.design.card) * (self.cell.g_max - self.cell.g_min) * self.many

    def variance(self, drive: Tensor, shown: Shown) -> Tensor | None:
        if shown.unrest is None and not self.noisy:
            return None
        siemens = shown.siemens.flatten(0, 2)  # (S H B, N, C)
        carries = carries_noise(self.cell, self.design.card)
        _, noise = read_noise(siemens if carries else None, self.cell, self.design.card, siemens, 1)
        scale = (noise.factor / (self.design.section.read_voltage * self.one)) ** 2
        each = scale * self.cell.g_scale  # variance per siemens of a device
        squares, carried = drive_powers(
            drive.flatten(0, 2), each * noise.square, each * noise.linear, each * noise.driven
        )
        found = None if shown.unrest is None else squares @ shown.unrest.flatten(0, 2)
        if carries:
            found = carried @ siemens if found is None else found.baddbmm_(carried, siemens)
        if found is None:
            found = squares.new_zeros(*squares.shape[:2], siemens.shape[-1])
        if noise.floor_SKC is not None:
            found += scale * noise.floor_SKC
        return found.unflatten(0, shown.share.shape[:3])

    def gain(self, ages: Tensor) -> Tensor:
        if not self.design.drifts or not ages.numel():
            return super().gain(ages)
        drift = self.cell.drift
        target = torch.linspace(0.0, 1.0, GRID, dtype=torch.float64) * (self.cell.g_max - self.cell.g_min)
        x = (target + self.cell.g_min) / self.cell.g_scale
        nu = drift.mean(x) * self.cell.strength("drift")
        each, of = ages.double().unique(return_inverse=True)
        left = (-(each * self.cell.pace / drift.t_0).log1p()[:, None] * nu).exp() @ x
        return (left / x.sum())[of]

    def since(self, rows: Sequence[int], ages: Tensor) -> Tensor | None:
        if not self.design.drifts:
            return None
        steps = torch.from_numpy(self.step[np.asarray(rows)]).double()
        shown = torch.where(steps > 0, self._unit * (steps * STEP).expm1(), 0.0)
        return self.gain(ages) / self.gain(shown)


def _sum(devices: Tensor) -> Tensor:
    """Return the sum over parallel devices (..., n, C)."""
    return devices[..., 0, :] if devices.shape[-2] == 1 else devices.sum(-2)


def _room(values: Tensor, lines: int, chips: int) -> Tensor:
    """Return zeros of the shape of values (S, H, B, R, ...), for all chips and lines."""
    shape = list(values.shape)
    shape[0], shape[3] = chips, lines
    return values.new_zeros(shape)
