"""The relatives of STDP attention: fast forms equal their weights, exchanged ones match what was measured."""

import pytest
import torch

from memsim import models
from memsim.models.parts.relatives import DotAttention, RandomAttention, RateAttention, UniformAttention
from memsim.models.training.exchange import EXCHANGES, attention_statistics, exchange_attention
from memsim.written_attention import WrittenAttention

GAIN = torch.tensor([1.0, 0.5, 2.0])


def spikes(*shape: int, seed: int, rate: float = 0.3) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def leaf(kind: str, tokens: int):
    if kind == "random":
        return RandomAttention(tokens=tokens, mean=0.4 * GAIN, spread=0.2 * GAIN, seed=1)
    if kind == "uniform":
        return UniformAttention(level=GAIN, learned=True)
    return RateAttention(head_dim=8, gain=GAIN) if kind == "rate" else DotAttention(gain=GAIN)


@pytest.mark.parametrize("tokens", [5, 13])
@pytest.mark.parametrize("kind", ["random", "uniform", "rate", "dot"])
def test_the_fast_form_is_the_weight_matrix_times_the_values(kind, tokens):
    q, k, v = (spikes(2, 4, 3, tokens, 8, seed=seed) for seed in range(3))
    core = leaf(kind, tokens)
    torch.testing.assert_close(core(q, k, v), core.weights(q, k) @ v)
    assert core(q, k, v).shape == v.shape
    assert not isinstance(core, WrittenAttention), "only STDP attention is written into an attention array"


def test_weights_by_hand():
    """D_H = 2; q = (1,1), k = (1,0) and (0,0): dot 1 and 0; rate 2*1/2 and 0."""
    q, k = (
        torch.tensor([[1.0, 1], [0, 1]]).reshape(1, 1, 1, 2, 2),
        torch.tensor([[1.0, 0], [0, 0]]).reshape(1, 1, 1, 2, 2),
    )
    one = torch.ones(1)
    assert DotAttention(gain=one).weights(q, k).flatten().tolist() == [1, 0, 0, 0]
    assert RateAttention(head_dim=2, gain=one).weights(q, k).flatten().tolist() == [1, 0, 0.5, 0]


def test_rate_only_is_the_expected_dot_product():
    """Shuffling the queries' features leaves the counts; on average the dot product is the rate-only one."""
    q, k = spikes(1, 1, 1, 6, 32, seed=0, rate=0.5), spikes(1, 1, 1, 6, 32, seed=1, rate=0.4)
    generator = torch.Generator().manual_seed(0)
    shuffled = torch.stack([q[..., torch.randperm(32, generator=generator)] for _ in range(4000)])
    mean = (shuffled @ k.transpose(-1, -2)).mean(0)
    expected = RateAttention(head_dim=32, gain=torch.ones(1)).weights(q, k)
    deviation = (shuffled @ k.transpose(-1, -2)).std(0) / 4000**0.5
    assert bool(((mean - expected).abs() < 5 * deviation + 1e-6).all())
    assert not bool(((1.03 * mean - expected).abs() < 5 * deviation + 1e-6).all())


def test_random_has_exactly_the_moments_asked_for_and_its_seed():
    core = leaf("random", 16)
    torch.testing.assert_close(core.weight.mean((1, 2)), 0.4 * GAIN)
    torch.testing.assert_close(core.weight.std((1, 2), correction=0), 0.2 * GAIN)
    assert torch.equal(core.weight, leaf("random", 16).weight)
    other = RandomAttention(tokens=16, mean=0.4 * GAIN, spread=0.2 * GAIN, seed=2)
    assert not torch.equal(core.weight, other.weight)


@pytest.fixture(scope="module")
def trained() -> models.S2TDPT:
    return models.load("s2tdpt-digits")


@pytest.fixture(scope="module")
def statistics(trained):
    return attention_statistics(trained, models.datasets.load("digits").x_train[:60])


def test_statistics_are_those_of_the_weights(trained, statistics):
    """Against weights gathered the slow way, from the same images in other batches."""
    found: list[torch.Tensor] = []
    core = trained.attention_layers()[1].core
    handle = core.register_forward_pre_hook(lambda core, inputs: found.append(core.weights(*inputs[:2])))
    with torch.no_grad():
        for part in models.datasets.load("digits").x_train[:60].split(25):
            trained(part)
    handle.remove()
    weights = torch.cat(found, 1).double().transpose(0, 2).flatten(1)
    torch.testing.assert_close(statistics.mean[1], weights.mean(1))
    torch.testing.assert_close(statistics.spread[1], weights.std(1, correction=0), rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", EXCHANGES)
def test_exchange_leaves_the_network_and_matches_the_mean(trained, statistics, kind):
    images = models.datasets.load("digits").x_train[:60]
    before = trained(images[:8])
    other = exchange_attention(trained, kind, statistics=statistics, seed=3)
    assert torch.equal(trained(images[:8]), before)
    assert not torch.equal(other(images[:8]), before)
    layer = attention_statistics(other, images).mean[
        0
    ]  # the first layer's queries and keys are still the same
    wanted = {"zero": 0 * layer, "uniform": 0.5 + 0 * layer}.get(kind, statistics.mean[0])
    torch.testing.assert_close(layer, wanted, rtol=1e-5, atol=1e-6)


def test_unknown_exchange_is_refused(trained, statistics):
    with pytest.raises(ValueError, match="kind = 'softmax': attention can be exchanged for one of random"):
        exchange_attention(trained, "softmax", statistics=statistics)
