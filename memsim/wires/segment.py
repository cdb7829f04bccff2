"""What a segment of a line is, from the technology and the cell, and how long a line takes to settle."""

from __future__ import annotations

import math
from dataclasses import dataclass

from memsim.prices.technology import Technology

WITH_TRANSISTOR, PASSIVE = 4.0, 2.0
"""Side of a cell in widths of a wire: of a transistor and a device, of a device alone (NeuroSim 1.4)."""


@dataclass(frozen=True)
class Segment:
    """A line from one cell to the next."""

    resistance: float  #: [ohm]
    capacitance: float  #: [F]

    @classmethod
    def of(
        cls, technology: str | Technology, *, side: float | None = None, pitch: float | None = None
    ) -> Segment:
        """Return the segment over a cell of a technology's lowest wires.

        Its length is `pitch` [m], or `side` widths of a wire (4 with a transistor, where neither is given).
        At 45 nm and a side of 4: .70 ohm, .064 fF.  Raises ValueError for a technology without wires, for
        both lengths, or one that is not above 0.
        """
        card = Technology.load(technology) if isinstance(technology, str) else technology
        if card.wires is None:
            raise ValueError(
                f"technology {card.name!r} has no [wires]: name one that has, or give a card them"
            )
        if side is not None and pitch is not None:
            raise ValueError(f"side={side:g} and pitch={pitch:g} m: one of them is needed")
        given = pitch if pitch is not None else (WITH_TRANSISTOR if side is None else side)
        if not 0.0 < given < math.inf:
            raise ValueError(f"length of a segment={given:g}: above 0 and finite is needed")
        if pitch is not None and pitch > 1e-3:
            raise ValueError(f"pitch={pitch:g} m: below 1 mm is needed; a pitch is in metres, 1e-7 is 100 nm")
        side = given if pitch is None else pitch / card.wires.width
        return cls(*card.wires.cell(side))


def elmore_delay(segment: Segment, cells: int, *, driver: float = 0.0, load: float = 0.0) -> float:
    """Return the Elmore delay [s] of the far end of a line of `cells` cells.

    R_driver N C + r C N (N + 1) / 2, the first moment of its answer to a step, where each node has C of its
    segment and `load` [F] of its cell (a transistor's drain); `driver` [ohm] is what drives it.  Devices to
    other lines are left out: they only make a line settle sooner.  Source: W. C. Elmore, J. Appl. Phys. 19,
    55 (1948).
    """
    each = segment.capacitance + load
    return driver * cells * each + segment.resistance * each * cells * (cells + 1) / 2


def settling_time(
    segment: Segment, cells: int, *, share: float, driver: float = 0.0, load: float = 0.0
) -> float:
    """Return a time [s] after which a line is within `share` of its end: ln(1 / share) Elmore delays.

    An upper estimate: the slowest time constant of a line is .81 of its Elmore delay without a driver's
    resistance, and all of it where that rules.  Half a step of a converter of b bits is share = 2^-(b + 1).
    Raises ValueError for a share outside 0 to 1.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"share={share:g}: between 0 and 1 is needed, such as 2^-9 for 8 bits")
    return elmore_delay(segment, cells, driver=driver, load=load) * math.log(1.0 / share)
