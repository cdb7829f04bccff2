"""Networks that learn on arrays: images in, pulses out."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from memsim import models
from memsim.learning.learning_chip import learners, learning_chip
from memsim.learning.writing import Accumulated, Direct, Writing
from memsim.models.learning.learner import Learner, Rule
from memsim.studies.evaluation.lesson import begun_anew
from tests.learning.made import DEFAULT, card, spiking

ECRAM = card("ecram-li")


def taught(
    cell: Any = ECRAM, *, rule: Rule = "e-prop", writing: Writing | None = None,
    chips: tuple[int, ...] = (0, 1), layers: tuple[str, ...] = ("*",), epochs: int = 6,
) -> tuple[Learner, float, float]:  # fmt: skip
    """A learner after some epochs on twelve images, and its cross-entropy before and after."""
    net, x, y = spiking()
    made = Learner.on(
        net, cell, list(layers), writing or Accumulated(0.5, momentum=0.5), rule=rule, chips=chips
    )

    def entropy() -> float:
        return float(cross_entropy(made.logits(x).flatten(0, 1), y.repeat(len(chips))))

    before = entropy()
    for _ in range(epochs):
        made.epoch(x, y, batch=6)
    return made, before, entropy()


@pytest.mark.parametrize("rule", ["e-prop", "bptt"])
@pytest.mark.parametrize("writing", [Accumulated(0.5, momentum=0.5), Direct(1.0)], ids=["sum", "direct"])
def test_pulses_lower_the_cross_entropy(rule: Rule, writing: Writing) -> None:
    made, before, after = taught(rule=rule, writing=writing, epochs=10)
    assert after < before - 0.15
    assert made.chip.ledger.number("pulse-ecram") > 0 and made.chip.ledger.images == 10 * 12 * 2


def test_a_chip_that_learns_alone_has_the_bits_it_has_beside_others() -> None:
    for cell in (ECRAM, card("reram-om")):
        together, alone = taught(cell, chips=(3, 1), epochs=2)[0], taught(cell, chips=(1,), epochs=2)[0]
        for name, array in learners(alone.chip).items():
            assert torch.equal(array.weights()[0], learners(together.chip)[name].weights()[1]), name


def test_a_chip_learns_all_layers_of_the_digits_network_with_the_bits_it_has_beside_others() -> None:
    net, digits = models.load("s2tdpt-digits"), models.datasets.load("digits")
    anew, bits = begun_anew(net, ["*"], 0), []
    for chips in ((1,), (0, 1)):
        made = Learner.on(anew, ECRAM, ["*"], Accumulated(0.02, 0.9), chips=chips)
        made.batch(digits.x_train[:16], digits.y_train[:16])
        bits.append({name: array.weights()[-1] for name, array in learners(made.chip).items()})
    assert len(bits[0]) > 10
    for name, one in bits[0].items():
        assert torch.equal(one, bits[1][name]), name


def test_layers_that_do_not_learn_stay_as_they_are() -> None:
    made, _, _ = taught(layers=("head",), epochs=2)
    net, _, _ = spiking()
    assert list(learners(made.chip)) == ["head"]
    for name in ("first", "second"):
        now, before = (of.get_submodule(name).state_dict() for of in (made.chip.net, net))
        assert torch.equal(now["weight"], before["weight"])
    assert list(made.chip.weight_arrays) == ["head"]


def test_drift_after_learning_is_that_of_the_chip() -> None:
    made, _, after = taught(card("pcm-nandakumar2020"), epochs=4)
    _, x, y = spiking()
    made.chip.advance_to(made.chip.time + 86400.0, "none")
    aged = float(cross_entropy(made.logits(x).flatten(0, 1), y.repeat(2)))
    assert aged != after
    assert made.chip.time == pytest.approx(86400.0 + 8e-3)  # eight batches of a millisecond


def test_converters_follow_the_weights() -> None:
    net, x, y = spiking()
    converting = DEFAULT.replace(attention={"cell": "ecram-li"}).without("wires")
    made = Learner.on(net, converting, ["head"], Accumulated(2.0), calibration=x)
    array = learners(made.chip)["head"]
    before = array.ranges.calls[0].current_SK
    losses = [made.epoch(x, y, batch=6) for _ in range(8)]
    assert losses[-1] < losses[0] - 0.1
    assert not torch.equal(array.ranges.calls[0].current_SK, before)
    made.calibrate()
    clipped = made.chip.ledger.notes.get(("head", "clipped conversions"), 0)
    made.logits(x)
    assert made.chip.ledger.notes.get(("head", "clipped conversions"), 0) == clipped


def test_slips_are_named() -> None:
    net, _, _ = spiking()
    with pytest.raises(ValueError, match=r"layers = 'haed' matches no layer \(there are first, second"):
        learning_chip(net, ECRAM, ["haed"])
    with pytest.raises(ValueError, match="rule = 'backprop': 'bptt' or 'e-prop'"):
        Learner.on(net, ECRAM, ["head"], Direct(1.0), rule="backprop")  # type: ignore[arg-type]
    chip = learning_chip(net, ECRAM, ["head"]).program()
    with pytest.raises(ValueError, match="engine learning: its devices cannot be saved"):
        chip.save("chip.safetensors")
    with pytest.raises(ValueError, match="engine learning has no hardware-aware training"):
        chip.train()
