"""Sections of a report about the chip: its cells, numbers of a user's own card and cells, every number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import memsim
from memsim.card.chip_card import built_in
from memsim.devices.device_card import DeviceCard
from memsim.studies.reports.card_numbers import of_card
from memsim.studies.reports.methods import card_tables
from memsim.studies.reports.page import Part, Section, Words
from memsim.studies.reports.quantities import digits
from memsim.studies.reports.table import Table
from memsim.studies.running import provenance

USES = {"weights": "weight", "attention": "attention"}
"""Sections of a card that name a cell, and the arrays they are of."""


def own(card: memsim.ChipCard, parts: tuple[Part, ...] = ()) -> Section:
    """Return a section with these parts and what is a user's own of a card; without parts where nothing
    is.
    """
    return Section(title="The chip", parts=[*parts, *differences(card), *measured_cells(card)])


def every_number(card: memsim.ChipCard) -> list[Section]:
    """Return every field of the card and every price, each in a folded section."""
    fields, prices = card_tables(card)
    return [
        Section(title="The card: every number", parts=[fields], folded=True),
        Section(title="Prices", parts=[prices], folded=True),
    ]


def cells(card: memsim.ChipCard) -> Table:
    """Return the two cells with technology, effects and source."""
    rows = [list(row.values()) for row in provenance.cell_rows(card)]
    header = ["arrays", "cell", "technology", "effects on", "effects off", "source"]
    return Table(title="Cells", header=header, rows=rows)


def differences(card: memsim.ChipCard) -> list[Part]:
    """Return what a card has other than the built-in card that it goes by: fields with units, prices and
    sources.

    That is the built-in card of its name, the default card where there is none; [] where they are the same.
    """
    name = card.name if card.name in built_in() else "default"
    base = memsim.ChipCard.load(name)
    about = f"{card.description.rstrip('.')}. " if card.description != base.description else ""
    ours, theirs = _fields(card), _fields(base)
    rows = [
        [key, ours.get(key, ABSENT)[0], theirs.get(key, ABSENT)[0], (ours.get(key) or theirs[key])[1]]
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key, ABSENT)[0] != theirs.get(key, ABSENT)[0]
    ]
    if not rows:
        return [Words(text=f"Card {card.name} is the built-in card, unchanged.")]
    note = f"{about}All other numbers are those of card {name}."
    title = f"Card {card.name} compared with the built-in card {name}"
    header = ["key [unit]", "this card", name, "meaning and source"]
    return [Table(title=title, header=header, rows=rows, note=note)]


ABSENT = ("", "")
"""Value and meaning of a field that a card does not have."""


def _fields(card: memsim.ChipCard) -> dict[str, tuple[str, str]]:
    """Return the value and meaning of every field and price."""
    shown = {"technology": (card.technology, _description(card, "technology"))}
    shown |= {row["key"]: (row["value"], row["about"]) for row in provenance.card_rows(card)}
    for event, price in card.all_prices.items():
        source = f"{'assumption: ' if price.assumption else ''}{price.source}"
        shown[f"price of {event} [pJ]"] = (digits(1e12 * price.energy, 4), source)
    return shown


def _description(card: memsim.ChipCard, field: str) -> str:
    return " ".join((type(card).model_fields[field].description or "").split())


def measured_cells(card: memsim.ChipCard) -> list[Part]:
    """Return every number of the cells that come from device cards, and what is ideal in them."""
    found: Mapping[str, Any] = {use: getattr(card, use).cell for use in USES}
    parts: list[Part] = []
    for use, cell in found.items():
        if not isinstance(cell, DeviceCard):
            continue
        lines, remark = of_card(cell)
        note = " ".join(
            filter(None, [f"{cell.technology}; {cell.source}.", remark and f"{_capital(remark)}."])
        )
        title = f"Cell {cell.name} of the {USES[use]} arrays, from a device card"
        rows = [list(line) for line in lines]
        parts.append(Table(title=title, header=["number", "value", "meaning"], rows=rows, note=note))
    return parts


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
