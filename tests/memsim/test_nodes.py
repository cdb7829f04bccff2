"""One node on both sides: own prices carry their node, are scaled or named; what cannot be is refused."""

import pytest

from memsim import CardError, ChipCard, Technology
from memsim.energy.area import areas
from memsim.energy.nodes import mixture, node, other_nodes
from memsim.energy.work import Matrix
from memsim.prices.price import Price
from memsim.prices.scaling import NODES, relative_energy

DEFAULT = ChipCard.load("default")


def priced(event: str = "adc-8b", **fields) -> ChipCard:
    return DEFAULT.replace(prices={event: {"energy [J]": 1.67e-12, "source": "measured here", **fields}})


def test_every_price_of_the_default_card_is_of_its_node_or_of_none():
    assert node(DEFAULT) == "45nm"
    assert {price.node for price in DEFAULT.prices.values()} == {"45nm", "any"}
    assert not other_nodes(DEFAULT) and mixture(DEFAULT) == ""


def test_a_price_of_another_node_is_scaled():
    up = relative_energy(45e-9, 0.9) / relative_energy(32e-9, 0.9)
    card = priced(node="32nm")
    found = card.price("adc-8b")
    assert found.energy == pytest.approx(up * 1.67e-12, rel=1e-12)
    assert found.node == "45nm" and "32 to 45 nm" in found.source
    assert found.energy == pytest.approx(DEFAULT.price("adc-8b").energy)
    assert not other_nodes(card)
    again = ChipCard.parse(card.model_dump(by_alias=True, exclude_unset=True))  # once, not twice
    assert again.price("adc-8b") == found
    down = relative_energy(14e-9, 0.8) / relative_energy(32e-9, 0.9)
    assert card.replace(technology="14nm").price("adc-8b").energy == pytest.approx(down * 1.67e-12)


def test_a_price_taken_as_it_stands_is_named():
    card = priced(node="32nm", scaled=False)
    assert card.price("adc-8b").energy == 1.67e-12
    assert other_nodes(card) == {"32nm": ["adc-8b"]}
    assert mixture(card) == "Prices of several technology nodes: adc-8b of 32nm; all else of 45nm."


def test_a_price_that_does_not_say_its_node_is_named():
    card = priced()
    assert other_nodes(card) == {"own, node unknown": ["adc-8b"]}
    assert "adc-8b (own, node unknown); all else of 45nm" in mixture(card)
    assert card.price("adc-8b").said == "measured here (own, node unknown)"
    assert ChipCard.parse(card.model_dump(by_alias=True)).price("adc-8b") == card.price("adc-8b")
    assert not other_nodes(priced(node="45nm")) and not other_nodes(priced(node="any"))


@pytest.mark.parametrize("event", ["pulse-reram", "reset-reram", "program-pcm"])
def test_no_logic_node_scales_what_is_done_to_a_cell(event):
    assert not other_nodes(priced(event))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("32", ["prices.adc-8b.node", "'32nm'", "did you mean '32nm'"]),
        ("31mn", ["prices.adc-8b.node", "such as '32nm'"]),
        ("3nm", ["between 7nm and 130nm"]),
        ("500nm", ["between 7nm and 130nm"]),
        (32, ["prices.adc-8b.node"]),
        ("", ["prices.adc-8b.node"]),
    ],
)
def test_a_node_that_is_none_is_refused(wrong, words):
    with pytest.raises(CardError) as refusal:
        priced(node=wrong)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("event", "fields", "words"),
    [
        ("adc-8", {}, ["no event 'adc-8'", "did you mean 'adc-<bits>b'"]),
        ("sample-holds", {}, ["no event 'sample-holds'", "did you mean 'sample-hold'"]),
        ("bus-bits", {}, ["did you mean 'bus-bit'"]),
        ("bus-bit", {"energy [J]": -1e-15}, ["prices.bus-bit.energy [J]", "greater"]),
        ("bus-bit", {"nod": "32nm"}, ["unknown key", "prices.bus-bit.nod", "did you mean"]),
        ("bus-bit", {"scaled": "maybe"}, ["prices.bus-bit.scaled"]),
    ],
)
def test_a_price_that_is_wrong_is_refused_before_the_work(event, fields, words):
    with pytest.raises(CardError) as refusal:
        priced(event, **fields)
    for word in words:
        assert word in str(refusal.value)


