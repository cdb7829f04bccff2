"""Each effect alone, from nothing to absurd: nothing is nothing, absurd is felt, and accuracy never rises."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.studies.evaluation import effect_scales
from memsim.studies.evaluation.effect_scales import SCALES, Scale
from memsim.studies.evaluation.points import Point
from memsim.studies.library import sanity

CARD = memsim.ChipCard.load("default")
HEADS, TOKENS, WIDTH, STEPS, IMAGES = 1, 4, 6, 1, 4
DAY = 86400.0


class Small(nn.Module):
    """A matrix that numbers drive, attention that pulses write, a matrix that its sums drive."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, HEADS * TOKENS * WIDTH), nn.Linear(HEADS * TOKENS * WIDTH, 3)
        self.core = models.STDPAttention(heads=HEADS, head_dim=WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        spikes = [(y > bound).to(x.dtype) for bound in (0.2, 0.0, -0.2)]
        q, k, v = (one.view(STEPS, len(x), HEADS, TOKENS, WIDTH) for one in spikes)
        return self.last(self.core(q, k, v).flatten(2).sum(0) + 0.1 * y)


with torch.random.fork_rng():
    torch.manual_seed(0)
    NET, X = Small().eval(), 2 * torch.rand(IMAGES, 12) - 1


def outputs(card: memsim.ChipCard) -> Tensor:
    with torch.no_grad():
        return memsim.to_crossbar(NET, card, chips=2, calibration=X).program().advance_to(DAY)(X)


def named(scale: Scale) -> str:
    return scale.name


@cache
def made(name: str) -> tuple[memsim.ChipCard, list[memsim.ChipCard]]:
    """The cards of a scale: with nothing on, and at every level that is a value."""
    (scale,) = [scale for scale in SCALES if scale.name == name]
    return scale.off(CARD), scale.cards(CARD)


def test_every_effect_of_every_card_has_an_entry(monkeypatch):
    assert effect_scales.missing() == set()
    monkeypatch.setattr(effect_scales, "ARRAY_EFFECTS", (*effect_scales.ARRAY_EFFECTS, "sneak-paths"))
    assert effect_scales.missing() == {"sneak-paths"}


def test_names_of_scales_are_their_own():
    assert len({scale.name for scale in SCALES}) == len(SCALES)


@pytest.mark.parametrize("scale", SCALES, ids=named)
def test_alone_on(scale):
    off, cards = made(scale.name)
    for card in cards[1:]:
        assert [e for e in card.effects if card.on(e)] == [scale.effect]
    assert not any(off.on(e) for e in off.effects)
    assert scale.levels[0] is None or cards[0].on(scale.effect)


@pytest.mark.parametrize("scale", SCALES, ids=named)
def test_nothing_is_bit_equal_to_off_and_absurd_is_felt(scale):
    plain, cards = made(scale.name)
    off, found = outputs(plain), [outputs(card) for card in (cards[0], cards[-1])]
    if scale.levels[0] is not None:
        assert found[0].equal(off)
    assert not found[-1].equal(off)
    assert torch.isfinite(found[-1]).all()


@pytest.mark.parametrize("scale", [s for s in SCALES if s.levels[1] == 16], ids=named)
def test_many_bits_are_no_rounding(scale):
    """With 16 bits an output is within a thousandth of the largest of that without converters."""
    plain, cards = made(scale.name)
    off, fine = outputs(plain), outputs(cards[0])
    assert 0 < float((fine - off).abs().max()) < 1e-3 * float(off.abs().max())


def test_a_network_without_attention_has_no_scale_of_attention():
    of = {scale.name for scale in SCALES if scale.of_attention}
    assert {"pulse-rounding: attention.n_max", "wear: wear.cycles_before"} <= of
    assert "write-noise: strength on reram-om" in of and "adc: attention.adc_bits" in of
    assert not {"wires: wire_resistance [ohm], grounded", "drift: strength on pcm-joshi2020"} & of


def point(size: str, *right: float, effect: str = "dac") -> Point:
    labels = {"effect": effect, "grows with": "bits", "step": sanity.SIZES.index(size), "size": size}
    columns = {"accuracy [1]": list(right), "cross-entropy [nat]": [1 - x for x in right]}
    return Point(
        labels=labels | {"level": size},
        chips=list(range(len(right))),
        per_chip=columns,
        total={"images": 100},
    )


def test_a_rise_is_found_and_a_chance_is_not():
    fine = [point("off", 0.9, 0.91), point("nothing", 0.9, 0.91), point("absurd", 0.1, 0.12)]
    assert sanity.rises(fine) == sanity.rises(fine[::-1]) == []
    assert sanity.findings(fine) == [
        "At size zero, chips give exactly the numbers of those without the effect in 1 of 1 scales.",
        "Accuracy rises significantly along none of 1 scales.",
    ]
    wrong = [point("off", 0.5, 0.51), point("nothing", 0.5, 0.52), point("absurd", 0.9, 0.92)]
    assert sanity.rises(wrong) == ["dac: bits at absurd"]
    assert sanity.tables(wrong)["accuracy"].rows[0][-1] == "no"
    assert sanity.findings(wrong)[0].startswith("At size zero, chips differ")
    assert "even at the largest size: dac: bits" in sanity.findings(wrong)[2]


@lru_cache(maxsize=1)
def digits():
    """The bundled digits network, and a hundred of its test images with their labels."""
    data = models.datasets.load("digits")
    return models.load("s2tdpt-digits"), data.x_train[:64], data.x_test[:100], data.y_test[:100]


@pytest.mark.exhaustive
@pytest.mark.parametrize("scale", SCALES, ids=named)
def test_accuracy_of_a_trained_network_falls_along_every_scale(scale):
    """No step gains more than five standard errors of the paired difference over three chips and 100 images;
    size nothing gives the very logits.
    """
    net, calibration, x, y = digits()

    def run(card: memsim.ChipCard) -> Tensor:
        chip = memsim.to_crossbar(net, card, chips=3, seed=0, calibration=calibration)
        with torch.no_grad():
            return chip.program().advance_to(DAY)(x)

    plain, cards = made(scale.name)
    found = [run(card) for card in (plain, *cards)]
    if scale.levels[0] is not None:
        assert found[1].equal(found[0])
    right = [(logits.argmax(-1) == y).double() for logits in found]
    for before, after in pairwise(right):
        gain = (after - before).mean(0)  # of every image, over chips
        assert gain.mean() <= 5 * gain.std() / len(y) ** 0.5, scale.name
    assert right[0].mean() > 0.95
