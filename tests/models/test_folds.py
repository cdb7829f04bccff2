"""Folds of a data set: every sample is tested once; names, files and trainings of folds."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from memsim import models
from memsim.models.datasets.dataset import PARTS, Dataset
from memsim.models.datasets.folds import fold
from memsim.models.known import fold_of
from memsim.models.training import folds as making
from memsim.models.training.recipe import RECIPES, Recipe, recipe_for


def small(count: int = 40, classes: int = 4) -> Dataset:
    """Make a data set whose images are told apart by their first pixel."""
    x = torch.zeros(count, 1, 4, 4)
    x[:, 0, 0, 0] = torch.arange(count) / count
    y = torch.arange(count) % classes
    parts = {"train": slice(0, 20), "val": slice(20, 30), "test": slice(30, count)}
    tensors: dict[str, Any] = {
        f"{axis}_{p}": t[s] for p, s in parts.items() for axis, t in (("x", x), ("y", y))
    }
    return Dataset(name="small", classes=tuple(map(str, range(classes))), **tensors)


@pytest.mark.parametrize("of", [2, 3, 5, 7])
def test_every_sample_is_tested_once_and_parts_share_none(of):
    data = small()
    tested = []
    for k in range(1, of + 1):
        one = fold(data, k, of)
        ids = [set(getattr(one, f"x_{part}")[:, 0, 0, 0].tolist()) for part in PARTS]
        assert sum(map(len, ids)) == len(set.union(*ids)) == 40
        assert one.name == f"small:{k}/{of}" and one.record["fold"] == [k, of]
        per_class = one.y_test.bincount(minlength=4)
        assert per_class.max() - per_class.min() <= 1 and abs(len(one.y_test) - 40 / of) < 1
        tested.append(ids[2])
    assert len(set.union(*tested)) == sum(map(len, tested)) == 40
    assert all(a != b for a, b in pairwise(tested))


def test_a_fold_keeps_labels_with_their_images():
    one = fold(small(), 2, 5)
    for part in PARTS:
        x, y = getattr(one, f"x_{part}"), getattr(one, f"y_{part}")
        assert torch.equal((x[:, 0, 0, 0] * 40).round().long() % 4, y)


def test_load_takes_the_name_of_a_fold():
    one = models.datasets.load("digits:2/5")
    assert (
        one.digest == models.datasets.load("Digits:2/5").digest != models.datasets.load("digits:3/5").digest
    )
    assert len(one.y_test) in (359, 360) and one.name == "digits:2/5"
    assert fold_of("digits") == ("digits", None) and fold_of("digits:2/5") == ("digits", (2, 5))
    assert recipe_for("fashion-mnist:1/2") is RECIPES["fashion-mnist"] and recipe_for("else:1/2") == Recipe()


@pytest.mark.parametrize("name", ["digits:0/5", "digits:6/5", "digits:1/1", "digits:1/0"])
def test_a_fold_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match=r"folds are 1/2 to N/N"):
        models.datasets.load(name)


def test_too_many_folds_are_refused():
    with pytest.raises(ValueError, match="40 samples are too few for 21 folds"):
        fold(small(), 1, 21)


def test_folds_are_trained_each_on_the_others(tmp_path, monkeypatch):
    """Two folds of digits for one epoch: files, records and shape; a fold that is there is left alone."""
    monkeypatch.setattr(making, "recipe_for", lambda _: Recipe(epochs=1, warmup=0))
    made = list(making.cross_validate("s2tdpt-digits", "digits", folds=2, folder=tmp_path))
    assert [path.name for path in made] == [f"s2tdpt-digits-digits-{k}of2.safetensors" for k in (1, 2)]
    nets = [models.load(str(path)) for path in made]
    assert [net.record["dataset"] for net in nets] == ["digits:1/2", "digits:2/2"]
    assert {net.record["images"]["test"] for net in nets} == {898, 899}
    assert nets[0].config == models.load("s2tdpt-digits").config
    times = [path.stat().st_mtime_ns for path in made]
    assert list(making.cross_validate("s2tdpt-digits", "digits", folds=2, folder=tmp_path)) == made
    assert [path.stat().st_mtime_ns for path in made] == times
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in made]