def test_a_price_that_cannot_be_scaled_is_refused(tmp_path):
    path = tmp_path / "node.toml"
    path.write_text('name = "mine"\n')
    own = {"energy [J]": 1e-12, "source": "measured here", "node": "32nm"}
    with pytest.raises(CardError, match=r"mine: scaling needs its node"):
        ChipCard.parse({"name": "chip", "technology": str(path), "prices": {"adc-8b": own}})
    kept = ChipCard.parse(
        {"name": "chip", "technology": str(path), "prices": {"adc-8b": own | {"scaled": False}}}
    )
    assert other_nodes(kept) == {"32nm": ["adc-8b"]}


@pytest.mark.parametrize("event", ["bus-bit", "sample-hold", "column-second", "digital-mac"])
def test_a_card_without_the_price_of_an_event_is_refused_before_the_work(event):
    prices = {name: price for name, price in DEFAULT.prices.items() if name != event}
    with pytest.raises(CardError, match=f"no price for '{event}'"):
        DEFAULT.model_copy(update={"prices": prices}).check_prices()


def test_parts_of_a_technology_card_of_another_node_are_scaled_too():
    """The DAC and registers are of 40 nm, a column's static power of 130 nm."""
    card = Technology.load("45nm")
    for part, there, supply, joule in (
        ("dac-8b", 40e-9, 0.9, 0.291e-12),
        ("column-second", 130e-9, 1.2, 30e-9),
    ):
        up = relative_energy(45e-9, 0.9) / relative_energy(there, supply)
        assert card.parts[part].energy == pytest.approx(up * joule, rel=1e-9)
        assert card.parts[part].node is None
    assert Technology.load("130nm").parts["column-second"].energy == pytest.approx(30e-9, rel=1e-9)


def test_supplies_are_those_of_the_cards():
    for name in ("130nm", "65nm", "45nm", "32nm", "22nm", "14nm"):
        card = Technology.load(name)
        assert card.node is not None and NODES[card.node] == card.supply


def test_a_price_says_so_itself():
    assert (
        Price.model_validate({"energy [J]": 1.0e-12, "source": "measured here", "node": "32 NM"}).node
        == "32nm"
    )


def converter(**fields) -> ChipCard:
    table = {"energy [J]": 1.67e-12, "area [m2]": 1e-9, "source": "measured here", **fields}
    return DEFAULT.replace(weights={"adc": table})


def test_a_converter_of_the_cards_own_is_scaled_from_its_node():
    up = relative_energy(45e-9, 0.9) / relative_energy(32e-9, 0.9)
    card, here = converter(node="32nm"), converter(node="45nm")
    event = card.weights.adc_event
    assert card.price(event).energy == pytest.approx(up * 1.67e-12, rel=1e-12)
    assert here.price(event).energy == 1.67e-12
    assert not other_nodes(card) and not other_nodes(here)
    works = [Matrix(name="0", rows=8, columns=1, positions=1, passes=1, inputs=8, ones=8, drives=8)]
    assert areas(works, here)["ADC"] == pytest.approx(1e-9)
    assert areas(works, card)["ADC"] == pytest.approx((45 / 32) ** 2 * 1e-9)
    alone = DEFAULT.replace(weights={"adc": {"area [m2]": 1e-9, "node": "32nm"}})
    assert areas(works, alone)["ADC"] == pytest.approx((45 / 32) ** 2 * 1e-9)
    assert alone.price(alone.weights.adc_event) == DEFAULT.price("adc-8b")


def test_a_converter_that_does_not_say_its_node_is_marked():
    card = converter()
    event = card.weights.adc_event
    assert event == "adc-8b-weights"
    assert other_nodes(card) == {"own, node unknown": [event]}
    assert mixture(card).startswith(f"Prices of several technology nodes: {event} (own, node unknown);")
    assert card.price(event).said == "measured here (own, node unknown)"
    assert not other_nodes(converter(node="any"))


def test_a_node_of_nothing_and_one_that_cannot_be_scaled_are_refused(tmp_path):
    with pytest.raises(CardError, match=r"weights\.adc.*node.*no energy or area of its own"):
        DEFAULT.replace(weights={"adc": {"node": "32nm"}})
    with pytest.raises(CardError, match=r"weights\.adc\.node.*did you mean '32nm'"):
        converter(node="32")
    path = tmp_path / "node.toml"
    path.write_text('name = "mine"\n')
    adc = {"energy [J]": 1e-12, "source": "measured here", "node": "32nm"}
    with pytest.raises(CardError, match=r"mine: scaling needs its node"):
        ChipCard.parse({"name": "chip", "technology": str(path), "weights": {"adc": adc}})
