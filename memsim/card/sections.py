"""The sections of a chip card: weight arrays, attention arrays, and how far these are worn."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from memsim.card.converters import AdcSection, DacSection
from memsim.card.weights_coding import CodingField
from memsim.coding.named import find
from memsim.devices import registry
from memsim.devices.check import FIRST, check_period
from memsim.devices.device_card import DeviceCard
from memsim.devices.toml_file import Section

Compensation = Literal["global", "column", "none"]
"""Digital factors against drift: one for each layer and chip, one for each column of it, or none."""


def _duration(value: float) -> float:
    """Return a time that is no slip of a prefix."""
    if value and not value > 1e-12:
        raise ValueError("0, or above 1 ps and below 1 ms, is allowed; was it divided twice?")
    return value


Duration = Annotated[float, Field(ge=0, lt=1e-3), AfterValidator(_duration)]
"""How long a part of a read or write takes [s], 0: no time."""


def _device(cell: Any) -> Any:
    """Return a preset's name as the table has it; a device card as it is read: its numbers, not its path."""
    if isinstance(cell, str):
        return DeviceCard.load(cell) if cell.endswith(".toml") else registry.key(cell)
    if isinstance(cell, dict):
        return DeviceCard.parse(cell)
    if isinstance(cell, DeviceCard):
        return cell
    if any(kind.__module__.startswith("aihwkit.") for kind in type(cell).__mro__):
        from memsim.devices.aihwkit_cells import key_of  # aihwkit comes in with its objects alone

        return key_of(cell)
    raise ValueError(
        "the name of a cell, a device card (.toml), or a device or noise model of aihwkit is needed"
    )


Wires = Annotated[
    Literal["none", "grounded", "idle-off"],
    BeforeValidator(lambda word: "idle-off" if word == "off" else word),
]
"""Resistance of lines; older cards have ``off`` for ``idle-off``."""

Device = Annotated[str | DeviceCard, BeforeValidator(_device)]
"""A preset by name; a device card: a .toml file (beside the chip card, or from the working folder) or its
content; or, in Python, a noise model or a pulsed device of aihwkit.
"""


class ReadSection(Section):
    """How arrays are read: driven lines at a voltage for a time, every sensed line converted."""

    arrays: ClassVar[str] = "arrays"
    """Name of the arrays in a card."""

    adc_bits: int = Field(default=8, ge=2, le=16)
    """Resolution of signed numbers; the range is calibrated on training images."""
    read_voltage: float = Field(default=0.2, alias="read_voltage [V]", gt=1e-3, lt=5.0)
    """Voltage of a driven line [V]; an assumption; 0.1 to 0.5 V are common."""
    read_time: float = Field(default=10e-9, alias="read_time [s]", gt=1e-12, lt=1e-3)
    """Length of one read [s]; an assumption; 10 to 130 ns are common."""
    conversion_time: Duration = Field(default=123e-9, alias="conversion_time [s]")
    """Time of a conversion [s]: of all lines at once with one ADC each, or of one line where
    adc.columns_per_adc lines share an ADC.  Together with a read of 10 ns it is the 133 ns of a product on
    IBM's 64-core chip (Le Gallo et al., Nat. Electron. 2023, from its TOPS); an assumption for other
    converters.
    """

    wires: Wires = "none"
    """Resistance of the lines: ``none`` (not simulated), or simulated with lines without input held at 0
    V, as in a passive array (``grounded``), or switched off by open transistors (``idle-off``; ``off`` in
    older cards).  A segment has ``wire_resistance``.
    """
    row_activity: float = Field(default=0.15, alias="row_activity [1]", ge=1e-3, le=1)
    """Share of lines driven at the same time, which load sensed lines if wires = "idle-off"; an
    assumption.
    """
    amplifier_noise: float = Field(default=0.0, alias="amplifier_noise [A/Hz^.5]", ge=0, lt=1e-6)
    """Input-referred current noise of the amplifier or integrator behind a line, over a bandwidth of 1 / (2
    read_time) [A/Hz^.5]; 0: no noise; transimpedance amplifiers have 1e-12 to 1e-11.
    """
    adc: AdcSection = AdcSection()
    """Further settings of the ADCs: kind, errors, sharing, own prices."""

    def cycle_time(self, lines: int) -> float:
        """Return the time of one read and the conversions of `lines` lines of a tile [s]."""
        return self.read_time + self.adc.time(lines, self.conversion_time)

    @property
    def adc_event(self) -> str:
        """The event of a conversion: ``adc-8b``, and whose it is where it has an energy of its own."""
        own = "" if self.adc.energy is None else f"-{self.arrays}"
        return f"adc-{self.adc_bits}b{own}"

    def read_joule(self, siemens: Any) -> Any:
        """V^2 G t of reads that drive `siemens` in all."""
        return siemens * (self.read_voltage**2 * self.read_time)


