"""Accuracy, its interval, cross-entropy and margin, by hand and in their limits."""

import math

import pytest
import torch

from memsim.models.measures import accuracy, cross_entropy, margin, predict, score, wilson

LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]])
LABELS = torch.tensor([0, 1])


def test_by_hand():
    assert accuracy(LOGITS, LABELS) == 0.5
    assert margin(LOGITS, LABELS) == (2 - 2) / 2
    expected = (math.log(1 + 2 * math.exp(-2)) + math.log(1 + math.exp(-1) + math.exp(2))) / 2
    assert cross_entropy(LOGITS, LABELS) == pytest.approx(expected)


def test_chips_are_a_leading_axis():
    chips = torch.stack([LOGITS, LOGITS.flip(1)])
    assert accuracy(chips, LABELS) == 0.25
    assert margin(chips, LABELS) == pytest.approx((2 - 2 - 2 - 2) / 4)
    assert cross_entropy(chips[:1], LABELS) == cross_entropy(LOGITS, LABELS)


def test_wilson_interval():
    """9 of 10, z**2 = 3.8416: (.9 + .19208 +- 1.96 sqrt(.009 + .009604)) / 1.38416 = .78898 +- .19314."""
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(0, 20)[0] == 0.0 and wilson(20, 20)[1] == 1.0
    assert 0 < wilson(0, 20)[1] < 0.17
    low, high = wilson(7, 30)
    assert wilson(23, 30) == pytest.approx((1 - high, 1 - low))
    with pytest.raises(ValueError, match="5 successes in 4"):
        wilson(5, 4)


def test_score_reports_interval_and_count():
    row = score(LOGITS, LABELS)
    assert row["images"] == 2 and row["low"] < row["accuracy"] == 0.5 < row["high"]


def test_predict_evaluates_in_batches_and_puts_the_mode_back():
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5)).train()
    images = torch.rand(10, 4)
    before = net[1].running_mean.clone()
    logits = predict(net, images, batch=3)
    assert net.training and torch.equal(net[1].running_mean, before) and not logits.requires_grad
    torch.testing.assert_close(logits, net.eval()(images).detach())
