"""A price: energy and area of one event, its technology node and its source."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim.devices.toml_file import Section
from memsim.prices.scaling import NODES, Scale, named, node_of

MAX_ENERGY = 1e-3
"""What no event takes [J]."""

ANY = "any"
"""The node of what no logic node scales: writes of cells, DRAM, a survey's best."""


def _node(value: Any) -> Any:
    """Return a node's name as the table has it."""
    if value is None or value == ANY:
        return value
    text = str(value).replace(" ", "").lower()
    if isinstance(value, str) and re.fullmatch(r"[0-9.]+nm", text):
        meters = node_of(text)
        if min(NODES) <= meters <= max(NODES):
            return text
    near = get_close_matches(f"{text.removesuffix('nm')}nm", [*map(named, NODES), ANY], 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"the node of the circuit is needed, such as '32nm', between 7nm and 130nm, or 'any' for what no"
        f" logic node scales{hint}"
    )


Node = Annotated[str, BeforeValidator(_node)]
"""A technology node by name, ``"32nm"``; ``"any"`` for what no logic node scales."""


NODE_UNKNOWN = "own, node unknown"
"""Mark of an own price that does not say its node."""

FACTOR = 1e4
"""How far an own price may be from that of the technology for the same event [1]."""


class Price(Section):
    """Energy and area of one event, with node and source."""

    energy: float = Field(alias="energy [J]", ge=0, lt=MAX_ENERGY)
    """Energy of one event [J]."""
    area: float | None = Field(default=None, alias="area [m2]", ge=0, lt=1e-4)
    """Area of the part that the event happens in [m2]; unknown where absent."""
    source: str = Field(min_length=8, max_length=1000)
    """Paper, table or file the number was read in."""
    assumption: bool = False
    """True where no source gives the number for this event and a neighbouring one was taken."""
    node: Node | None = None
    """Technology node of the circuit, ``"32nm"``, or ``"any"``; not stated where absent."""
    scaled: bool = True
    """Whether the number is scaled to the node of the card's technology; false: taken unscaled, and the
    mixture of nodes is named wherever an energy is shown.
    """

    @property
    def said(self) -> str:
        """The source, and whether the number is an assumption."""
        return self.source + (" (assumption)" if self.assumption else "")

    def check_against(self, where: str, usual: Price) -> None:
        """Raise ValueError for an energy or area more than `FACTOR` away from the usual one; 0 is allowed.

        where: of the price in its card.
        """
        for field, unit in (("energy", "J"), ("area", "m2")):
            own, known = getattr(self, field), getattr(usual, field)
            if own and known and not known / FACTOR <= own <= known * FACTOR:
                low, high = known / FACTOR, known * FACTOR
                raise ValueError(
                    f"{where}.{field} [{unit}] = {own:g}: {low:.1e} to {high:.1e} {unit} is allowed, "
                    f"the technology has {known:.3g} {unit}; was a prefix missed?"
                )

    def times(self, scale: Scale, node: str | None) -> Self:
        """Return the price at another node, which is `node`."""
        return self.model_copy(
            update={
                "energy": self.energy * scale.energy,
                "area": None if self.area is None else self.area * scale.area,
                "source": f"{self.source}; {scale.said}",
                "node": node,
            }
        )