class WeightSection(ReadSection):
    """Weight arrays: devices that hold what training learned."""

    arrays = "weights"
    cell: Device = "pcm-joshi2020"
    """Cell of every device: a preset (``memsim devices`` lists them) or a device card."""
    g_max: float | None = Field(default=None, alias="g_max [S]", gt=1e-9, lt=1e-2)
    """Conductance of the largest weight [S]; default: the top of the range of the cell; never above the
    highest conductance that its source measured.
    """
    device_errors: Literal["absolute", "relative"] = "absolute"
    """Errors of devices if g_max is lowered: as measured at each conductance in siemens (``absolute``: a
    lower g_max costs accuracy), or in proportion to g_max (``relative``, as in the noise models of
    aihwkit).
    """
    flicker_period: Annotated[float, AfterValidator(check_period)] = Field(
        default=FIRST, alias="flicker_period [s]"
    )
    """Shortest period of low-frequency noise that is followed from one time to another [s]: 10 or a power of
    ten down to 1e-6.  Times a tenth of it apart, or more, are correlated as the spectrum says; nearer ones
    less.  Each decade more takes time whenever the chips age.
    """
    coding: CodingField = find("pair")
    """Representation of a weight by devices: ``pair``, ``offset`` (one device, and a reference column in each
    tile), ``single`` (one device, whose middle is subtracted digitally) or ``slices`` (separate devices for
    each digit); or a table with ``kind`` and its fields.
    """
    scaling: Literal["column", "layer"] = "column"
    """One digital scale for each column, or one for the layer."""
    tile_rows: int = Field(default=256, ge=1, le=65536)
    """Largest number of word lines of a tile; longer inputs are divided into equal tiles and added
    digitally.
    """
    tile_columns: int = Field(default=256, ge=1, le=65536)
    """Largest number of sensed lines of a tile, the two bit lines of a pair counting as one; each further
    column tile drives its rows again.
    """
    devices_per_weight: int = Field(default=1, ge=1, le=16)
    """Number of parallel devices wherever the coding has one (on either side of a pair, in every slice), each
    with separate errors; their currents add, and one digital factor divides by their number.
    """
    batch_norm: Literal["digital", "folded"] = "digital"
    """Batch norm after a layer: a digital scale and shift after the ADC, or ``folded`` into the conductances,
    which makes the sizes of columns more different; it needs scaling = "layer", because a digital scale of
    each column would undo it.
    """
    bias_rows: int = Field(default=0, ge=0, le=64)
    """Rows that hold the biases of linear layers and convolutions, in equal parts, always driven with the
    number 1; 0: biases are added digitally.
    """
    compensation: Compensation = "global"
    """Drift compensation from reading every row once: one digital factor for each layer and chip
    (``global``), one for each of its columns (``column``), or none.
    """
    reference: Literal["written", "weights"] = "written"
    """Reference of the compensation: the sizes of rows as read after the last write (``written``), or the
    weights themselves (``weights``: sum w^2 / sum w g over the rows that are read), which also corrects the
    common loss by lines, faults and writing.
    """
    reprogram_every: float | None = Field(default=None, alias="reprogram_every [s]", gt=1e-3, lt=1e12)
    """Time between two writings of all weights [s]; default: they are written once."""
    dac_bits: int = Field(default=8, ge=1, le=16)
    """Resolution of rows that carry numbers (such as pixels or mean membrane potentials), at least 2 if these
    have both signs; a spike drives a row as one bit.
    """

    dac: DacSection = DacSection()
    """Representation of a number on a row: a voltage, a pulse length, or passes of one-bit drives."""
    output_noise: float = Field(default=0.0, ge=0, le=1)
    """Standard deviation of the noise that each conversion adds, relative to the current of the largest
    weight in a fully driven row [1]; out_noise of aihwkit, whose default is 0.06.
    """

    @model_validator(mode="after")
    def _holds_a_weight(self) -> WeightSection:
        if self.tile_columns < self.coding.least:
            raise ValueError(
                f"tile_columns = {self.tile_columns}: a column of the coding {self.coding.kind} takes"
                f" {self.coding.least} lines, a reference among them where it has one; take that or more"
            )
        return self

    @model_validator(mode="after")
    def _passes_are_few(self) -> WeightSection:
        if self.dac.kind == "unary" and self.dac_bits > 8:
            raise ValueError(
                f"dac.kind = 'unary' sends numbers of dac_bits = {self.dac_bits} in {2**self.dac_bits - 1}"
                ' passes; take 8 bits or fewer, or "bit-serial"'
            )
        return self

    def tiles(self, rows: int, columns: int) -> tuple[int, int]:
        """Return the row tiles and column tiles of a matrix."""
        return math.ceil(rows / self.tile_rows), self.coding.column_tiles(columns, self.tile_columns)

    def longest_side(self, rows: int, columns: int) -> int:
        """Return cells on the longer side of a matrix' largest tile; its tiles are as equal as can be."""
        row_tiles, column_tiles = self.tiles(rows, columns)
        return max(math.ceil(rows / row_tiles), self.coding.widest(columns, column_tiles))

    def last_write(self, t: float) -> tuple[int, float]:
        """Return the cycle the arrays were last written in at t [s] after programming (cycle 0), and its age
        [s].

        At a whole multiple of the interval they are about to be written anew: the worst moment, not the best.
        """
        if self.reprogram_every is None:
            return 0, t
        cycle = max(math.ceil(t / self.reprogram_every * (1 - 1e-15)) - 1, 0)  # .3 / .1 is three, not four
        return cycle, t - cycle * self.reprogram_every


