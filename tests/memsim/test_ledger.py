"""The ledger adds up, prices every event from the card, and refuses nonsense."""

import copy
import pickle

import pytest
import torch

from memsim import CardError, ChipCard, Ledger
from memsim.prices.events import Event, component, declare, known_event

ADC = ChipCard.load("default").price("adc-8b").energy


def ledger() -> Ledger:
    book = Ledger(ChipCard.load("default"))
    book.images = 2
    book.add("block0", "adc-8b", 100)
    book.add("block0", "adc-8b", 20)
    book.add("block1", "pulse-reram", 7)
    book.add_read("block1", 3e-12)
    return book


def test_energy_is_number_times_price_for_each_image():
    assert ledger().energy == pytest.approx((120 * ADC + 7 * 2.56e-12 + 3e-12) / 2, rel=1e-12)


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


def test_doubling_joules_doubles_their_line_and_no_other():
    once, twice = ledger(), ledger()
    for book in (once, twice):
        book.add("block1", "half-select", 7, 1e-12)
        book.add("block1", "line-charge", 3, torch.tensor([2e-12, 1e-12]))
    twice.add("block1", "half-select", 7, 1e-12)
    before, after = once.breakdown(), twice.breakdown()
    assert before["half-selected cells"] == pytest.approx(0.5e-12) == before["write lines"] / 3
    assert after.pop("half-selected cells") == pytest.approx(2 * before.pop("half-selected cells"), rel=1e-12)
    assert before == after
    assert twice.number("half-select") == 7 and once.number("line-charge") == 1.5


def test_every_line_has_a_source():
    assert all(len(line.source) > 8 for line in ledger().lines())


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
        assert component(event)


@pytest.mark.parametrize(
    ("slip", "near"), [("digital-ad", "digital-add"), ("adc-8", "adc-<bits>b"), ("adc-xb", "adc-<bits>b")]
)
def test_an_event_nothing_emits_is_refused_when_it_is_added(slip, near):
    book = ledger()
    with pytest.raises(ValueError, match=f"no event '{slip}'; did you mean '{near}'"):
        book.add("block0", slip, 1)
    with pytest.raises(CardError, match=f"no event '{slip}'"):
        ChipCard.load("default").replace(prices={slip: {"energy [J]": 1e-12, "source": "made up here"}})


def test_an_event_is_declared_once_and_a_family_has_any_technology():
    with pytest.raises(ValueError, match="'digital-add' is declared already"):
        declare(Event("digital-add", "digital arithmetic"))
    assert known_event("pulse-mine") and known_event("adc-12b") and not known_event("pulse-")


def test_joules_of_an_event_with_a_price_are_refused():
    with pytest.raises(ValueError, match="digital-add has a price"):
        ledger().add("block0", "digital-add", 1, 1e-12)


def test_an_event_that_needs_no_price_is_listed_as_uncounted_until_a_card_prices_it():
    book = ledger()
    before = book.energy
    book.add("block0", "digital-function", 6)
    assert book.energy == before and book.uncounted == {("block0", "digital-function"): 3.0}
    price = {"energy [J]": 1e-12, "source": "made up here"}
    book.card = book.card.replace(prices={"digital-function": price})
    assert book.energy == pytest.approx(before + 3e-12, rel=1e-12) and not book.uncounted


def test_a_page_apart_leaves_the_ledger_as_it_was():
    book = ledger()
    before, book.open = book.energy, False
    with book.apart() as page:
        book.add("block0", "adc-8b", 1)
        book.images = 1
        assert page.counts == {("block0", "adc-8b"): 1} and book.energy < before
    assert book.energy == before and not book.open


def test_a_copy_counts_on_its_own():
    book = ledger()
    twin = copy.deepcopy(book)
    twin.add("block0", "adc-8b", 5)
    twin.images += 1
    assert book.energy == ledger().energy and twin.number("adc-8b") == 125 / 3
    assert pickle.loads(pickle.dumps(book)).energy == book.energy


