"""What keeping a weight array fit costs: rewriting its devices, and reading them for the compensation."""

from __future__ import annotations

from memsim.energy.ledger import UPKEEP
from memsim.run import Run


def upkeep(
    run: Run, technology: str, *, cells: int, lines: int, writes: int, readings: int, siemens: float
) -> dict[str, float]:
    """Return device writes, rows x columns read, and the energy of both [J], of one chip's array.

    A reading reads every row alone: a drive for each of `lines` (rows x column tiles), one conversion and one
    addition for each of `cells` (rows x columns), and V^2 t times all `siemens` [S].
    """
    card, conversions = run.card.weights, readings * cells
    spent = {
        f"program-{technology.lower()}": writes,
        "row-drive": readings * lines,
        card.adc_event: conversions,
        "sample-hold": conversions,
        "bus-bit": conversions * card.adc_bits,
        "digital-add": conversions,
    }
    energy = {event: n * run.card.price(event).energy if n else 0.0 for event, n in spent.items()}
    write, *read = energy.values()
    joule = sum(read) + card.read_joule(readings * siemens)
    return dict(zip(UPKEEP, (writes, write, conversions, joule), strict=True))
