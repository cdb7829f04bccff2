"""Tuning goes on from a network through written attention, repeats itself, and leaves a plain network."""

from dataclasses import replace

import pytest
import torch

import memsim
from memsim import models
from memsim.models.parts.attention import STDPAttention
from memsim.models.training.recipe import UNCHANGED, augmentation_of, recipe_for
from memsim.models.training.train import Recipe, training_images
from memsim.models.training.tune import tune

NET = models.load("s2tdpt-digits")
CARD = memsim.ChipCard.load("default")
RECIPE = Recipe(epochs=1, batch=16, learning_rate=5e-4, warmup=0, half=True)


@pytest.fixture(scope="module")
def few() -> models.Dataset:
    d = models.datasets.load("digits")
    parts = {f"{a}_{part}": getattr(d, f"{a}_{part}")[:32] for a in "xy" for part in ("train", "val", "test")}
    return replace(d, **parts)


def test_it_learns_from_noise_repeats_itself_and_is_a_plain_network_again(few):
    told = []
    tuned, again = (tune(NET, few, CARD, seed=1, recipe=RECIPE, progress=told.append) for _ in range(2))
    other = tune(NET, few, CARD.only(), seed=1, recipe=RECIPE)
    weight = tuned.head.weight
    assert torch.equal(weight, again.head.weight) and len(told) == 2
    assert not torch.equal(weight, NET.head.weight) and not torch.equal(weight, other.head.weight)
    assert all(isinstance(layer.core, STDPAttention) for layer in tuned.attention_layers())
    assert tuned.record["hardened"]["attention"] == "reram-om" and not tuned.training
    assert torch.equal(weight, weight.half().float())


def test_training_images_are_moved_as_in_training(few):
    moved = training_images(few, RECIPE.augmentation, 8)
    nearest = (moved.unsqueeze(1) - few.x_train).flatten(2).norm(dim=-1)
    assert moved.shape == few.x_train[:8].shape and float(nearest.min()) > 0
    assert len(nearest.argmin(1).unique()) == 8  # eight different images
    assert torch.equal(moved, training_images(few, RECIPE.augmentation, 8))
    assert not torch.equal(moved, training_images(few, RECIPE.augmentation, 8, seed=1))


def test_images_are_moved_as_the_record_of_a_network_says(few):
    """A network trained elsewhere has no recipe in its record: its images are not moved at all."""
    moved = augmentation_of(NET.record)
    assert moved == RECIPE.augmentation and moved.rotation > 0
    assert augmentation_of({"dataset": "cifar10"}) == UNCHANGED
    still = training_images(few, UNCHANGED, 8)
    assert float((still.unsqueeze(1) - few.x_train).flatten(2).norm(dim=-1).min(1).values.max()) == 0


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_photographs_are_mirrored_and_shifted_not_turned(name):
    moved = recipe_for(name).augmentation
    assert moved.mirror and moved.shift == 4 and moved.rotation == moved.noise == 0