class AttentionSection(ReadSection):
    """Attention arrays: devices for each layer and head, rewritten for every image and time step."""

    arrays = "attention"
    cell: Device = "reram-om"
    """Cell of every device: a preset (``memsim devices`` lists them) or a device card."""
    n_max: int | None = Field(default=None, ge=1, le=4096)
    """Number of pulses at the top of the STDP window, or of a 1 in a binary cell; default: that of the
    preset.
    """
    order: Literal["digital", "hebbian", "score"] = "digital"
    """Attention by products of spikes (Spikformer's, Spikingformer's): ``digital``; ``hebbian``: outer
    products of keys and values are written by pulses, and queries read their sum; ``score``: keys and
    values are written as binary cells, and the scores of the keys drive the values.  STDP attention is on
    arrays with any of them.
    """
    score_drive: Literal["bit-serial", "unary"] = "bit-serial"
    """Drive of the arrays of values by scores: one one-bit pass for each binary digit (``bit-serial``), or as
    many passes as the score (``unary``).
    """
    coding: Literal["calibrated", "linear", "per-device"] = "calibrated"
    """``calibrated``: the count whose mean response is nearest to the wanted weight; ``linear``: round(n_max
    |dw| / A); ``per-device``: calibrated by the response of each device, without error: an upper bound for
    calibration, which needs a table for each device and arrays that are written row by row.
    """
    devices_per_synapse: int = Field(default=1, ge=1, le=16)
    """Devices in parallel for each synapse (each side of a pair); their mean is the weight (Boybat et al.,
    Nat. Commun. 9, 2514, 2018).
    """
    sharing: Literal["all", "counter"] = "all"
    """``all``: every device of a synapse gets every pulse; ``counter``: a counter of the array gives the
    pulses to the devices in turn, and a full write has as many times more pulses.
    """
    reset: Literal["once", "verified", "pulses"] = "once"
    """``once``: one noisy reset as in the preset (reset_std = 0.01 in presets of aihwkit is the default of
    that library, an assumption: five steps of ecram-li); ``verified``: read and repeated until within
    reset_tolerance; ``pulses``: reset_pulses alternating up and down, to the symmetry point.
    """
    reset_tolerance: float = Field(default=0.5, gt=0.01, le=5)
    """Accepted error of a verified reset, in standard deviations of the reset noise."""
    reset_pulses: int = Field(default=40, ge=2, le=1000)
    """Number of pulses of a reset by pulses: 40 leave 2 % of the previous state of reram-om (soft bounds)."""
    verify_rounds: int = Field(default=0, ge=0, le=3)
    """Number of times that a written array is read cell by cell and corrected with pulses, row by row."""
    row_gain: bool = False
    """Digital gain and offset of each word line, measured once on patterns of equal pulses."""
    scheme: Literal["1T1R", "selector", "passive"] = "1T1R"
    """Separation of cells that share a driven line: a transistor for each (``1T1R``); or only V / 2 on
    either line (``passive``), with a selector that passes a tenth of the current there (``selector``, an
    assumption).
    """
    g_mid: float = Field(default=20e-6, alias="g_mid [S]", gt=1e-9, lt=1e-2)
    """Conductance of w = 0 and of the fixed reference device [S]; an assumption (one-sided cells rest at
    g_mid = 0); the number of a device card takes precedence.
    """
    g_unit: float = Field(default=10e-6, alias="g_unit [S]", gt=1e-9, lt=1e-2)
    """Conductance of one unit of w [S]; an assumption; the number of a device card takes precedence."""
    pulse_voltage: float | None = Field(default=None, alias="pulse_voltage [V]", gt=1e-3, lt=100)
    """Height of a write pulse [V]: with it pulses take V^2 G t and lines C V^2, without it a pulse has its
    price; the number of a cell takes precedence.
    """
    pulse_time: Duration = Field(default=50e-9, alias="pulse_time [s]")
    """Length of one write pulse [s]; 50 ns as in Wu et al., VLSI 2018; an assumption for other cells; the
    number of a device card takes precedence.
    """
    reset_time: Duration = Field(default=50e-9, alias="reset_time [s]")
    """Time to reset a whole array [s]; an assumption: the time of one pulse."""

    @property
    def idle_lines(self) -> Literal["none", "grounded", "idle-off"]:
        """What lines without input do, as ``wires``; without transistors none can be switched off."""
        return "grounded" if self.wires == "idle-off" and self.scheme != "1T1R" else self.wires


