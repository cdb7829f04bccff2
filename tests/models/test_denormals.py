"""Denormal numbers count as zero while a network trains, and as they did before afterwards."""

import pytest
import torch

from memsim.models.training.denormals import flushed_denormals

SMALL = 1e-40


def kept() -> bool:
    return float(torch.tensor(SMALL) * 1.0) > 0


@pytest.mark.parametrize("before", [False, True])
def test_they_count_as_before_afterwards(before: bool) -> None:
    try:
        torch.set_flush_denormal(before)
        with pytest.raises(KeyError), flushed_denormals():
            assert not kept()
            raise KeyError
        assert kept() is not before
    finally:
        torch.set_flush_denormal(False)


def test_a_training_leaves_them_alone() -> None:
    from memsim import models

    data = models.datasets.load("digits")
    models.train(
        data,
        models.configure("s2tdpt-1-32", in_shape=(1, 8, 8), steps=1),
        recipe=models.Recipe(epochs=1, warmup=0),
    )
    assert kept()
