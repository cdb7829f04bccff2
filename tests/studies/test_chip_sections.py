"""What a report says of a user's own card and cells: every number that is not the built-in card's."""

import memsim
from memsim import devices
from memsim.devices.card_cell import card_of
from memsim.studies.reports.chip_sections import differences, every_number, measured_cells
from memsim.studies.reports.page import Words
from memsim.studies.reports.table import Table

CARD = memsim.ChipCard.load("default")


def test_the_built_in_card_is_called_so() -> None:
    (part,) = differences(CARD)
    assert isinstance(part, Words) and part.text == "Card default is the built-in card, unchanged."
    assert measured_cells(CARD) == []


def test_an_own_card_shows_what_is_other_with_units_and_sources() -> None:
    price = {"adc-8b": {"energy [J]": 3.25e-12, "source": "measured in this test"}}
    own = CARD.replace(name="mine", weights={"read_voltage [V]": 0.3, "tile_rows": 64}, prices=price)
    (part,) = differences(own.without("drift"))
    assert isinstance(part, Table) and part.title == "Card mine compared with the built-in card default"
    rows = {row[0]: list(row[1:]) for row in part.rows}
    assert rows["weights.read_voltage [V]"][:2] == ["0.3", "0.2"]
    assert rows["weights.tile_rows"][:2] == ["64", "256"] and len(rows["weights.tile_rows"][2]) > 20
    assert (
        rows["price of adc-8b [pJ]"][0] == "3.250"
        and "measured in this test" in rows["price of adc-8b [pJ]"][2]
    )
    assert rows["off"][:2] == ["drift", "nothing"]
    assert "attention.cell" not in rows and "All other numbers are those of card default." in part.note


def test_a_card_of_a_built_in_name_goes_by_that_one() -> None:
    (part,) = differences(memsim.ChipCard.load("hermes").replace(weights={"tile_rows": 64}))
    assert isinstance(part, Table) and part.header[2] == "hermes"
    assert [row[0] for row in part.rows] == ["weights.tile_rows"]


def test_every_number_of_an_own_device_card_is_printed() -> None:
    """Siemens with prefixes, and the source that the card names."""
    cell = devices.get("reram-om")
    own = CARD.replace(name="mine", attention={"cell": card_of(cell, (20e-6, 10e-6))})
    (part,) = measured_cells(own)
    assert isinstance(part, Table) and part.header == ["number", "value", "meaning"]
    rows = {row[0]: row[1] for row in part.rows}
    assert rows["g_max"].endswith(" µS") and cell.source in part.note
    assert {"n_max", "g_min", "g_max", "step_up", "write_noise", "reset"} <= set(rows)


def test_every_field_and_price_is_folded_away() -> None:
    sections = every_number(CARD)
    assert all(section.folded for section in sections)
    assert sum(len(part.rows) for one in sections for part in one.parts if isinstance(part, Table)) > 60
