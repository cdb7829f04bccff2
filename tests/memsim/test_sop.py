"""The papers' count: spikes are accumulates, numbers are multiplies, and the two price lists."""

import pytest
import torch

import models
from memsim import ChipCard
from memsim.sop import SopCount


def test_spikes_are_accumulates_and_numbers_multiplies():
    layer = torch.nn.Sequential(torch.nn.Linear(6, 4, bias=False))
    spikes = torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0]])
    with SopCount(layer) as count:
        layer(spikes)
        layer(spikes * 0.5)
    assert count.accumulates["0"] == pytest.approx(3 * 4)
    assert count.multiplies["0"] == 2 * 6 * 4


def test_attention_adds_every_value_spike_into_every_query():
    leaf = torch.nn.Sequential()
    leaf.add_module("core", models.STDPAttention(heads=1, head_dim=4))
    q, k, v = (torch.zeros(1, 1, 1, 5, 4) for _ in "qkv")
    q[..., 0, :3], k[..., 1, :2], v[..., 2, :1] = 1.0, 1.0, 1.0
    with SopCount(leaf) as count:
        leaf.core(q, k, v)
    assert count.accumulates["core"] == 3 + 2 + 1 * 5


def test_the_two_price_lists():
    """4.6 and .9 pJ are the papers'; .23 and .05 pJ the card's own integers."""
    count = SopCount(torch.nn.Identity())
    count.accumulates["a"], count.multiplies["b"] = 2000.0, 100.0
    energy = count.energy(ChipCard.load("default"), images=2)
    assert energy["digital_sop"] == pytest.approx(1000 * 0.9e-12 + 50 * 4.6e-12)
    assert energy["digital_sop_integer"] == pytest.approx(1000 * 0.05e-12 + 50 * 0.23e-12)


def test_spikingformers_published_counts_give_its_published_energy():
    """0.347329512 G MAC and 6.51754094 G AC are 7.463502602 mJ (Spikingformer-8-512, Zhou et al. 2023)."""
    count = SopCount(torch.nn.Identity())
    count.accumulates["all"], count.multiplies["all"] = 6.51754094e9, 0.347329512e9
    energy = count.energy(ChipCard.load("default"), images=1)["digital_sop"]
    assert energy == pytest.approx(7.463502602e-3, rel=1e-9)


def test_the_encoder_and_the_head_count_once_for_an_image():
    net = models.load("s2tdpt-digits")
    with torch.no_grad(), SopCount(net) as count:
        net(torch.rand(3, 1, 8, 8))
    assert set(count.multiplies) == {"patches.encoder", "head"}
    assert count.multiplies["patches.encoder"] == 3 * 64 * net.config.widths[0] * 9
    assert count.multiplies["head"] == 3 * 64 * 10
