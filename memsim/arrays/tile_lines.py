"""What the resistance of a tile's lines leaves of its devices, as a chip card asks."""

from __future__ import annotations

from memsim.arrays.weight_devices import Sensed, means
from memsim.card.fields import CardFields
from memsim.wires.lines import Lines
from memsim.wires.segment import Segment, settling_time
from memsim.wires.tiles import pairs_through_lines


def settling(segment: Segment, rows: int, columns: int, bits: int) -> float:
    """Time [s] after which both lines of an array of pairs are within half a step of a converter."""
    share = 2.0 ** -(bits + 1)
    return settling_time(segment, 2 * columns, share=share) + settling_time(segment, rows, share=share)


def lines_of(card: CardFields) -> Lines | None:
    """The lines of weight tiles; None where they lose nothing."""
    how, segment = card.weights.wires, card.segment().resistance
    if how == "none" or not card.on("wires") or not segment:
        return None
    return Lines(segment, segment, how)


def behind(lines: Lines, sensed: Sensed, tiles: tuple[int, int], activity: float, noisy: bool) -> Sensed:
    """Return what a read sees of `sensed`, its total among it, behind the lines of row and column tiles.

    The sums of rows that energy goes by stay those of ideal lines; the total is kept for `noisy` reads alone.
    """
    total, difference = sensed.total_SRC, sensed.difference_SRC
    assert total is not None
    plus, minus = ((total + sign * difference).clamp(min=0) / 2 for sign in (1, -1))
    plus, minus = pairs_through_lines(plus, minus, lines, tiles, activity)
    seen = plus - minus
    return sensed._replace(
        difference_SRC=seen, total_SRC=plus + minus if noisy else None,
        **means(seen, len(sensed.mean_column)),
    )  # fmt: skip
