"""A weight array: a learned matrix as pairs of devices, cut into tiles, aged, read through converters.

    W_rc = (G+_rc - G-_rc) / k_c,   k_c = n (g_max - g_min) / max_r |W_rc|
    I_c  = V_read sum_r x_r (h(G+_rc) - h(G-_rc)),   y_c = ADC(I_c) / (V_read b k_c) x compensation_c

One side carries the weight, one rests at g_min.  h(G) = I(V_read) / V_read is the chord of the cell's I-V
curve, G itself where it has none; b = (h(g_max) - h(g_min)) / (g_max - g_min), so that the largest weight
reads right and what curvature is left bends those between.  Rows that a DAC drives are read along the same
chord, a limitation.
G+ and G- are sums over n devices in parallel, each written to the n-th part, each with a state of its own
through time.  Compensation is the mean |G+ - G-| after the last write over that of now, of the whole layer or
of each column (aihwkit's GlobalDriftCompensation and PerColumnDriftCompensation).  Inputs longer than a tile
are cut into equal row tiles, each with its own ADC conversion; their sums are digital.  Shapes: chips S, row
tiles K, rows R, columns C, devices of a weight D = 2 n.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from memsim import devices
from memsim.arrays.reading.converters import quantise
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading, ReadOut, unfold
from memsim.card.sections import Compensation
from memsim.run import Run

UPKEEP = ("writes", "write energy [J]", "reads", "read energy [J]")
"""Keys of what an array's upkeep is counted in."""