class WearSection(Section):
    """Wear of arrays that are written while a network runs; they are new if ``cycles_before`` is 0.

    These are attention arrays, arrays that learn, and the lines and states of written memory.
    """

    cycles_before: float = Field(default=0.0, ge=0, lt=1e18)
    """Number of cycles of every such device so far: 1 for a reset or a write with verify, a fraction for a
    pulse.
    """
    endurance: float | None = Field(default=None, gt=1, lt=1e18)
    """Number of cycles after which 63.2 % of the devices have failed; no default: it spans 1e4 to 1e12 in
    ReRAM.
    """
    shape: float = Field(default=1.5, gt=0.1, lt=20)
    """Weibull modulus of the cycles to failure; an assumption."""
    stuck_high: float = Field(default=0.5, ge=0, le=1)
    """Share of failed devices stuck at the highest conductance, the others at the lowest; an assumption."""
    pulse_exponent: float = Field(default=1.0, ge=0, le=4)
    """Exponent m: a pulse that moves a device by dw wears like (|dw| / range)^m resets; an assumption (1
    to 2).
    """

    def of_cell(self, cell: Any) -> WearSection:
        """This wear with the endurance that a device card measured, where none is set here.

        What the cell brings is not among the fields that were set.  Raises ValueError where none is known.
        """
        if self.cycles_before == 0 or self.endurance is not None:
            return self
        if not isinstance(cell, DeviceCard) or not cell.endurance:
            raise ValueError("wear: cycles_before needs an endurance [cycles]: PCM 1e8, ReRAM 1e4 to 1e9")
        brought = {"endurance": cell.endurance}
        if cell.endurance_shape and "shape" not in self.model_fields_set:
            brought["shape"] = cell.endurance_shape
        out = self.model_copy(update=brought)
        out.__pydantic_fields_set__ = set(self.model_fields_set)
        return out
