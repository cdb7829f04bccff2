"""Spike activation maps by hand, and attention maps."""

from math import exp

import pytest
import torch

from memsim.models.seeing.attention_map import attended
from memsim.models.seeing.spike_activation import spike_activation


def test_by_hand():
    spikes = torch.zeros(4, 1, 1, 2)
    spikes[[0, 1, 3], 0, 0, 0] = 1  # at 1: e^-g; at 3: e^-3g + e^-2g
    spikes[2, 0, 0, 1] = 1  # alone
    g = 0.7
    wanted = (exp(-g) + exp(-2 * g) + exp(-3 * g)) / 4
    assert torch.allclose(spike_activation(spikes, g), torch.tensor([[wanted, 0.0]]))


def test_channels_add_up_and_leading_axes_stay():
    spikes = (torch.rand(2, 3, 4, 5, 6, 6, generator=torch.Generator().manual_seed(0)) > 0.5).double()
    found = spike_activation(spikes)
    assert found.shape == (2, 3, 6, 6)
    parts = sum(spike_activation(spikes[1, 2, :, k : k + 1]) for k in range(5))
    assert torch.allclose(found[1, 2], torch.as_tensor(parts))


def test_without_decay_pairs_of_spikes_are_counted():
    spikes = torch.ones(5, 1, 1, 1)
    assert float(spike_activation(spikes, 0.0)) == 10 / 5


@pytest.mark.parametrize(("spikes", "gamma", "match"), [(0.5, 1.0, "neurons"), (1.0, -1.0, "gamma")])
def test_what_is_none_is_refused(spikes, gamma, match):
    with pytest.raises(ValueError, match=match):
        spike_activation(torch.full((2, 1, 1, 1), spikes), gamma)


def test_attention_lands_at_its_keys():
    weights = torch.zeros(2, 3, 6, 6)  # (heads, T, N, N)
    weights[:, :, :, 4] = 1.0
    found = attended(weights, (2, 3))
    assert float(found[1, 1]) == 1.0 and float(found.sum()) == 1.0
    with pytest.raises(ValueError, match="6 tokens"):
        attended(weights, (2, 2))
