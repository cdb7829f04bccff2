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
are cut into equal row tiles, each with its own ADC conversion; their sums are digital.  That is the coding
pair; others (`memsim.coding`) sense L lines instead of C columns.  Shapes: chips S, groups G (blocks of a
grouped convolution, else 1), row tiles K, rows R, columns C.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from memsim import devices
from memsim.arrays.compensation import factors
from memsim.arrays.fabricated_adcs import fabricated
from memsim.arrays.faults.defects import Defects
from memsim.arrays.held_matrix import HeldMatrix
from memsim.arrays.one_sided import by_sign
from memsim.arrays.passes import check_signs, largest_pass, not_spikes, read_numbers
from memsim.arrays.ranges import Drives, Ranges
from memsim.arrays.read_outs import Shown, read_out
from memsim.arrays.reading.grouping import by_array, by_image, of_chips
from memsim.arrays.reading.line_read import LineRead
from memsim.arrays.reading.middle import Middle
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading, ReadOut, largest_current, together
from memsim.arrays.tile_lines import settling
from memsim.arrays.upkeep import upkeep
from memsim.arrays.weight_devices import Sensed
from memsim.arrays.weight_events import Counting, count_read
from memsim.card.sections import Compensation
from memsim.coding.lines import Lines
from memsim.run import Address, Run


