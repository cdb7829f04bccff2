"""Every number of a card has a type and a range; slips of a prefix are refused in a short message."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest

from memsim.card.chip_card import ChipCard
from memsim.devices.toml_file import MESSAGE, CardError, bounded

CARDS = ("default", "hermes", "neurram-wan2022")
FREE = ("stuck", "dead", "offset", "gain", "inl", "output_noise", "temperature", "fano", "pulse_exponent")
"""Numbers that may be as near to 0 as one likes."""


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def fields(name: str) -> dict[str, Any]:
    return ChipCard.load(name).model_dump(mode="json", by_alias=True)


def changed(card: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    out = at = copy.deepcopy(card)
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return out


def refused(card: dict[str, Any], path: tuple[str, ...], value: Any) -> bool:
    """Whether the card is refused, in a message that names the field."""
    try:
        ChipCard.parse(changed(card, path, value), origin="mine.toml")
    except CardError as error:
        assert len(str(error)) <= MESSAGE and path[-1].split(" [")[0] in str(error), str(error)
        return True
    return False


@pytest.mark.parametrize("name", CARDS)
def test_no_number_takes_another_type_or_no_number(name: str) -> None:
    card = fields(name)
    for path, value in leaves(card):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            for wrong in (str(value), True, math.nan, math.inf, -math.inf, -abs(value) - 1, [value]):
                assert refused(card, path, wrong), (path, wrong)


@pytest.mark.parametrize("name", CARDS)
def test_nothing_a_million_times_off_is_accepted(name: str) -> None:
    card = fields(name)
    for path, value in leaves(card):
        if isinstance(value, float) and value and not any(word in path[-1] for word in FREE):
            assert refused(card, path, value * 1e6), path
            if path[-1] != "row_activity [1]":
                assert refused(card, path, value * 1e-6), path


def test_long_texts_are_refused_in_short_words() -> None:
    card = fields("default")
    for path, value in leaves(card):
        if isinstance(value, str):
            assert refused(card, path, "x" * 100_000), path


def test_an_own_price_of_another_prefix_names_the_range() -> None:
    own = {"adc-8b": {"energy [J]": 2e-6, "source": "measured, no chip of ours"}}
    with pytest.raises(CardError, match=r"prices\.adc-8b\.energy \[J\] = 2e-06: .* is allowed.*prefix"):
        ChipCard.load("default").replace(prices=own)
    for energy in (0.0, 2e-12, 200e-12):
        card = ChipCard.load("default").replace(prices={"adc-8b": own["adc-8b"] | {"energy [J]": energy}})
        assert card.prices["adc-8b"].energy == energy


def test_a_message_keeps_its_ends() -> None:
    assert bounded("short") == "short"
    long = bounded("a" * 5000 + "z" * 5000)
    assert len(long) < MESSAGE and long.startswith("aaa") and long.endswith("zzz") and " ... " in long


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\n", "\0", " a", "a\x1b[2J", "a\t", "é" * 101])
def test_names_are_one_line(name: str) -> None:
    """A name stands in tables, file names and on terminals."""
    card = fields("default")
    with pytest.raises(CardError, match=r"name = .*(one line of letters|at most 100 characters)"):
        ChipCard.parse(card | {"name": name})
    for good in ("a", "My chip 2 (µ)", "漢", "14nm"):
        assert ChipCard.parse(card | {"name": good}).name == good
