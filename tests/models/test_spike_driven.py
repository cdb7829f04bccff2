"""Spike-driven attention: SpikingJelly's gate as outside judge, and what it refuses."""

from collections import Counter

import pytest
import torch

from memsim import models
from memsim.energy.census import Census
from memsim.models.parts.neurons import LIF
from memsim.models.parts.spike_driven import SpikeDrivenAttention


def spikes(*shape: int, rate: float = 0.1) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) < rate).float()


def test_a_channel_passes_where_key_and_value_met():
    q, k, v = torch.ones(1, 1, 1, 2, 3), torch.zeros(1, 1, 1, 2, 3), torch.ones(1, 1, 1, 2, 3)
    k[..., 1, 2] = 1  # token 1 has a key spike in channel 2 alone
    core = SpikeDrivenAttention(gate=LIF(v_threshold=0.5), scale=0.125)
    assert (core(q, k, v) * 0.125).tolist() == [[[[[0, 0, 1], [0, 0, 1]]]]]


def test_the_gate_remembers_over_steps_as_spikingjelly():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    q, k, v = (spikes(6, 2, 3, 4, 8, rate=rate) for rate in (0.5, 0.3, 0.3))
    node = neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=2.5, v_reset=0.0, step_mode="m")
    wanted = q * node((k * v).sum(-2, keepdim=True))
    core = SpikeDrivenAttention(gate=LIF(v_threshold=2.5), scale=0.25)
    assert torch.equal(core(q, k, v) * 0.25, wanted)
    assert 0 < float(wanted.sum()) < float(q.sum())


def test_the_neuron_behind_it_changes_nothing():
    net = models.build("s2tdpt-1-32", in_shape=(1, 8, 8), attention="sdsa")
    layer = net.blocks[0].attention
    q, k, v = (spikes(4, 2, 1, 16, 32, rate=0.3) for _ in "qkv")
    mixed = layer.core(q, k, v) * layer.scale
    assert torch.equal(layer.core_lif(mixed), mixed)
    with pytest.raises(ValueError, match="no weights of token pairs"):
        layer.core.weights(q, k)


def test_its_work_has_no_multiplication():
    """Two ANDs for each token and channel, an addition each, a neuron for each channel and step."""
    core = SpikeDrivenAttention(gate=LIF(v_threshold=0.5), scale=1.0)
    q, k, v = (spikes(2, 3, 1, 4, 5, rate=0.5) for _ in "qkv")
    with torch.no_grad(), Census(core, images=3) as found:
        core(q, k, v)
    events = Counter()
    for (_, event), number in found.tally.totals().items():
        events[event] += number
    assert events == {"digital-compare": 2 * 120, "digital-add": 120, "neuron-step": 30}
