"""A weight array: a learned matrix as pairs of devices, cut into tiles, aged, read through converters.

    W_rc = (G+_rc - G-_rc) / k_c,   k_c = g_max / max_r |W_rc|      one device carries the weight, one rests
    I_c  = V_read sum_r x_r (G+_rc - G-_rc),   y_c = ADC(I_c) / (V_read k_c) x compensation

The two devices of a pair keep a state of their own through time.  Inputs longer than a tile are cut into
equal row tiles, each with its own ADC conversion; their sums are digital.  Shapes: chips S, row tiles K, rows
R, columns C.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

import devices
from memsim.converters import quantise
from memsim.readout import ReadOut
from memsim.run import Run


class WeightArray:
    """The arrays of one layer on every chip.

    ``program`` writes the pairs, ``advance_to`` ages them, ``read`` multiplies.  matrix_RC [any unit]; x (T,
    S, B, P, R). Raises ValueError for a matrix that is not finite.
    """

    def __init__(self, name: str, matrix_RC: Tensor, run: Run) -> None:
        if not torch.isfinite(matrix_RC).all():
            raise ValueError(f"{name}: weights hold NaN or infinity; a damaged checkpoint?")
        self.name, self.run, self.cell = name, run, run.card.weight_cell
        section = run.card.weights
        matrix_RC = matrix_RC.detach().to(run.dtype)
        self.rows, self.columns = matrix_RC.shape
        self.tiles = math.ceil(self.rows / section.tile_rows)
        self.tile_height = math.ceil(self.rows / self.tiles)
        self.column_tiles = math.ceil(self.columns / section.tile_columns)
        peak = (
            matrix_RC.abs().amax(0)
            if section.scaling == "column"
            else matrix_RC.abs().amax().expand(self.columns)
        )
        self.scale_C = section.g_max / torch.where(
            peak > 0, peak, torch.ones_like(peak)
        )  # siemens for a weight of one
        goal = matrix_RC * self.scale_C
        self.target_2RC = torch.stack([goal.clamp(min=0), (-goal).clamp(min=0)])  # G+, G-
        self.rng = devices.stream(run.seed, list(run.chips), name)
        self.state: Any = None
        self.one_bit: bool | None = None  # do spikes drive the rows, or numbers? Told by the first input
        self.input_peak: Tensor | None = None  # (S,) largest number seen in calibration
        self.full_scale: Tensor | None = None  # (S, K) largest current seen in calibration [A]

    def program(self) -> None:
        """Write every pair once; the chip is new (t = 0) and its converters are not calibrated."""
        target = self.target_2RC.expand(len(self.run.chips), *self.target_2RC.shape)
        self.state = self.cell.write(target, rng=self.rng)
        self.one_bit = self.input_peak = self.full_scale = None
        self._sense(self.state)
        self.reference_S = self._mean_column()
        self.compensation_S = torch.ones_like(self.reference_S)

    def advance_to(self, t: float) -> None:
        """Age the array to t [s] after programming; compensate the mean drift where the card says so."""
        self.state = self.cell.relax(self.state, t, rng=self.rng)
        self._sense(self.state)
        if self.run.card.weights.compensation == "global":
            now = self._mean_column()
            self.compensation_S = torch.where(now > 0, self.reference_S / now, torch.ones_like(now))

    def conductance(self) -> Tensor:
        """Conductances now, (S, 2, R, C) [S]: pairs as G+, G-."""
        return self.conductance_S2RC

    def _sense(self, state: Any) -> None:
        """Take the conductances of this moment and lay them out for reading: (S, K, rows of a tile, C)."""
        self.conductance_S2RC = self.cell.read(state, rng=self.rng).to(self.run.dtype)
        plus, minus = self.conductance_S2RC.unbind(1)
        self.volt_siemens = self._by_tile(plus - minus).mul(self.run.card.weights.read_voltage)
        self.noisy = self.cell.on("read-noise") and self.cell.read_noise > 0
        sums = self._by_tile(plus + minus)
        self.row_siemens = sums.sum(-1, dtype=torch.float64)
        if self.noisy:  # the columns' noise power rides along in the same multiplication
            self.noise_gain = sums.mul(self.run.card.weights.g_max)
            self.both = torch.cat([self.volt_siemens, self.noise_gain], -1)

    def _by_tile(self, g: Tensor) -> Tensor:
        """(S, R, C) -> (S, K, rows of a tile, C), the last tile filled up with zeros."""
        pad = (0, 0, 0, self.tiles * self.tile_height - self.rows)
        return torch.nn.functional.pad(g, pad).unflatten(1, (self.tiles, self.tile_height))

    def _mean_column(self) -> Tensor:
        """Mean |G+ - G-| of each chip (S,), told by reading every row once: what compensation goes by."""
        plus, minus = self.conductance_S2RC.unbind(1)
        return (plus - minus).abs().mean((1, 2))

    def read(self, x: Tensor) -> Tensor:
        """Multiply: x (T, S, B, P, R) -> (T, S, B, P, C), P positions (tokens or pixels) of an image."""
        steps, chips, images, positions, rows = x.shape
        drive = self._drive(x.to(self.run.dtype))
        if rows != self.tiles * self.tile_height:
            drive = torch.nn.functional.pad(drive, (0, self.tiles * self.tile_height - rows))
        drive = drive.unflatten(-1, (self.tiles, -1)).permute(1, 4, 0, 2, 3, 5)  # (S, K, T, B, P, rows)
        drive = drive.reshape(chips, self.tiles, -1, self.tile_height)
        self._count(drive)
        out = self._digitise(*self._ohm_and_kirchhoff(drive), steps, positions)
        return out.view(chips, steps, images, positions, self.columns).movedim(0, 1)

    def _drive(self, x: Tensor) -> Tensor:
        """Row drives in units of the read voltage: spikes as they are, numbers through a DAC."""
        run = self.run
        if self.one_bit is None or run.calibrating:
            self.one_bit = bool(((x == 0) | (x == 1)).all())
            self.signed_input = bool((x < 0).any())
        if self.one_bit:
            return x
        if run.calibrating:
            self.input_peak = x.abs().amax((0, 2, 3, 4)).clamp(min=1e-12)
        if self.input_peak is None:  # no DAC, never calibrated: numbers as they are
            return x
        peak = self.input_peak.view(1, -1, 1, 1, 1)
        if run.calibrating or not run.card.on("dac"):
            return x / peak
        return quantise(x, peak, run.card.weights.dac_bits, signed=self.signed_input) / peak

    def _ohm_and_kirchhoff(self, drive: Tensor) -> tuple[Tensor, Tensor | None]:
        """Column currents of every tile (S, K, M, C) [A], and g_max sum_r x_r^2 (G+ + G-) for their noise."""
        if not self.noisy:
            return drive @ self.volt_siemens, None
        if self.one_bit and not drive.requires_grad:
            current, power = (drive @ self.both).chunk(2, -1)
            return current, power
        return drive @ self.volt_siemens, drive.detach().square() @ self.noise_gain

    def _digitise(self, current: Tensor, power: Tensor | None, steps: int, positions: int) -> Tensor:
        """Read noise, ADC and digital sum over row tiles: (S, K, M, C) -> (S, M, C)."""
        run, card = self.run, self.run.card.weights
        if run.calibrating:
            self.full_scale = current.detach().abs().amax((2, 3)).clamp(min=1e-15)
        elif self.full_scale is None and run.card.on("adc"):
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )
        gain = self.compensation_S[:, None] / (self.scale_C * card.read_voltage)
        rounds = run.card.on("adc") and not run.calibrating
        read_out = ReadOut(
            bits=card.adc_bits if rounds else 0,
            full_scale_SK=torch.ones(current.shape[:2]) if self.full_scale is None else self.full_scale,
            gain_SC=gain if self.input_peak is None else gain * self.input_peak[:, None],
            noise=self.cell.read_noise * card.read_voltage,
            rng=self.rng.child("read"),
            images=run.images,
        )
        out, clips = read_out(current, power, steps, positions)
        if rounds:
            run.ledger.note(self.name, "clipped conversions", clips)
        return out

    def _count(self, drive: Tensor) -> None:
        """Enter the events of one read: drives, conversions, digital adds, the actual sum of V^2 G t."""
        run, card = self.run, self.run.card.weights
        if run.calibrating or not run.ledger.open:
            return
        drive = drive.detach()
        square = (drive if self.one_bit else drive.square()).sum(2)  # (S, K, rows of a tile)
        run.ledger.add_read(
            self.name, (square * self.row_siemens).sum() * card.read_voltage**2 * card.read_time
        )
        vectors = drive.shape[0] * drive.shape[2]
        if self.one_bit:
            run.ledger.add(self.name, "row-drive", square.sum() * self.column_tiles)
        else:
            run.ledger.add(self.name, "row-drive", drive.count_nonzero() * self.column_tiles)
            run.ledger.add(self.name, "dac-conversion", vectors * self.rows)
        if not run.card.ideal:
            run.ledger.add(self.name, f"adc-{card.adc_bits}b", vectors * self.columns * self.tiles)
        run.ledger.add(self.name, "digital-add", vectors * self.columns * (self.tiles - 1))

    @property
    def kappa(self) -> float:
        """r g_max N^2 of the largest tile [1]; above .3 wires matter, above 1 they rule."""
        side = max(math.ceil(self.rows / self.tiles), math.ceil(self.columns / self.column_tiles))
        return self.run.card.wire_resistance * self.run.card.weights.g_max * side**2

    @property
    def utilisation(self) -> float:
        """Share of the cells of the allotted full-size tiles that hold a weight."""
        section = self.run.card.weights
        cells = self.tiles * self.column_tiles * section.tile_rows * section.tile_columns
        return self.rows * self.columns / cells
