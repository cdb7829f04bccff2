"""What `memsim devices` says of a cell: of presets as recorded here, of cards from their fields.

Neither takes a tensor; cells of others are built.

    python -m memsim.studies.reports.cell_descriptions      records the presets anew, where one has changed
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memsim.devices import missing_verbs, registry
from memsim.devices.device_card import DeviceCard
from memsim.devices.endurance import Endurance, of_technology
from memsim.studies.reports.card_numbers import Number, of_card

if TYPE_CHECKING:
    from memsim.devices.cell import Cell

RECORD = Path(__file__).with_name("presets.json")


class CellDescription(NamedTuple):
    """A cell in words and numbers."""

    fields: dict[str, Any]  #: for JSON: what it is, then every number of its law
    numbers: list[Number]  #: for people
    remark: str  #: on the numbers


def description_of(name: str) -> CellDescription:
    """Return a cell by name, or a device card by its file. Raises ValueError for an unknown name, and
    CardError.
    """
    if name.endswith(".toml"):
        return of_card_itself(DeviceCard.load(name))
    known = registry.preset(name).name
    return _recorded()[known] if known in registry.PRESETS else _of_cell(registry.get(known))


def endurance(fields: dict[str, Any]) -> Endurance | None:
    """Write cycles a cell lives, of its fields."""
    found = fields["endurance [cycles]"]
    return Endurance(**found) if found else None


@cache
def _recorded() -> dict[str, CellDescription]:
    found = json.loads(RECORD.read_text("utf-8"))
    return {
        name: CellDescription(one["fields"], [Number(*n) for n in one["numbers"]], one["remark"])
        for name, one in found.items()
    }


def of_card_itself(card: DeviceCard) -> CellDescription:
    """Return a card as it says itself."""
    one, own = card.section, card.endurance
    pulsed, source = card.pulsed, card.source
    lives = Endurance(own, own, source) if own else of_technology(card.technology)
    fields = {
        "name": card.name, "technology": card.technology, "kind": "pulsed" if pulsed else "weight",
        "states": pulsed.states if pulsed else None, "n_max": pulsed.n_max if pulsed else 0,
        "one_sided": bool(pulsed and pulsed.one_sided), "effects": list(one.effects),
        "unsupported": dict(missing_verbs.PULSED if pulsed else missing_verbs.WEIGHT),
        "source": source, "endurance [cycles]": lives._asdict() if lives else None,
    }  # fmt: skip
    return CellDescription(
        fields | one.model_dump(mode="json", by_alias=True, exclude_none=True), *of_card(card)
    )


def _of_cell(cell: Cell) -> CellDescription:
    from memsim.studies.reports.cell_numbers import numbers  # needs torch

    about = dataclasses.asdict(cell.describe())
    lives = cell.endurance_range
    about |= {
        "states": None if math.isinf(about["states"]) else about["states"],
        "effects": list(cell.effects),
        "endurance [cycles]": lives._asdict() if lives else None,
    }
    own = {key: value for key, value in _law(dataclasses.asdict(cell)) if key not in about}
    return CellDescription(json.loads(json.dumps(about | own)), *numbers(cell))


def _law(fields: dict[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number of nested fields, by its path; a population's own names stand alone."""
    for key, value in fields.items():
        name = f"{under}{key}"
        if isinstance(value, tuple) and value and isinstance(value[0], dict):
            value = {str(k): part for k, part in enumerate(value)}
        if isinstance(value, dict):
            yield from _law(value, "" if key == "population" else f"{name}.")
        elif isinstance(value, (str, int, float, tuple)) and not (value == math.inf):
            yield name, value


def recorded() -> str:
    """Return what the record must hold, of the presets as they are: a line for each."""
    found = {name: _of_cell(registry.get(name))._asdict() for name in registry.PRESETS}
    lines = (f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in found.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    RECORD.write_text(recorded(), encoding="utf-8")
