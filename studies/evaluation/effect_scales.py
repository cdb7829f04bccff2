"""What each effect of a chip grows with: the fields of a card that take it from nothing to absurd.

An effect of cells grows with its factor in ``strengths``, an effect of arrays with numbers of its own.  An
effect without an entry here fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import memsim
from memsim.card.cells import every_effect
from memsim.card.fields import ARRAY_EFFECTS

ARRAYS: tuple[str, ...] = ("weights", "attention")

Fields = Mapping[str, Any]


class Scale(NamedTuple):
    """One field that an effect grows with."""

    effect: str
    field: str  #: as a table names it, the section first
    levels: tuple[Any, ...]  #: from nothing to absurd; None: the effect is off, where no value is nothing
    path: tuple[str, ...]  #: of the field, from the card's top
    beside: Fields = MappingProxyType(
        {}
    )  #: fields that the effect needs, or that make it large enough to matter
    kind: str | None = None  #: of the table that holds the field, where it is to be said with it

    @property
    def name(self) -> str:
        """Effect and field."""
        return f"{self.effect}: {self.field}"

    @property
    def of_attention(self) -> bool:
        """Whether only what is written at run time has it."""
        pulsed = self.beside.get("weights", {}).get("cell") == "ideal" or self.effect == "pulse-rounding"
        return pulsed or self.path[0] in ("attention", "attention_faults", "wear")

    def off(self, card: memsim.ChipCard) -> memsim.ChipCard:
        """Return the card with nothing on, this scale's field at the absurd end.

        Raises CardError where the card cannot have the effect.
        """
        return self._absurd(card).only()

    def cards(self, card: memsim.ChipCard) -> list[memsim.ChipCard]:
        """Return the card with this effect alone, at each level that is a value. Raises CardError
        likewise.
        """
        absurd = self._absurd(card).only(self.effect)
        values = [level for level in self.levels if level is not None]
        return [*(self._with(absurd, level) for level in values[:-1]), absurd]

    def _absurd(self, card: memsim.ChipCard) -> memsim.ChipCard:
        return self._with(card, self.levels[-1], self.beside)

    def _with(
        self, card: memsim.ChipCard, level: Any, beside: Fields = MappingProxyType({})
    ) -> memsim.ChipCard:
        """Return the card with fields replaced."""
        fields: dict[str, Any] = {key: dict(table) for key, table in (beside or {}).items()}
        table, (*tables, last) = fields, self.path
        for key in tables:
            table = table.setdefault(key, {})
        table |= {last: level} | ({} if self.kind is None else {"kind": self.kind})
        return card.replace(**fields)


CELLS: dict[str, dict[str, str]] = {
    "programming": {"weights": "pcm-joshi2020"},
    "drift": {"weights": "pcm-joshi2020"},
    "relaxation": {"weights": "reram-wan2022"},
    "flicker-noise": {"weights": "pcm-joshi2020"},
    "read-noise": {"weights": "pcm-joshi2020", "attention": "pcm-nandakumar2018"},
    "iv-curve": {"weights": "reram-milo2021"},
    "device-spread": {"attention": "reram-om"},
    "cycle-noise": {"attention": "reram-om"},
    "write-noise": {"attention": "reram-om"},
    "reset-noise": {"attention": "reram-om"},
}
"""Effects of cells, by the cells that show them in either kind of array."""

STRENGTHS = (0.0, 1.0, 3.0, 10.0)


def _of_cells() -> Iterator[Scale]:
    """Yield each effect of a cell, the other kind of array ideal."""
    for effect, cells in CELLS.items():
        for array, cell in cells.items():
            beside = {name: {"cell": cell if name == array else "ideal"} for name in ARRAYS}
            field = f"strength on {cell}"
            yield Scale(effect, field, STRENGTHS, ("strengths", effect), beside)


LINES: Fields = {name: {"wires": "grounded"} for name in ARRAYS}
FAINT = {"read_voltage [V]": 2e-3, "read_time [s]": 1e-11}
"""Reads so short and at so low a voltage that noise of currents is in the way."""


def _of_arrays() -> Iterator[Scale]:
    """Yield effects of both sorts of array at once, and of one alone."""
    faint = dict.fromkeys(ARRAYS, FAINT)
    ohms = (0.0, 0.7, 20.0, 900.0)
    yield Scale("wires", "wire_resistance [ohm], idle lines off", ohms, ("wire_resistance",))
    yield Scale("wires", "wire_resistance [ohm], grounded", ohms, ("wire_resistance",), LINES)
    yield Scale("thermal-noise", "temperature [K]", (0.0, 10.0, 300.0, 1000.0), ("temperature [K]",), faint)
    yield Scale("shot-noise", "fano", (0.0, 0.1, 1.0, 10.0), ("fano [1]",), faint)
    yield Scale("dac", "weights.dac_bits", (None, 16, 4, 2), ("weights", "dac_bits"))
    for kind in ("pulse-width", "bit-serial"):
        beside = {"weights": {"dac": {"kind": kind}}}
        yield Scale("dac", f"weights.dac_bits, {kind}", (None, 16, 4, 2), ("weights", "dac_bits"), beside)
    counts = (None, 256, 8, 1)
    yield Scale("pulse-rounding", "attention.n_max", counts, ("attention", "n_max"))
    noise = (0.0, 0.01, 0.1, 1.0)
    yield Scale("output-noise", "weights.output_noise", noise, ("weights", "output_noise"))
    bits, path = (None, (8, 8), (1, 2), (1,)), ("weights", "coding", "slice_bits")
    yield Scale("weight-rounding", ".".join(path), bits, path, kind="slices")
    worn = {"wear": {"endurance": 1e6, "cycles_before": 1.0}}
    yield Scale("wear", "wear.cycles_before", (0.0, 1e5, 1e6, 1e9), ("wear", "cycles_before"), worn)
    for array in ARRAYS:
        free = {"energy [J]": 0.0, "source": "only accuracy is measured"}  # no technology has 2 bits
        other = {name: {"adc": free, **({} if name == array else {"adc_bits": 16})} for name in ARRAYS}
        yield Scale("adc", f"{array}.adc_bits", (None, 12, 4, 2), (array, "adc_bits"), other)
        hiss = "amplifier_noise [A/Hz^.5]"
        levels = (0.0, 1e-11, 1e-9, 5e-7)
        yield Scale("amplifier-noise", f"{array}.{hiss}", levels, (array, hiss))


ERRORS = {
    "adc-offset": ("offset", "uniform"),
    "adc-gain": ("gain", "uniform"),
    "adc-inl": ("inl", "uniform"),
    "adc-mismatch": ("capacitor_mismatch", "sar"),
}


def _of_adcs() -> Iterator[Scale]:
    """Yield errors of fabricated ADCs, of one kind of array each; curvature of an oscillator besides."""
    for array in ARRAYS:
        for effect, (field, kind) in ERRORS.items():
            beside = {array: {"adc": {"kind": kind}}}
            yield Scale(effect, f"{array}.adc.{field}", (0.0, 0.02, 0.3, 5.0), (array, "adc", field), beside)
        beside, path = {array: {"adc": {"kind": "oscillator"}}}, (array, "adc", "curvature")
        yield Scale("adc-inl", f"{array}.adc.curvature", (0.0, 0.3, 3.0, 10.0), path, beside)


SHARES = ("stuck_on", "stuck_off", "stuck_random", "dead_word_lines", "dead_bit_lines")


def _of_faults() -> Iterator[Scale]:
    """Yield each kind of fault in either kind of array, and the corrupt devices of a preset."""
    for array in ARRAYS:
        table = "weight_faults" if array == "weights" else "attention_faults"
        for field in SHARES:
            yield Scale("faults", f"{table}.{field}", (0.0, 0.01, 0.1, 1.0), (table, field))
    path = ("attention_faults", "corrupt_devices")
    yield Scale("faults", ".".join(path), (False, True), path)


SCALES = (*_of_cells(), *_of_arrays(), *_of_adcs(), *_of_faults())
"""Every effect's, in the order of a table."""


def missing() -> set[str]:
    """Return effects of any card that have no entry here."""
    return {*ARRAY_EFFECTS, *every_effect()} - {scale.effect for scale in SCALES}
