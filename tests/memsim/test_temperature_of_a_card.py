"""A temperature of the chip card acts on what it can, and a comparison says on what it does not."""

import pytest

from memsim import ChipCard
from memsim.card.cautions import cautions
from tests.memsim.test_idle import KEPT, device

DEFAULT = ChipCard.load("default")


def said(card: ChipCard, *, attention: bool = True) -> str:
    return "; ".join(words for words in cautions(card, attention=attention) if "temperature" in words)


def test_room_temperature_needs_no_word():
    assert said(DEFAULT) == "" and said(device("weight", KEPT)) == ""


@pytest.mark.parametrize(
    ("card", "attention", "words"),
    [
        (DEFAULT, True, "acts on thermal noise; pcm-joshi2020, reram-om without activation energies"),
        (DEFAULT, False, "acts on thermal noise; pcm-joshi2020 without activation energies, and converters"),
        (DEFAULT.without("thermal-noise"), True, "acts on nothing; pcm-joshi2020, reram-om without"),
        (device("weight", KEPT), False, "acts on thermal noise and mine; converters do not feel it"),
        (
            device("weight", KEPT),
            True,
            "acts on thermal noise and mine; reram-om without activation energies",
        ),
        (DEFAULT.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"}), True, "acts on nothing"),
    ],
)
def test_what_does_not_feel_another_temperature_is_said(card, attention, words):
    assert words in said(card.replace(**{"temperature [K]": 350.0}), attention=attention)