class WeightArray(nn.Module):
    """The arrays of one layer on every chip.

    ``program`` writes the devices, ``advance_to`` ages them and sets the compensation, ``calibrate`` finds
    the converters' ranges, ``read`` multiplies.  blocks (R, C) or (G, R, C) [any unit]: the learned matrix,
    looked at when devices are written or aged.  Raises ValueError for a matrix that is not finite.
    """

    volt_SRC: Tensor  #: current for a fully driven row [A], of each line in codings other than pair
    power_SRC: Tensor | None  #: g_scale (G+ + G-) [S^2], where reads are noisy, likewise
    row_siemens_SR: Tensor  #: sum of G over all devices of a row [S]
    gain_SC: Tensor  #: compensation over scale: turns amperes into the layer's numbers

    def __init__(self, name: str, blocks: Tensor, run: Run) -> None:
        super().__init__()
        self.name, self.run, self.cell = name, run, run.card.weight_cell
        self.blocks = blocks.detach() if blocks.dim() == 3 else blocks.detach()[None]
        if not torch.isfinite(self.blocks).all():
            raise ValueError(f"{name}: weights hold NaN or infinity; a damaged checkpoint?")
        self.groups, self.rows, self.columns = self.blocks.shape
        self._set_coding()
        self._name_streams()
        self.ranges = Ranges(name, run.card.design.dac.serial)
        self.time, self.cycle = float("nan"), 0
        self.middle: Middle | None = None  #: what is taken off of columns
        self.dtype, section = run.dtype, run.card.weights
        self.read_energy = section.read_joule(1.0)  #: [V^2 s]
        self.adc, self.dac = run.card.design.weight_adc, run.card.design.dac
        self._prepared: dict[int, list[tuple[Drives | None, ReadOut | LineRead]]] = {}  #: by call
        for buffer in ("volt_SRC", "power_SRC", "row_siemens_SR", "gain_SC"):
            self.register_buffer(buffer, None)

    def _set_coding(self) -> None:
        """Tiles, lines and what a read of one vector converts and adds."""
        section = self.run.card.weights
        coding, self.devices_per_weight = section.coding, section.devices_per_weight
        self.coding = coding
        coding.check(self.name, self.blocks)
        self.tiles, self.column_tiles = section.tiles(self.rows, self.columns)
        self.lines = None if coding.plain else Lines(coding, self.columns, self.column_tiles)
        self.conversions = self.tiles * coding.conversions(self.columns, self.column_tiles)
        self.counting = Counting.of(section, self.run.card.design.dac, self)

    def _name_streams(self) -> None:
        """Random streams of the chips in ``run``, a key for each chip (and group)."""
        self.rng = devices.stream(self.run.seed, list(self.run.chips), self.name)
        if self.groups > 1:
            self.rng = self.rng.child("group", range(self.groups))
        self.read_rng = self.rng.child("read")

    def program(self) -> None:
        """Write every device once; the chip is new (t = 0) and its converters are not calibrated."""
        self.ranges = Ranges(self.name, self.dac.serial)
        self.renew()

    def renew(self) -> None:
        """Write the devices of the chips in ``run``; the converters' ranges stay."""
        self._name_streams()
        self.cycle, self.time = 0, 0.0
        self._begin(self._sense(0, 0.0))

    def advance_to(self, t: float, compensation: Compensation | None = None) -> None:
        """Age the array to t [s] after programming, then compensate (default: as the card says).

        Compensation is digital: it changes no conductance.
        """
        section = self.run.card.weights
        cycle, age = section.last_write(t)
        if t != self.time:
            if cycle != self.cycle:
                self.cycle = cycle
                self._begin(self._sense(cycle, 0.0))
            self.time = t
            self._see(self._sense(cycle, age))
        self._compensate(compensation or section.compensation)

    def conductance(self) -> Tensor:
        """Return conductances of all devices now, (S G, D, R, C) [S]: the n of G+, then the n of G-, or the n
        single ones, slice after slice; reference columns are left out.
        """
        return torch.cat(self._held()[: len(self.coding.factors)], 1)

    def reference_conductance(self) -> Tensor | None:
        """Return conductances of reference columns now, (S G, n, R, column tiles) [S]; None without them."""
        return self._held()[-1] if self.coding.referenced else None

    def _held(self) -> list[Tensor]:
        """Return conductances of all devices now, plane by plane."""
        cycle, age = self.run.card.weights.last_write(self.time)
        return self._matrix.held(self._write_rng(cycle), age)

    @property
    def defects(self) -> Defects | None:
        """What of its devices and lines is faulty, before and after repair; None where nothing is."""
        found = self._matrix.faults
        return None if found is None else found.defects

    @property
    def _matrix(self) -> HeldMatrix:
        tiles = self.tiles, self.column_tiles
        return HeldMatrix(self.blocks, self.run.card, self.cell, self.run.dtype, tiles, self.lines, self.rng)

    def goal(self) -> Tensor:
        """Return signed conductance that one device of each pair is to carry above g_min, (G, R, C) [S]."""
        return self._matrix.goal

    def _write_rng(self, cycle: int) -> devices.Stream:
        return self.rng.child("rewrite", cycle) if cycle else self.rng

    def _sense(self, cycle: int, age: float) -> Sensed:
        """Return what the devices of a write show `age` seconds after it."""
        return self._matrix.sense(self._write_rng(cycle), age)

    def _see(self, now: Sensed) -> None:
        """Take the conductances of this moment."""
        self.mean, self._prepared = self._matrix.shown(now), {}
        self.volt_SRC = now.difference_SRC.mul_(self.run.card.weights.read_voltage)
        self.power_SRC = None if now.total_SRC is None else now.total_SRC.mul_(self.cell.g_scale)
        self.row_siemens_SR = now.row_siemens_SR

    def _begin(self, written: Sensed) -> None:
        """Take what a compensation goes back to, and compensate where it is not the write itself."""
        self._see(written)
        self.reference, section = self._matrix.reference(written), self.run.card.weights
        self._compensate("none" if section.reference == "written" else section.compensation, anew=True)

    def _compensate(self, compensation: Compensation, anew: bool = False) -> None:
        """Set the digital factor of each column, and what is taken off of it; `anew`: after a write."""
        self.compensation = "none" if self.cell.exact else compensation
        chips, voltage = len(self.run.chips), self.run.card.weights.read_voltage
        one = torch.ones(chips, 1, dtype=self.run.dtype, device=self.volt_SRC.device)
        self.compensation_SC = factors(self.compensation, self.reference, self.mean, one)
        self._prepared = {}
        matrix, by_array = self._matrix, (chips * self.groups, self.columns)
        gain = self.compensation_SC / (matrix.scale_C * voltage)
        self.gain_SC = gain.expand(chips, -1).reshape(by_array).contiguous()
        if anew or self.compensation != "none":
            factor = self.compensation_SC.expand(chips, self.groups * self.columns).reshape(by_array)
            self.middle = matrix.middle(self.volt_SRC, factor)

    @property
    def scale_C(self) -> Tensor:
        """Siemens that a read sees for a weight of one, (G C,)."""
        return self._matrix.scale_C

    def calibrate(self, drive: Tensor, at: Address, unrolling: Unrolling | None = None) -> Tensor:
        """Note what drives the rows and the currents it makes, as `read` takes them; returns exact numbers.

        Converter ranges, and whether a call carries spikes or numbers, are decided over all calls.
        """
        x = by_array(drive, self.groups)
        check_signs(self.name, drive, self.run.card)
        self._prepared = {}
        self.ranges.note(
            at.call,
            drive,
            largest_pass(
                self.ranges, drive.detach(), self.dac, self.groups, lambda x: self._largest(x, unrolling)
            ),
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
        for drives, read_of in sorts:
            x, chips = drive, None if drives is None else drives.chips
            if chips is not None:
                x = drive[:, list(chips)]
            if learned is not None:
                volt_SRC = learned if chips is None else of_chips(learned, chips, self.groups)
                read_of = read_of.changed(volt_SRC=volt_SRC)
            if drives is not None and not drives.spikes:
                how = (run.card, self.groups, unrolling, at)
                reading, beyond = read_numbers(self.name, read_of, x, drives, *how)
                clipped += beyond
            else:
                reading = read_of(x if self.groups == 1 else by_array(x, self.groups), unrolling, at)
                if drives is not None and reading.others:
                    raise not_spikes(self.name, at)
            readings.append(reading)
        reading = readings[0]
        if len(sorts) > 1:
            order = [chip for drives, _ in sorts if drives for chip in drives.chips or ()]
            reading = together(readings, order, self.groups)
        if run.ledger.page.open:
            count_read(self, reading, sorts, clipped, drive.numel(), unrolling)
        return reading.numbers if self.groups == 1 else self._numbers(reading, unrolling)

    def _learned(self, blocks: Tensor) -> Tensor:
        """Return the currents of fully driven rows, their gradient that of the learned matrix itself."""
        voltage = self.run.card.weights.read_voltage
        exact = blocks.to(self.run.dtype) * (self.scale_C.view(self.groups, 1, -1) * voltage)
        straight = (exact - exact.detach()).repeat(len(self.run.chips), 1, 1)
        return self.volt_SRC + (straight if self.lines is None else self.lines.straight(straight))

    def _largest(self, x: Tensor, unrolling: Unrolling | None) -> Tensor:
        """Return the largest currents of lines that share a range, by array and tile, (S G, groups K) [A]."""
        groups = [slice(None)] if self.lines is None else self.lines.groups
        found = [largest_current(x, unrolling, self.volt_SRC[..., one], self.tiles) for one in groups]
        return found[0] if len(found) == 1 else torch.cat(found, 1)

    def _numbers(self, reading: Reading, unrolling: Unrolling | None) -> Tensor:
        return by_image(reading.numbers, self.groups, unrolling is not None)

    def _prepare(self, call: int) -> list[tuple[Drives | None, ReadOut | LineRead]]:
        """Return what drives the rows in a call, and how it is read, for each kind of chip; kept until
        devices or ranges change.
        """
        sorts = self.ranges.of(call)
        if not sorts and (self.adc.rounds or not self.adc.exact):
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )
        if not self.coding.paired:
            sorts = list(by_sign(sorts))
        made = self._prepared[call] = [(one, self._read_out(one)) for one in sorts or (None,)]
        return made

    def _read_out(self, drives: Drives | None) -> ReadOut | LineRead:
        """Return how the array is read in one kind of call: without rounding where there are no ranges."""
        shown = Shown(
            self.volt_SRC,
            self.power_SRC,
            self.row_siemens_SR,
            self.gain_SC,
            self.middle,
            None if drives is None else self.curves(self.coding.paired or bool(drives.signed_S.any())),
        )
        return read_out(
            shown, drives, self.read_rng, card=self.run.card, cell=self.cell, tiles=self.tiles,
            groups=self.groups, lines=self.lines,
        )  # fmt: skip

    def curves(self, signed: bool = True) -> Tensor | None:
        """Return the curves of the ADCs of every line and row tile, (S G, K, P, L); None for ideal ones."""
        found = fabricated(
            self.adc, self.rng, self.lines, self.columns, (self.tiles, self.column_tiles), signed
        )
        return None if found is None else found.to(self.volt_SRC.device)

    def _apply(self, fn: Any, recurse: bool = True) -> WeightArray:
        self._prepared, self.ranges = {}, self.ranges.apply(fn)
        if self.time == self.time:  # what was measured of the devices moves with them
            self.reference = {kind: fn(x) for kind, x in self.reference.items()}
            self.mean = {kind: fn(x) for kind, x in self.mean.items()}
            self.middle = self.middle and self.middle.each(fn)
        return super()._apply(fn, recurse)

    @property
    def upkeep(self) -> dict[str, float]:
        """What keeping one chip's array fit has cost until now, the first programming not counted (`upkeep`).

        Where the array is compensated, it is read once after each rewriting and once now.  Spare lines are
        written with the others.
        """
        made = self.run.card.weight_faults.with_spares(self.rows, self.columns, self.tiles, self.column_tiles)
        lines, rows = self.coding.conversions(self.columns, self.column_tiles), self.groups * self.rows
        many = self.coding.devices(*made, self.column_tiles, self.devices_per_weight)
        return upkeep(
            self.run, self.cell.technology, cells=rows * lines, lines=rows * self.column_tiles,
            writes=self.cycle * self.groups * many,
            readings=self.cycle + 1 if self.compensation != "none" else self.cycle * self.coding.measures,
            siemens=float(self.row_siemens_SR.sum()) / len(self.run.chips),
        )  # fmt: skip

    @property
    def settling(self) -> float:
        """Time its lines take to settle to half a step of the ADC [s], devices' currents left out."""
        card = self.run.card
        rows, lines = -(-self.rows // self.tiles), self.coding.widest(self.columns, self.column_tiles)
        bit_lines = 2 * lines if self.coding.paired else lines
        return settling(card.segment(), rows, bit_lines, card.weights.adc_bits)

    @property
    def kappa(self) -> float:
        """r n g_max N^2 of the largest tile [1]; wires matter above .3 and dominate above 1."""
        side = self.run.card.weights.longest_side(self.rows, self.columns)
        return self.run.card.segment().resistance * self.cell.g_max * self.devices_per_weight * side**2

    def extra_repr(self) -> str:
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        tiles = f"{self.tiles} x {self.column_tiles} tiles"
        return f"{self.rows} x {self.columns}{groups}, {tiles}, {self.cell.name}"
