"""Lines of weight cells, written with verify: pairs G+, G- of a card's `[weights]`, each line with its age.

    share = (h(G+) - h(G-)) / (b n (g_max - g_min)),   h the chord of the I-V curve, n devices in parallel

Every write draws programming error, drift exponent and paths through time anew, as aihwkit does at each
programming: what of it belongs to the device and would come again at its next write is not modelled.  Faults
do belong to it: a chip's stuck, worn and open ones are the same for every context.  Each device has been
through `[wear] cycles_before` writes, a write with verify being one cycle, and failed by Weibull's law.

Devices are aged at steps of ln(1 + age / t_0), `STEP` wide.  From step to step a line drifts by its mean
factor alone, which is exact at every read; a device whose exponent is apart from the mean by d is off by at
most d STEP / 2 of its conductance (.1 % for d = .04), and 1/f noise of periods above 10 s stands still.  What
is faster than 10 s is new in every read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.noise import bend, carries_noise, read_noise
from memsim.devices import stream
from memsim.devices.stuck import held
from memsim.devices.weights.weight_cell import WeightState
from memsim.memory.bad_devices import bad_levels
from memsim.memory.cells import LineCells, Shown, of_rows
from memsim.memory.design import ArrayDesign
from memsim.memory.drive_powers import drive_powers
from memsim.memory.numbered import Numbered

GRID = 64  #: shares over which the mean drift is taken
STEP = 0.05  #: of ln(1 + age / t_0), between times at which devices are aged
RELAXING = 1e-6  #: t_0 of cells that relax by the logarithm of time [s]


class VerifiedCells(LineCells):
    """Devices of the weight cell."""

    def __init__(self, design: ArrayDesign, seed: int, chips: Sequence[int], lines: int) -> None:
        self.design, self.lines = design, lines
        self.cell: Any = design.card.weight_cell
        self.quiet = self.cell.without("flicker-noise") if "flicker-noise" in self.cell.effects else self.cell
        self.root = stream(seed, list(chips), design.name, range(design.heads), "line")
        self.many = design.card.weights.devices_per_weight
        self.noisy = carries_noise(self.cell, design.card) or design.card.weights.amplifier_noise > 0
        self.flicker = 0.0 if self.cell.exact else self.cell.strength("flicker-noise")
        self.written: dict[str, Tensor] = {}  #: targets, conductances after the write, exponents of all lines
        self.shown: Shown | None = None
        self.levels: Tensor | None = None  #: of faulty devices, NaN of others (S, H, lines, 2 n, C) [S]
        self.images = np.zeros(0, np.int64)

    def begin(self, images: np.ndarray, call: int) -> None:
        if len(images) != len(self.images):
            self.written, self.shown = {}, None
        self.images, self.rng = images, self.root.child("call", call)
        self.tokens = np.zeros(self.lines, np.int64)
        self.step = np.full(self.lines, -1)  #: at which devices were aged last

    def write(self, rows: Sequence[int], share: Tensor, tokens: Sequence[int]) -> float:
        cell = self.cell
        goal = share[..., None, :] * (cell.g_max - cell.g_min)
        target = torch.cat([goal.clamp(min=0), (-goal).clamp(min=0)] * self.many, -2) + cell.g_min
        state = cell.write(target.clamp(max=cell.g_max), rng=self._stream(tokens))
        if cell.exact:
            found = {"programmed": state.value}
        else:
            found = {"programmed": state.programmed, "target": state.target, "exponent": state.exponent}
        at = torch.as_tensor(list(rows))
        for name, values in found.items():
            if values is not None:
                if name not in self.written:
                    self.written[name] = _room(values, self.lines)
                self.written[name][:, :, :, at] = values
        self.tokens[rows], self.step[rows] = tokens, -1
        return 0.0

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
        """Age these lines to a step, and keep what reads then see of them."""
        now, unrest = self._aged(rows, step)
        plus, minus = _sum(now[..., 0::2, :]), _sum(now[..., 1::2, :])
        unrest = None if unrest is None else _sum(unrest) / self.one**2
        found = Shown((plus - minus) / self.one, plus + minus, unrest)
        if self.shown is None:
            self.shown = found.each(lambda x: _room(x, self.lines))
        at = torch.as_tensor(rows)
        for kept, values in zip(self.shown, found, strict=True):
            if kept is not None:
                kept[:, :, :, at] = cast(Tensor, values)
        self.step[rows] = step

    def _aged(self, rows: np.ndarray, step: int) -> tuple[Tensor, Tensor | None]:
        """What reads see of devices (S, H, B, N, 2 n, C) [S], and the variance of what is new each time."""
        cell, voltage, levels = self.cell, self.design.section.read_voltage, self._levels(rows)
        kept = {name: of_rows(x, rows.tolist()) for name, x in self.written.items()}
        if cell.exact:
            now = kept["programmed"]
            return (now if levels is None else held(levels, now)), None
        age, rng = self._time(step), self._stream(self.tokens[rows])
        state = WeightState(**{"exponent": None, **kept}, rng=cast(Any, rng), t=age)
        now = self.quiet.read(self.quiet.relax(state, age))
        now = now if levels is None else held(levels, now)
        if not self.flicker:
            return cell.chord(now, voltage), None
        amplitude = self.flicker * cell.flicker.amplitude(state.programmed, now, cell.g_scale)
        amplitude = amplitude if levels is None else torch.where(levels.isnan(), amplitude, 0.0)
        path = cell.flicker.slow_path(now, age, rng.child("flicker-noise"))
        seen = cell.chord((now * (1.0 + amplitude * path)).clamp(min=0.0), voltage)
        return seen, (amplitude * seen).square() * cell.flicker.fast_variance(age)

    def _levels(self, rows: np.ndarray) -> Tensor | None:
        """Levels of the faulty devices of these lines, NaN of others (S, H, 1, N, 2 n, C) [S]; None: none."""
        if self.levels is None:
            size = (self.lines, 2 * self.many, self.written["programmed"].shape[-1])
            self.levels = bad_levels(self.root, self.design, size)
            if self.levels is None:
                return None
        return self.levels[:, :, None, torch.as_tensor(rows)]

    def _stream(self, tokens: Any) -> Numbered:
        return Numbered(self.rng, self.images, tokens)

    @property
    def _unit(self) -> float:
        """Time from which a line ages by the logarithm of its age, t_0 [s]; inf: it does not."""
        cell = self.cell
        if cell.exact or not cell.ages:
            return math.inf
        if cell.relaxation and cell.strength("relaxation"):
            return RELAXING / cell.pace
        if cell.drift and cell.strength("drift"):
            return cell.drift.t_0 / cell.pace
        return cell.flicker.t_0 if cell.flicker else RELAXING

    def _time(self, step: int) -> float:
        """Age at a step [s]."""
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
        each = scale * self.cell.g_scale  # of the siemens of a device
        squares, carried = drive_powers(
            drive.flatten(0, 2), each * noise.square, each * noise.linear, each * noise.driven
        )
        found = squares.new_zeros(*squares.shape[:2], siemens.shape[-1])
        if noise.floor_SKC is not None:
            found += scale * noise.floor_SKC
        if shown.unrest is not None:
            found.baddbmm_(squares, shown.unrest.flatten(0, 2))
        if carries:
            found.baddbmm_(carried, siemens)
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
    """The sum over parallel devices (..., n, C)."""
    return devices[..., 0, :] if devices.shape[-2] == 1 else devices.sum(-2)


def _room(values: Tensor, lines: int) -> Tensor:
    """Zeros for all lines of what is (S, H, B, R, ...)."""
    shape = list(values.shape)
    shape[3] = lines
    return values.new_zeros(shape)