def test_its_repr_is_one_line_of_totals():
    assert repr(ledger()) == "Ledger(1.67e-10 J and 0 s an image; 2 kinds of events, 2 chip-images)"
    book = ledger()
    book.add("block0", "adc-16b", 1)
    assert "no energy: default: no price for 'adc-16b'" in repr(book)


def test_a_line_as_files_have_it():
    (line,) = (line for line in ledger().lines() if line.event == "adc-8b")
    found = line.json()
    assert found["energy [J]"] == pytest.approx(60 * found["price [J]"])
    assert list(found) == ["layer", "event", "component", "number", "price [J]", "energy [J]", "source"]


PRICES = tuple(ChipCard.load("default").price(e).energy for e in ("adc-8b", "row-drive", "pulse-reram"))


class TestShares:
    """Numbers that come by chip and time step."""

    def book(self) -> Ledger:
        """Two chips, three steps; adc alike everywhere, drives by chip and step, pulses by chip."""
        book = Ledger(ChipCard.load("default"))
        book.images = 2 * 5
        book.add("block0", "adc-8b", 60)
        book.add("block0", "row-drive", torch.tensor([[1.0, 2, 3], [4, 5, 6]]))
        book.add("block1", "pulse-reram", torch.tensor([10.0, 30]))
        book.add_read("block1", torch.tensor([[1.0, 0, 0], [0, 0, 2]]) * 1e-12)
        return book

    def test_totals_are_as_without_shares(self):
        plain = Ledger(ChipCard.load("default"))
        plain.images = 10
        for event, number in (("adc-8b", 60), ("row-drive", 21), ("pulse-reram", 40)):
            plain.add("x", event, number)
        plain.add_read("x", 3e-12)
        assert self.book().energy == pytest.approx(plain.energy, rel=1e-12)

    def test_by_chip_by_hand(self):
        adc, drive, pulse = PRICES
        expected = [30 * adc + 6 * drive + 10 * pulse + 1e-12, 30 * adc + 15 * drive + 30 * pulse + 2e-12]
        assert self.book().divided("chip").tolist() == pytest.approx([e / 5 for e in expected], rel=1e-12)

    def test_by_step_by_hand(self):
        adc, drive, pulse = PRICES
        even = 20 * adc + 40 / 3 * pulse
        expected = [even + 5 * drive + 1e-12, even + 7 * drive, even + 9 * drive + 2e-12]
        assert self.book().divided("step").tolist() == pytest.approx([e / 10 for e in expected], rel=1e-12)

    def test_they_add_up_to_the_energy(self):
        book = self.book()
        assert float(book.divided("chip").mean()) == pytest.approx(book.energy, rel=1e-12)
        assert float(book.divided("step").sum()) == pytest.approx(book.energy, rel=1e-12)

    def test_a_later_batch_adds_to_the_shares(self):
        book = self.book()
        before = book.divided("chip")
        book.add("block0", "row-drive", torch.tensor([[0.0, 0, 0], [7, 7, 7]]))
        assert book.divided("chip")[0] == before[0] and book.divided("chip")[1] > before[1]

    def test_what_happens_once_serves_every_step(self):
        book = self.book()
        before = book.divided("step")
        book.add("encoder", "row-drive", torch.tensor([[6.0], [0]]))
        assert (book.divided("step") - before).tolist() == pytest.approx([2 * PRICES[1] / 10] * 3, rel=1e-9)

    def test_a_ledger_without_shares_says_so(self):
        with pytest.raises(ValueError, match="by chip: no event has shares"):
            ledger().divided("chip")


def test_totals_agree_to_the_last_digits():
    """Component, layer, event, chip and step all add up to the grand total, to 1e-12."""
    book = TestShares().book()
    sums = [sum(book.breakdown(by).values()) for by in ("component", "layer", "event")]
    sums += [float(book.divided("chip").mean()), float(book.divided("step").sum())]
    assert sums == pytest.approx([book.energy] * 5, rel=1e-12)
