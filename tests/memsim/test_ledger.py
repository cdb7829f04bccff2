"""The ledger adds up, prices every event from the card, and refuses nonsense."""

import pytest

from memsim import CardError, ChipCard, Ledger
from memsim.ledger import component


def ledger() -> Ledger:
    book = Ledger(ChipCard.load("default"))
    book.images = 2
    book.add("block0", "adc-8b", 100)
    book.add("block0", "adc-8b", 20)
    book.add("block1", "pulse-reram", 7)
    book.add_read("block1", 3e-12)
    return book


def test_energy_is_number_times_price_for_each_image():
    assert ledger().energy == pytest.approx((120 * 1.67e-12 + 7 * 1.3e-12 + 3e-12) / 2, rel=1e-12)


def test_components_and_layers_add_up_to_the_same_total():
    book = ledger()
    for by in ("component", "layer", "event"):
        assert sum(book.breakdown(by).values()) == pytest.approx(book.energy, rel=1e-12)


def test_doubling_an_event_doubles_its_line_and_no_other():
    once, twice = ledger(), ledger()
    twice.add("block1", "pulse-reram", 7)
    before, after = once.breakdown(), twice.breakdown()
    assert after.pop("attention pulses") == pytest.approx(2 * before.pop("attention pulses"), rel=1e-12)
    assert before == after


def test_every_line_has_a_source():
    assert all(len(str(line["source"])) > 8 for line in ledger().lines())


@pytest.mark.parametrize("number", [-1.0, float("nan")])
def test_a_negative_or_undefined_number_of_events_is_refused(number):
    with pytest.raises(ValueError, match="block0: adc-8b"):
        ledger().add("block0", "adc-8b", number)


def test_an_event_without_a_price_is_refused_by_name():
    book = ledger()
    book.add("block0", "adc-16b", 1)
    with pytest.raises(CardError, match="no price for 'adc-16b'"):
        _ = book.energy


def test_a_closed_ledger_counts_nothing():
    book = ledger()
    before = book.energy
    book.open = False
    book.add("block0", "adc-8b", 1e9)
    book.add_read("block0", 1.0)
    assert book.energy == before


def test_every_priced_event_belongs_to_a_component():
    for event in ChipCard.load("default").prices:
        if not event.startswith("sop"):
            assert component(event)
