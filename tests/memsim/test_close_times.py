"""Chips read at times too close for the spectrum of low-frequency noise: told, followed where asked."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn

import memsim
from memsim import CardError, ChipCard
from memsim.card.close_times import TimesTooClose

CARD = ChipCard.load("default").only("flicker-noise")
X = torch.eye(16)


def chip(card: ChipCard) -> memsim.Chip:
    torch.manual_seed(0)
    net = nn.Linear(16, 8, bias=False)
    return memsim.to_crossbar(net, card, chips=[3], calibration=X).program()


def read(made: memsim.Chip, t: float) -> torch.Tensor:
    with torch.no_grad():
        return made.advance_to(t)(X)


def test_images_less_than_a_second_apart_are_told():
    made = chip(CARD)
    read(made, 3600.0)
    with pytest.warns(TimesTooClose, match=r"3600 and 3600.5 s.*1 s or more apart.*flicker_period"):
        read(made, 3600.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(made, 3600.5)  # the same time is the same noise
        read(made, 3601.5)
        made.advance_to(3602.0).advance_to(3602.6)  # no images between
        read(made, 3602.6)
        quiet = chip(CARD.without("flicker-noise"))
        read(quiet, 1.0), read(quiet, 1.5)


def test_followed_further_nothing_is_told_and_noise_stays():
    """A millisecond later the noise of reads is nearly what it was, and without the field mostly new."""
    far, near = chip(CARD), chip(CARD.replace(weights={"flicker_period [s]": 1e-2}))
    exact = chip(CARD.only())(X).detach()
    moved = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TimesTooClose)
        for name, made in (("far", far), ("near", near)):
            first, second = read(made, 3600.0) - exact, read(made, 3600.001) - exact
            moved[name] = float((second - first).std() / first.std())
            law = made.card.weight_cell.flicker
            assert law is not None
            between = law.covariance(3600.0, 3600.001) / law.time(3600.0)
            assert moved[name] == pytest.approx((2 - 2 * between) ** 0.5, rel=0.3)
    assert moved["near"] < 0.8 * moved["far"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(near, 3600.01)


def test_a_field_that_changes_nothing_or_cannot_be_is_refused():
    with pytest.raises(CardError, match=r"flicker_period \[s\].*no low-frequency noise"):
        CARD.replace(weights={"cell": "reram-wan2022", "flicker_period [s]": 1.0})
    for wrong in (0.5, 100.0, 1e-7, True, "1"):
        with pytest.raises(CardError, match=r"weights\.flicker_period"):
            CARD.replace(weights={"flicker_period [s]": wrong})
    law = CARD.weight_cell.flicker
    assert law is not None and replace(law, first=10.0) == law