class WeightArray:
    """The arrays of one layer on every chip.

    ``program`` writes the devices, ``advance_to`` ages them and sets the compensation, ``read`` multiplies.
    matrix_RC [any unit]; x (T, S, B, P, R). Raises ValueError for a matrix that is not finite.
    """

    def __init__(self, name: str, matrix_RC: Tensor, run: Run) -> None:
        if not torch.isfinite(matrix_RC).all():
            raise ValueError(f"{name}: weights hold NaN or infinity; a damaged checkpoint?")
        self.name, self.run, self.cell = name, run, run.card.weight_cell
        section = run.card.weights
        matrix_RC = matrix_RC.detach().to(run.dtype)
        self.rows, self.columns = matrix_RC.shape
        self.tiles, self.column_tiles = section.tiles(self.rows, self.columns)
        peak = (
            matrix_RC.abs().amax(0)
            if section.scaling == "column"
            else matrix_RC.abs().amax().expand(self.columns)
        )
        low, high = self.cell.g_min, self.cell.g_max
        device_C = (high - low) / torch.where(peak > 0, peak, torch.ones_like(peak))
        goal = matrix_RC * device_C  # of each device
        ends = self.cell.chord(torch.tensor([low, high], dtype=torch.float64), section.read_voltage)
        self.bend = float(ends[1] - ends[0]) / (high - low)
        self.scale_C = device_C * (self.bend * section.devices_per_weight)  # siemens for a weight of one
        self.target_2RC = torch.stack([goal.clamp(min=0), (-goal).clamp(min=0)]) + low  # G+, G-
        self.rng = devices.stream(run.seed, list(run.chips), name)
        self.read_rng = self.rng.child("read")
        self.state: Any = None
        self.one_bit: bool | None = None  # do spikes drive the rows, or numbers? Told by the first input
        self.input_peak: Tensor | None = None  # (S,) largest number seen in calibration
        self.full_scale: Tensor | None = None  # (S, K) largest current seen in calibration [A]

    def program(self) -> None:
        """Write every device once; the chip is new (t = 0) and its converters are not calibrated."""
        self.one_bit = self.input_peak = self.full_scale = None
        self._write(0)
        self._compensate("none")

    def advance_to(self, t: float, compensation: Compensation | None = None) -> None:
        """Age the array to t [s] after programming, then compensate (None: as the card says).

        Compensation is digital: it changes no conductance, and at the time the array already stands at it
        alone is set anew.
        """
        section = self.run.card.weights
        if t != self.time:
            cycle, age = section.last_write(t)
            if cycle != self.cycle:
                self._write(cycle)
            self.state = self.cell.relax(self.state, age, rng=self.rng)
            self._sense()
            self.time = t
        self._compensate(compensation or section.compensation)

    def conductance(self) -> Tensor:
        """Conductances of all devices now, (S, 2 n, R, C) [S]: the n of G+, then the n of G-."""
        devices = self.conductance_SDRC.unflatten(1, (-1, 2))
        return devices.transpose(1, 2).flatten(1, 2)

    @property
    def upkeep(self) -> dict[str, float]:
        """What keeping one chip's array fit has cost until now: device writes, rows x columns read, and the
        energy of both [J].

        The first programming is not counted. Where the array is compensated, every row is read alone once
        after each rewriting and once now: row drives, one conversion and one addition for each column, and
        the sum of V^2 G t at the conductances of now (mean over chips).
        """
        run, card = self.run, self.run.card.weights
        writes = self.cycle * self.conductance_SDRC[0].numel()
        readings = 0 if self.compensation == "none" else self.cycle + 1
        conversions = readings * self.rows * self.columns
        spent = {
            f"program-{self.cell.technology.lower()}": writes,
            "row-drive": readings * self.rows * self.column_tiles,
            f"adc-{card.adc_bits}b": conversions,
            "digital-add": conversions,
        }
        energy = {event: n * run.card.price(event).energy if n else 0.0 for event, n in spent.items()}
        siemens = float(self.row_siemens_SR.sum()) / len(run.chips)
        write, *read = energy.values()
        joule = sum(read) + card.read_joule(readings * siemens)
        return dict(zip(UPKEEP, (writes, write, conversions, joule), strict=True))

    def _write(self, cycle: int) -> None:
        """Write every device, the first time (cycle 0) or again: each cycle has a stream of its own."""
        section = self.run.card.weights
        self.cycle, self.time = cycle, cycle * (section.reprogram_every or 0.0)
        target = self.target_2RC.repeat(section.devices_per_weight, 1, 1)  # G+, G-, G+, G-, ...
        rng = self.rng.child("rewrite", cycle) if cycle else self.rng
        self.state = self.cell.write(target.expand(len(self.run.chips), *target.shape), rng=rng)
        self._sense()
        self.reference = self.mean_difference

    def _sense(self) -> None:
        """Take the conductances of this moment."""
        self.conductance_SDRC = self.cell.read(self.state, rng=self.rng).to(self.run.dtype)
        chord = self.cell.chord(self.conductance_SDRC, self.run.card.weights.read_voltage)
        plus, minus = chord[:, 0::2].sum(1), chord[:, 1::2].sum(1)
        difference = plus - minus
        self.volt_SRC = difference * self.run.card.weights.read_voltage
        noisy = self.cell.on("read-noise") and self.cell.read_noise > 0
        self.power_SRC = (plus + minus).mul(self.cell.g_max) if noisy else None
        self.row_siemens_SR = (plus + minus).sum(-1, dtype=torch.float64)
        difference = difference.abs_()
        self.mean_difference = {"global": difference.mean((1, 2))[:, None], "column": difference.mean(1)}

    def _compensate(self, compensation: Compensation) -> None:
        """The digital factor of each column, (S, C) or (S, 1): 1 where nothing is left to go by."""
        self.compensation = "none" if self.cell.exact else compensation
        if self.compensation == "none":
            self.compensation_SC = torch.ones(len(self.run.chips), 1, dtype=self.run.dtype)
            return
        before, now = self.reference[compensation], self.mean_difference[compensation]
        self.compensation_SC = torch.where((before > 0) & (now > 0), before / now, torch.ones_like(now))

    def read(self, x: Tensor, unrolling: Unrolling | None = None) -> Tensor:
        """Multiply: x (T, S, B, P, R) -> (T, S, B, P, C), P positions (tokens or pixels) of an image.

        With an unrolling x is (T, S, B, F), and it says which of an image's F values drives which row at a
        position: a convolution that need not be laid out.
        """
        drive = self._drive(x.to(self.run.dtype).flatten(3))
        if self.run.calibrating:
            self.full_scale = self._largest_current(unfold(drive.detach(), unrolling, self.rows))
        reading = self._read_out()(drive, unrolling)
        self._count(reading, reading.numbers.numel() // self.columns)
        return reading.numbers

    def _drive(self, x: Tensor) -> Tensor:
        """Row drives in units of the read voltage: spikes as they are, numbers through a DAC."""
        run = self.run
        if self.one_bit is None or run.calibrating:
            self.one_bit = bool(((x == 0) | (x == 1)).all())
            self.signed_input = bool((x < 0).any())
        if self.one_bit:
            return x
        if run.calibrating:
            self.input_peak = x.abs().amax((0, 2, 3)).clamp(min=1e-12)
        if self.input_peak is None:  # no DAC, never calibrated: numbers as they are
            return x
        peak = self.input_peak.view(1, -1, 1, 1)
        if run.calibrating or not run.card.on("dac"):
            return x / peak
        return quantise(x, peak, run.card.weights.dac_bits, signed=self.signed_input) / peak

    def _read_out(self) -> ReadOut:
        """How the array is read now: without rounding while it is calibrated."""
        run, card = self.run, self.run.card.weights
        if self.full_scale is None and run.card.on("adc"):
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )
        gain = self.compensation_SC / (self.scale_C * card.read_voltage)
        return ReadOut(
            volt_SRC=self.volt_SRC,
            power_SRC=self.power_SRC,
            row_siemens_SR=self.row_siemens_SR,
            full_scale_SK=torch.ones(len(gain), self.tiles) if self.full_scale is None else self.full_scale,
            gain_SC=gain if self.input_peak is None else gain * self.input_peak[:, None],
            bits=card.adc_bits if run.card.on("adc") and not run.calibrating else 0,
            noise=self.cell.read_noise * card.read_voltage,
            rng=self.read_rng,
            images=run.images,
        )

    def _largest_current(self, drive: Tensor) -> Tensor:
        """Largest current of each chip and tile (S, K) [A] over the calibration images (T, S, B, P, R)."""
        height = math.ceil(self.rows / self.tiles)
        by_chip = drive.movedim(1, 0).flatten(1, 3)
        peaks = [
            (x @ volt).abs().amax((1, 2))
            for x, volt in zip(by_chip.split(height, -1), self.volt_SRC.split(height, 1), strict=True)
        ]
        return torch.stack(peaks, 1).clamp(min=1e-15)

    def _count(self, reading: Reading, vectors: int) -> None:
        """Enter the events of one read: drives, conversions, digital adds, the actual sum of V^2 G t; and its
        time: one vector after the other, all tiles and columns at once.
        """
        run, card = self.run, self.run.card.weights
        if run.calibrating or not run.ledger.open:
            return
        run.ledger.add_read(self.name, card.read_joule(reading.siemens))
        run.ledger.add(self.name, "row-drive", reading.driven * self.column_tiles)
        if not self.one_bit:
            run.ledger.add(self.name, "dac-conversion", vectors * self.rows)
        if not run.card.ideal:
            run.ledger.add(self.name, f"adc-{card.adc_bits}b", vectors * self.columns * self.tiles)
            run.ledger.note(self.name, "clipped conversions", reading.clips)
        run.ledger.add(self.name, "digital-add", vectors * self.columns * (self.tiles - 1))
        run.ledger.add_time(self.name, vectors * card.cycle_time)

    @property
    def kappa(self) -> float:
        """r n g_max N^2 of the largest tile [1]; above .3 wires matter, above 1 they rule."""
        section = self.run.card.weights
        side = section.longest_side(self.rows, self.columns)
        return self.run.card.wire_resistance * self.cell.g_max * section.devices_per_weight * side**2
