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
are cut into equal row tiles, each with its own ADC conversion; their sums are digital.  Shapes: chips S,
groups G (blocks of a grouped convolution, else 1), row tiles K, rows R, columns C.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from memsim import devices
from memsim.arrays.compensation import factors
from memsim.arrays.ranges import Drives, Ranges
from memsim.arrays.reading.grouping import by_array, by_image, of_chips
from memsim.arrays.reading.noise import bend, read_noise
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading, ReadOut, largest_current, together
from memsim.arrays.tile_lines import behind, lines_of
from memsim.arrays.upkeep import upkeep
from memsim.arrays.weight_devices import Sensed, conductances, sense, siemens_per_unit
from memsim.arrays.weight_events import count_read
from memsim.card.sections import Compensation
from memsim.run import Address, Run


class WeightArray(nn.Module):
    """The arrays of one layer on every chip.

    ``program`` writes the devices, ``advance_to`` ages them and sets the compensation, ``calibrate`` finds
    the converters' ranges, ``read`` multiplies.  blocks (R, C) or (G, R, C) [any unit]: the learned matrix,
    looked at when devices are written or aged.  Raises ValueError for a matrix that is not finite.
    """

    volt_SRC: Tensor  #: current for a fully driven row [A]
    power_SRC: Tensor | None  #: g_max (G+ + G-) [S^2], where reads are noisy
    row_siemens_SR: Tensor  #: G+ + G- of a row [S]
    gain_SC: Tensor  #: compensation over scale: turns amperes into the layer's numbers

    def __init__(self, name: str, blocks: Tensor, run: Run) -> None:
        super().__init__()
        self.name, self.run, self.cell = name, run, run.card.weight_cell
        self.blocks = blocks.detach() if blocks.dim() == 3 else blocks.detach()[None]
        if not torch.isfinite(self.blocks).all():
            raise ValueError(f"{name}: weights hold NaN or infinity; a damaged checkpoint?")
        self.groups, self.rows, self.columns = self.blocks.shape
        self.tiles, self.column_tiles = run.card.weights.tiles(self.rows, self.columns)
        self._name_streams()
        self.ranges = Ranges(name)
        self.time, self.cycle = float("nan"), 0
        self.dtype, section = run.dtype, run.card.weights
        self.read_energy, self.cycle_time = section.read_joule(1.0), section.cycle_time  #: [V^2 s], [s]
        self._prepared: dict[int, list[tuple[Drives | None, ReadOut]]] = {}  #: by call, as they are needed
        for buffer in ("volt_SRC", "power_SRC", "row_siemens_SR", "gain_SC"):
            self.register_buffer(buffer, None)

    def _name_streams(self) -> None:
        """Random streams of the chips in ``run``, a key for each chip (and group)."""
        self.rng = devices.stream(self.run.seed, list(self.run.chips), self.name)
        if self.groups > 1:
            self.rng = self.rng.child("group", range(self.groups))
        self.read_rng = self.rng.child("read")

    def program(self) -> None:
        """Write every device once; the chip is new (t = 0) and its converters are not calibrated."""
        self.ranges = Ranges(self.name)
        self.renew()

    def renew(self) -> None:
        """Write the devices of the chips in ``run``; the converters' ranges stay."""
        self._name_streams()
        self.cycle, self.time = 0, 0.0
        written = self._sense(0, 0.0)
        self.reference = written.means
        self._see(written)
        self._compensate("none")

    def advance_to(self, t: float, compensation: Compensation | None = None) -> None:
        """Age the array to t [s] after programming, then compensate (default: as the card says).

        Compensation is digital: it changes no conductance.
        """
        section = self.run.card.weights
        cycle, age = section.last_write(t)
        if t != self.time:
            if cycle != self.cycle:
                self.cycle, self.reference = cycle, self._sense(cycle, 0.0).means
            self.time = t
            self._see(self._sense(cycle, age))
        self._compensate(compensation or section.compensation)

    def conductance(self) -> Tensor:
        """Conductances of all devices now, (S G, 2 n, R, C) [S]: the n of G+, then the n of G-."""
        cycle, age = self.run.card.weights.last_write(self.time)
        return conductances(self.cell, self.goal(), rng=self._write_rng(cycle), age=age, pairs=self._pairs)

    @property
    def _pairs(self) -> int:
        return self.run.card.weights.devices_per_weight

    def _per_unit(self) -> Tensor:
        """Conductance of one device for a weight of one, (G, 1, C) [S]."""
        return siemens_per_unit(self.blocks, self.cell, self.run.card.weights.scaling)

    def goal(self) -> Tensor:
        """Signed conductance that one device of each pair is to carry above g_min, (G, R, C) [S]."""
        return (self.blocks * self._per_unit()).to(self.run.dtype)

    def _write_rng(self, cycle: int) -> devices.Stream:
        return self.rng.child("rewrite", cycle) if cycle else self.rng

    def _sense(self, cycle: int, age: float) -> Sensed:
        """What the devices of a write show `age` seconds after it."""
        section, lines, noisy = self.run.card.weights, lines_of(self.run.card), self._noisy
        sensed = sense(
            self.cell, self.goal(), rng=self._write_rng(cycle), age=age, pairs=self._pairs,
            voltage=section.read_voltage, total=noisy or lines is not None, dtype=self.run.dtype,
        )  # fmt: skip
        if lines is None:
            return sensed
        return behind(lines, sensed, (self.tiles, self.column_tiles), section.row_activity, noisy)

    @property
    def _noisy(self) -> bool:
        return self.cell.on("read-noise") and self.cell.read_noise > 0

    def _see(self, now: Sensed) -> None:
        """Take the conductances of this moment."""
        self.mean, self._prepared = now.means, {}
        self.volt_SRC = now.difference_SRC.mul_(self.run.card.weights.read_voltage)
        self.power_SRC = None if now.total_SRC is None else now.total_SRC.mul_(self.cell.g_scale)
        self.row_siemens_SR = now.row_siemens_SR

    def _compensate(self, compensation: Compensation) -> None:
        """Set the digital factor of each column."""
        self.compensation = "none" if self.cell.exact else compensation
        chips, voltage = len(self.run.chips), self.run.card.weights.read_voltage
        one = torch.ones(chips, 1, dtype=self.run.dtype, device=self.volt_SRC.device)
        self.compensation_SC = factors(self.compensation, self.reference, self.mean, one)
        self._prepared = {}
        gain = self.compensation_SC / (self.scale_C * voltage)
        self.gain_SC = gain.expand(chips, -1).reshape(chips * self.groups, self.columns).contiguous()

    @property
    def scale_C(self) -> Tensor:
        """Siemens that a read sees for a weight of one, (G C,)."""
        return self._per_unit().to(self.run.dtype).flatten() * (bend(self.cell, self.run.card) * self._pairs)

    def calibrate(self, drive: Tensor, at: Address, unrolling: Unrolling | None = None) -> Tensor:
        """Note what drives the rows and the currents it makes, as `read` takes them; returns exact numbers.

        Converter ranges, and whether a call carries spikes or numbers, are decided over all calls.
        """
        x = by_array(drive, self.groups)
        self._check_signs(drive)
        self._prepared = {}
        self.ranges.note(
            at.call,
            drive,
            largest_current(x.detach(), unrolling, self.volt_SRC, self.tiles),
            len(self.run.chips),
        )
        return self._numbers(self._read_out(None)(x, unrolling, at), unrolling)

    def read(
        self, drive: Tensor, at: Address | None = None, unrolling: Unrolling | None = None,
        blocks: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Multiply: drive (T, S, B, P R) -> (T, S, B, P, C), P positions (tokens) of an image.

        With an unrolling drive is (T, S, B, F), and it gives which of an image's F values drives which row
        at a position: -> (T, S, B, G C, P).  Groups are blocks of F; without an unrolling they come back as
        (T, S, B, G, P, C).  at: names of images, steps and call (default: the next of this pass).  blocks
        (G, R, C): the learned matrix, where gradients are to reach it.  Raises RuntimeError where the
        converters have no range, or numbers come where calibration saw spikes.
        """
        run = self.run
        at = run.now.address(self.name, len(drive)) if at is None else at
        drive = drive.to(self.dtype).flatten(3)
        if run.now.calibrating:
            return self.calibrate(drive, at, unrolling)
        sorts = self._prepared.get(at.call) or self._prepare(at.call)
        learned = None if blocks is None else self._learned(blocks)
        readings, clipped = [], 0
        for drives, read_out in sorts:
            x, chips = drive, None if drives is None else drives.chips
            if chips is not None:
                x = drive[:, list(chips)]
            if learned is not None:
                volt_SRC = learned if chips is None else of_chips(learned, chips, self.groups)
                read_out = replace(read_out, volt_SRC=volt_SRC)
            if drives is not None and not drives.spikes:
                x, beyond = self._driven(x, drives)
                clipped += beyond
            reading = read_out(x if self.groups == 1 else by_array(x, self.groups), unrolling, at)
            if drives is not None and drives.spikes and reading.others:
                raise RuntimeError(
                    f"{self.name}: numbers drive its rows where calibration saw spikes alone (call "
                    f"{at.call + 1}); add images like these to calibration="
                )
            readings.append(reading)
        reading = readings[0]
        if len(sorts) > 1:
            order = [chip for drives, _ in sorts if drives for chip in drives.chips or ()]
            reading = together(readings, order, self.groups)
        if run.ledger.page.open:
            count_read(self, reading, sorts, clipped)
        return reading.numbers if self.groups == 1 else self._numbers(reading, unrolling)

    def _check_signs(self, drive: Tensor) -> None:
        """Raise ValueError for numbers of both signs where the DAC has one bit."""
        if self.run.card.weights.dac_bits == 1 and self.run.card.on("dac") and bool((drive < 0).any()):
            raise ValueError(
                f"{self.name}: weights.dac_bits = 1 has no level for numbers of both signs, which drive its"
                " rows; take 2 or more"
            )

    def _driven(self, drive: Tensor, drives: Drives) -> tuple[Tensor, int]:
        """Numbers in units of the read voltage, through the DAC where there is one; how many it clipped."""
        if self.run.card.on("dac"):
            return drives.convert(drive, self.run.card.weights.dac_bits)
        return drive / drives.peak_S.view(1, -1, 1, 1), 0

    def _learned(self, blocks: Tensor) -> Tensor:
        """The currents of fully driven rows, their gradient that of the learned matrix itself."""
        voltage = self.run.card.weights.read_voltage
        exact = blocks.to(self.run.dtype) * (self.scale_C.view(self.groups, 1, -1) * voltage)
        straight = (exact - exact.detach()).repeat(len(self.run.chips), 1, 1)
        return self.volt_SRC + straight

    def _numbers(self, reading: Reading, unrolling: Unrolling | None) -> Tensor:
        return by_image(reading.numbers, self.groups, unrolling is not None)

    def _prepare(self, call: int) -> list[tuple[Drives | None, ReadOut]]:
        """What drives the rows in a call, and how it is read, for each sort of chips; kept until devices or
        ranges change.
        """
        sorts = self.ranges.of(call)
        if not sorts and self.run.card.on("adc"):
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )
        made = self._prepared[call] = [(one, self._read_out(one)) for one in sorts or (None,)]
        return made

    def _read_out(self, drives: Drives | None) -> ReadOut:
        """How the array is read in one sort of calls: without rounding where there are no ranges."""
        card, gain, scale = self.run.card, self.gain_SC, None
        chips = None if drives is None else drives.chips

        def some(x: Tensor) -> Tensor:
            return x if chips is None else of_chips(x, chips, self.groups)

        gain, volt = some(gain), some(self.volt_SRC)
        power = None if self.power_SRC is None else some(self.power_SRC)
        if drives is not None:
            scale = drives.full_scale_SK
            if not drives.spikes:
                gain = gain * drives.peak_S.repeat_interleave(self.groups)[:, None]
        return ReadOut(
            volt_SRC=volt, row_siemens_SR=some(self.row_siemens_SR),
            full_scale_SK=gain.new_ones(len(gain), self.tiles) if scale is None else scale, gain_SC=gain,
            bits=card.weights.adc_bits if card.on("adc") and drives is not None else 0,
            rng=self.read_rng if chips is None else self.read_rng.of(chips),
            dense=drives is not None and not drives.spikes,
            **read_noise(power, self.cell, card, volt)._asdict(),
        )  # fmt: skip

    def _apply(self, fn: Any, recurse: bool = True) -> WeightArray:
        self._prepared, self.ranges = {}, self.ranges.apply(fn)
        if self.time == self.time:  # what was measured of the devices moves with them
            self.reference, self.mean = (
                {k: fn(x) for k, x in m.items()} for m in (self.reference, self.mean)
            )
        return super()._apply(fn, recurse)

    @property
    def upkeep(self) -> dict[str, float]:
        """What keeping one chip's array fit has cost until now, the first programming not counted (`upkeep`).

        Where the array is compensated, it is read once after each rewriting and once now.
        """
        cells = self.groups * self.rows * self.columns
        return upkeep(
            self.run, self.cell.technology, cells=cells, lines=self.groups * self.rows * self.column_tiles,
            writes=self.cycle * 2 * self._pairs * cells,
            readings=0 if self.compensation == "none" else self.cycle + 1,
            siemens=float(self.row_siemens_SR.sum()) / len(self.run.chips),
        )  # fmt: skip

    @property
    def kappa(self) -> float:
        """r n g_max N^2 of the largest tile [1]; above .3 wires matter, above 1 they rule."""
        side = self.run.card.weights.longest_side(self.rows, self.columns)
        return self.run.card.wire_resistance * self.cell.g_max * self._pairs * side**2

    def extra_repr(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        tiles = f"{self.tiles} x {self.column_tiles} tiles"
        return f"{self.rows} x {self.columns}{groups}, {tiles}, {self.cell.name}"
