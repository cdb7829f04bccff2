"""Hardening goes on from any network through fresh chips, repeats itself, resumes, leaves a plain network."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.models.training import hardware_aware
from memsim.models.training.train import Recipe

CARD = memsim.ChipCard.load("default")
RECIPE = Recipe(epochs=2, batch=16, learning_rate=5e-3, warmup=0)


@pytest.fixture(scope="module")
def few() -> models.Dataset:
    d = models.datasets.load("digits")
    parts = {f"{a}_{part}": getattr(d, f"{a}_{part}")[:48] for a in "xy" for part in ("train", "val", "test")}
    return replace(d, **parts)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def weights(one: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in one.parameters()])


def test_any_module_learns_repeats_itself_and_is_plain_again(few):
    start, rows = net(), []
    before = weights(start).clone()
    one, again = (models.harden(start, few, CARD, seed=1, recipe=RECIPE, progress=rows.append) for _ in "ab")
    other = models.harden(start, few, CARD, seed=2, recipe=RECIPE)
    exact = models.harden(start, few, CARD.replace(digital=["*"]), seed=1, recipe=RECIPE)
    assert torch.equal(weights(start), before) and len(rows) == 4
    assert torch.equal(weights(one), weights(again))
    for unlike in (start, other, exact):
        assert not torch.equal(weights(one), weights(unlike))
    assert [type(m) for m in one.modules()] == [type(m) for m in start.modules()] and not one.training
    assert all(type(p) is nn.Parameter and p.requires_grad for p in one.parameters())
    found = one.record["hardened"]
    assert found["weights"] == "pcm-joshi2020" and found["from"] == exact.record["hardened"]["from"]
    assert found["times [s]"] == (1.0, 31557600.0) and len(one.record["epochs"]) == 2
    assert "drift" not in models.harden(
        start, few, CARD.without("drift"), recipe=RECIPE.model_copy(update={"epochs": 1}), times=0.0
    ).record["hardened"]["effects"]  # fmt: skip


def test_columns_are_kept_within_the_clip(few):
    wide = net()
    with torch.no_grad():
        wide[4].weight[:, 0] = 2.0
    kept, clipped = (models.harden(wide, few, CARD, recipe=RECIPE, clip=clip) for clip in (None, 2.0))
    for one, low, high in ((kept, 5.0, 12.0), (clipped, 1.0, 2.6)):  # a step may lead beyond it again
        columns = one[4].weight
        ratio = columns.abs().amax(1) / columns.square().mean(1).sqrt()
        assert low < float(ratio.min().detach()) and float(ratio.max().detach()) < high


def test_norms_keep_their_statistics_or_take_those_of_batches(few):
    start = net()
    kept, taken = (models.harden(start, few, CARD, recipe=RECIPE, norms=n) for n in ("trained", "batch"))
    assert torch.equal(kept[1].running_mean, start[1].running_mean)
    assert not torch.equal(taken[1].running_mean, start[1].running_mean)


def test_it_resumes_with_the_same_bits_and_only_for_the_same_card(few, tmp_path):
    whole, state = models.harden(net(), few, CARD, recipe=RECIPE), tmp_path / "state"

    class Stopped(Exception):
        pass

    def stop(row):
        raise Stopped

    with pytest.raises(Stopped):
        models.harden(net(), few, CARD, recipe=RECIPE, state=state, progress=stop)
    rows = []
    resumed = models.harden(net(), few, CARD, recipe=RECIPE, state=state, progress=rows.append)
    assert len(rows) == 1 and torch.equal(weights(whole), weights(resumed))
    with pytest.raises(ValueError, match="other notes"):
        models.harden(net(), few, CARD.replace(weights={"adc_bits": 6}), recipe=RECIPE, state=state)


@pytest.mark.parametrize("slip", [{"norms": "none"}, {"clip": 0.5}, {"times": (0.0, 1.0)}])
def test_what_is_no_recipe_is_refused(few, slip):
    with pytest.raises(ValueError, match=next(iter(slip))):
        models.harden(net(), few, CARD, **slip)


def test_a_clip_is_in_root_mean_squares_of_a_column():
    chip = memsim.to_crossbar(nn.Linear(4, 2), CARD.without("adc", "dac"), chips=1)
    with torch.no_grad():
        chip.net.weight.copy_(torch.tensor([[1.0, 1, 1, 9], [1, -1, 1, -1]]))
    hardware_aware.clip_columns(chip, 1.5)
    limit = 1.5 * 21**0.5
    assert torch.allclose(chip.net.weight.detach(), torch.tensor([[1.0, 1, 1, limit], [1, -1, 1, -1]]))


def test_an_average_has_mean_weights_and_accuracies_of_its_own(few):
    start = net()
    both = [models.harden(start, few, CARD.replace(digital=["*"]), seed=s, recipe=RECIPE) for s in (1, 2)]
    mean = hardware_aware.average(both, few)
    torch.testing.assert_close(weights(mean), (weights(both[0]) + weights(both[1])) / 2)
    assert mean.record["seeds"] == [1, 2] and "seeds" not in both[0].record
    right = (mean(few.x_test).argmax(-1) == few.y_test).double().mean()
    assert mean.record["test_accuracy"] == pytest.approx(float(right)) and not mean.training
    assert weights(hardware_aware.average(both[:1], few)).equal(weights(both[0]))
