"""Two thousand mutated cards: each is read, or refused in one short message."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memsim import ChipCard
from memsim.devices.device_card import DeviceCard
from memsim.devices.toml_file import BYTES, DEPTH, MESSAGE, VALUES, CardError
from memsim.prices.technology import Technology
from tests.devices.test_device_card import pulsed, weight
from tests.mutations import damaged, mutant, nested


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def outcome(parse: Callable[[], Any]) -> Any:
    """The card, or None where it is refused as it should be; anything else that is raised is a fault."""
    try:
        return parse()
    except CardError as error:
        assert 0 < len(str(error)) <= MESSAGE
        return None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "hermes", "neurram-wan2022"])
def test_mutated_chip_cards_are_read_or_refused(name):
    draw, fields = random.Random(name), ChipCard.load(name).model_dump(mode="json", by_alias=True)
    found = [outcome(lambda: ChipCard.parse(mutant(fields, draw), origin="mine.toml")) for _ in range(250)]
    kept = [card for card in found if card is not None]
    assert 0 < len(kept) < len(found)
    for card in kept:
        assert all(map(math.isfinite, numbers(card.model_dump(mode="json"))))


@pytest.mark.slow
def test_mutated_device_cards_are_read_or_refused():
    draw, cards = random.Random(1), [pulsed(), weight()]
    mutants = [mutant(cards[n % 2], draw) for n in range(800)]
    found = [outcome(lambda fields=fields: DeviceCard.parse(fields, "mine.toml")) for fields in mutants]
    assert any(card is None for card in found) and any(card is not None for card in found)


@pytest.mark.slow
def test_mutated_technologies_and_files_are_read_or_refused(tmp_path):
    draw, text = random.Random(2), (Path(__file__).parents[2] / "memsim/technologies/45nm.toml").read_bytes()
    for n in range(450):
        path = tmp_path / f"{n}.toml"
        path.write_bytes(damaged(text, draw))
        outcome(lambda path=path: Technology.load(path))


def test_a_card_has_limits_of_size_and_depth(tmp_path):
    fields = ChipCard.load("default").model_dump(mode="json", by_alias=True)
    with pytest.raises(CardError, match=f"nested too deeply, {DEPTH} levels"):
        ChipCard.parse(fields | {"prices": nested(900)})
    with pytest.raises(CardError, match=f"more than {VALUES} values"):
        ChipCard.parse(fields | {str(n): n for n in range(600_000)})
    with pytest.raises(CardError, match="a card is a table of fields, this is a list"):
        ChipCard.parse([1, 2])  # type: ignore[arg-type]
    path = tmp_path / "mine.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(CardError, match="nested too deeply"):
        ChipCard.load(path)
    path.write_bytes(b"#" * (BYTES + 1))
    with pytest.raises(CardError, match=f"{BYTES + 1} bytes"):
        ChipCard.load(path)
