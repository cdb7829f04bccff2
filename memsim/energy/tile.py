"""A whole tile: one matrix-vector product of 8-bit inputs, bottom-up from a technology card.

    E = rows (driver + DAC) + sum V^2 G t + columns (conversion + scale and offset)

Inputs are pulse widths of up to `read_time`, uniform; so are the weights' magnitudes.  In several phases rows
and columns are driven and converted anew in each, and the devices' reads divide among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from memsim.prices.cost import Cost
from memsim.prices.parts import Converter
from memsim.prices.technology import Technology

BITS = 8
"""Bits of a conversion."""

MEAN = 0.5
"""Mean magnitude of a uniform input, and of a uniform weight."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile of rows x columns weights of `devices` PCM, half of them on either side, in a technology."""

    technology: Technology
    rows: int = 256
    columns: int = 256
    devices: int = 4
    g_max: float = 10.35e-6  #: of one PCM [S], aihwkit's HERMES noise model
    read_voltage: float = 0.2  #: an assumption
    read_time: float = 127e-9  #: an 8-bit pulse width at 1 GHz
    bits: int = BITS

    def product(self, phases: int = 1) -> dict[str, Cost]:
        """Return what one product costs, by part; the parts follow one another."""
        price = self.technology.price
        row = Cost(price("row-driver").energy + price("dac-8b").energy)
        scale = Cost(price("int8-multiply", "int16-add").energy)
        conversion = Cost(self.technology.converter_price(self.bits).energy)
        watt = self.read_voltage**2 * self.g_max * self.devices / 2 * MEAN
        read = Cost(self.rows * self.columns * watt * self.read_time * MEAN, phases * self.read_time)
        return {
            "rows": phases * row.abreast(self.rows),
            "devices": read,
            "converters": phases * conversion.abreast(self.columns),
            "scale and offset": phases * scale.abreast(self.columns),
        }

    def energy(self, phases: int = 1) -> float:
        """Return the energy of a product [J]."""
        return sum((part.energy for part in self.product(phases).values()), 0.0)

    def energy_of_mac(self, phases: int = 1) -> float:
        """Return the energy of one multiply-accumulate of it [J]."""
        return self.energy(phases) / (self.rows * self.columns)


@dataclass(frozen=True)
class Published:
    """A published chip: what a product takes there [J], one tile of `devices` PCM a weight."""

    name: str
    rows: int
    columns: int
    devices: int
    phases: int
    energy: float
    source: str

    def predicted(self, technology: Technology) -> float:
        """Return what a technology card says the product takes [J]."""
        tile = Tile(technology=technology, rows=self.rows, columns=self.columns, devices=self.devices)
        return tile.energy(self.phases)


def anchored(technology: Technology, chip: Published) -> Technology:
    """Return a technology whose column makes up for what a chip takes beyond the technology's parts: one
    constant, set from this chip alone, the energy of a conversion in a column.
    """
    parts = technology.converter_price(BITS).energy
    missing = (chip.energy - chip.predicted(technology)) / (chip.phases * chip.columns)
    source = f"{chip.name} alone: {chip.source}"
    column = {"energy [J]": {BITS: parts + missing}, "source": source, "assumption": True}
    own = {f"column of {chip.name}": Converter.model_validate(column)}
    return technology.model_copy(update={"adc": technology.adc | own, "converter": next(iter(own))})


HERMES = Published(
    "HERMES core", 256, 256, 4, 1, 12.5e-9, "10.5 TOPS/W; Khaddam-Aljameh et al., JSSC 57, 2022"
)
LE_GALLO = "Le Gallo et al., Nat. Electron. 6, 2023"
AMBROGIO = "12.4 TOPS/W, chip-sustained; Ambrogio et al., Nature 620, 2023"
OTHERS = (
    Published("64 cores, one phase", 256, 256, 4, 1, 13.4e-9, f"9.76 TOPS/W; {LE_GALLO}"),
    Published("64 cores, four phases", 256, 256, 4, 4, 52.9e-9, f"2.48 TOPS/W; {LE_GALLO}"),
    Published("34 tiles, 4 PCM a weight", 512, 512, 4, 1, 161e-15 * 512 * 512, AMBROGIO),
    Published("34 tiles, 2 PCM a weight", 512, 1024, 2, 1, 161e-15 * 512 * 1024, AMBROGIO),
)
"""IBM's 14 nm PCM chips; energies follow from the TOPS/W of a whole core or chip."""
