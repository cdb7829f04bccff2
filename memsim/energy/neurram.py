"""NeuRRAM's energy of an operation, predicted from its parts: one product of a core, by bits in and out.

    E = cycles (rows C V^2 + columns (sample + integrate)) + columns (2^(out - 1) steps + in shifts)
    cycles = max(2^(in - 1) - 1, 1)

Inputs are signed and come bit by bit: bit k is sampled and integrated 2^k times, and an input of one bit once
(three levels). A neuron counts down 2^(out - 1) steps at most, one sign apart; it is taken to use them all.
Parts: Wan et al., Nature 608, 504 (2022), as CiMLoop's cell files have them, 130 nm, 1.8 V (technology
``neurram``).  An operation is a multiply or an add: a pair of cells is two.  Left out: devices' currents,
control, and what carries data to and from a core.  The chip's published energies were not used, and are not
known here.

``python -m memsim.energy.neurram`` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from memsim.prices.technology import Technology

BITS = ((3, 1), (4, 2), (5, 3), (6, 4), (8, 6), (10, 8))
"""(out, in)."""

ROWS, COLUMNS = 256, 256
"""Cells of a core; a weight is a pair of them on two rows."""


@dataclass(frozen=True)
class Product:
    """Energy of one product of a whole core [J], by part."""

    rows: float
    neurons_in: float
    neurons_out: float

    @property
    def operation(self) -> float:
        """Energy of one operation [J], two for each pair of cells."""
        return (self.rows + self.neurons_in + self.neurons_out) / (2 * ROWS / 2 * COLUMNS)


def cycles(bits: int) -> int:
    """Return samplings of an input of that many bits; ValueError below 1."""
    if bits < 1:
        raise ValueError(f"bits = {bits}: an input has 1 bit or more")
    return max(2 ** (bits - 1) - 1, 1)


def product(bits_out: int, bits_in: int) -> Product:
    """Return what a product takes; ValueError for fewer than 2 bits out, which a sign and a magnitude are."""
    if bits_out < 2:
        raise ValueError(f"bits_out = {bits_out}: a sign and a magnitude are 2 bits or more")
    parts, number = Technology.load("neurram").parts, cycles(bits_in)
    each = parts["neuron-sample"].energy + parts["neuron-integrate"].energy
    steps = 2 ** (bits_out - 1) * parts["neuron-adc-step"].energy
    shifts = bits_in * parts["neuron-shift-add"].energy
    return Product(
        rows=number * ROWS * parts["row-driver"].energy,
        neurons_in=number * COLUMNS * each,
        neurons_out=COLUMNS * (steps + shifts),
    )


def table() -> list[tuple[str, ...]]:
    """Bits out and in, energy of a product [nJ] by part and in all, of an operation [fJ], and operations a
    second and watt [TOPS/W].
    """
    rows = []
    for bits_out, bits_in in BITS:
        found = product(bits_out, bits_in)
        parts = (found.rows, found.neurons_in, found.neurons_out)
        nano = [f"{1e9 * part:.2f}" for part in (*parts, sum(parts))]
        each, efficiency = f"{1e15 * found.operation:.1f}", f"{1e-12 / found.operation:.3g}"
        rows.append((f"{bits_out}, {bits_in}", *nano, each, efficiency))
    return rows


HEADER = (
    "bits out, in",
    "rows [nJ]",
    "neurons, in [nJ]",
    "neurons, out [nJ]",
    "product [nJ]",
    "operation [fJ]",
    "TOPS/W",
)
"""Columns of the table."""

if __name__ == "__main__":
    for row in (HEADER, *table()):
        print(" ".join(f"{cell:>18}" for cell in row))
