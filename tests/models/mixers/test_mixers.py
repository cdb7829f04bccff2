"""Every mixer by name: both forms agree, nothing of a later token is seen, and weights are as published."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim.models.mixers import registry
from memsim.models.mixers.features import ShortConvolution, decays, rotary, unit
from memsim.models.mixers.mixer import Mixer, Shape, step_by_step
from memsim.models.mixers.network import SequenceConfig, SequenceNet, with_landmarks
from memsim.models.mixers.systems.mosaics import ContextMemory, PersistentMemory
from memsim.models.mixers.systems.mosaics2 import ContextMemory2

SHAPE = Shape(width=12, heads=3, rows=5)
NAMES = registry.names()


def made(name: str) -> Mixer:
    torch.manual_seed(0)
    return registry.build(name, SHAPE).double()


def tokens(count: int = 19, seed: int = 1) -> Tensor:
    return torch.randn(2, count, 12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_agree(name: str) -> None:
    mixer, x = made(name), tokens()
    assert_close(step_by_step(mixer, x), mixer(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_depends_on_later_tokens(name: str) -> None:
    mixer, x = made(name), tokens()
    y = mixer(x)
    for t in (0, 4, 7, 17):
        other = torch.cat([x[:, : t + 1], tokens(seed=2)[:, t + 1 :]], 1)
        assert torch.equal(mixer(other)[:, : t + 1], y[:, : t + 1]) or (
            assert_close(mixer(other)[:, : t + 1], y[:, : t + 1], rtol=0, atol=1e-14) is None
        )
    assert_close(mixer(x[:1]), y[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "none"])
def test_the_past_is_seen(name: str) -> None:
    mixer, x = made(name), tokens()
    other = x.clone()
    other[:, 6] += 1.0
    assert (mixer(other)[:, 7:] - mixer(x)[:, 7:]).abs().max() > 1e-6


def parameters(mixer: torch.nn.Module) -> int:
    return sum(p.numel() for p in mixer.parameters())


@pytest.mark.parametrize(("config", "number"), [
    ({"mixer": "mosaics", "rows": 2688}, 123_653_616),  # Memory Mosaics' nano model
    ({"mixer": "softmax-plain", "taps": 0, "ratio": 4.0}, 123_689_472),  # GPT-2 small, its positions apart
])  # fmt: skip
def test_networks_have_the_published_number_of_weights(config: dict, number: int) -> None:
    with torch.device("meta"):
        net = SequenceNet(SequenceConfig(vocabulary=50_304, width=768, heads=12, layers=12, **config))
    assert parameters(net) == number


def test_forgetting_attention_has_the_published_number_of_weights() -> None:
    with torch.device("meta"):
        mixer = registry.build("forgetting", Shape(width=768, heads=12, bias=False, taps=0))
    assert parameters(mixer) == 2_368_524


def test_a_mosaics_key_is_the_present_token_where_nothing_leaks() -> None:
    mixer = made("mosaics")
    assert isinstance(mixer, ContextMemory)
    mixer.keys.decay.data.fill_(100.0)
    x = tokens()
    raw = mixer.keys.linear(x).unflatten(-1, (3, -1)).transpose(1, 2)
    assert_close(mixer.keys(x), unit(raw) * mixer.keys.size[..., None], rtol=0, atol=1e-12)
    assert not mixer(x)[:, 0].sub(mixer.out.bias).any()  # the first token has no line to read


def test_a_persistent_memory_is_read_alike_token_by_token() -> None:
    torch.manual_seed(0)
    memory, x = PersistentMemory(SHAPE).double(), tokens()
    assert_close(step_by_step(memory, x), memory(x), rtol=0, atol=1e-12)


def test_keys_of_version_2_sharpen_as_lines_become_more() -> None:
    mixer = registry.build("mosaics-2", SHAPE)
    assert isinstance(mixer, ContextMemory2)
    one, many = mixer.sharpness(torch.tensor([1.0, 8.0]), 1).unbind(-1)
    assert_close(one, torch.full((3,), 4.0).mul(math.exp(1.5)))  # 2 (b_1 + b_0)
    assert_close(many, torch.full((3,), 2.0 * (8 ** (1 / 3) + 1) * math.exp(1.5)))


def test_decays_are_products_and_have_a_gradient_where_they_overflow() -> None:
    factor = torch.tensor([[0.5, -1.0, -2.0, -800.0, -3.0]], dtype=torch.float64, requires_grad=True)
    product = decays(factor)
    assert_close(product[0, 2, 0], torch.exp(torch.tensor(-3.0, dtype=torch.float64)), rtol=0, atol=1e-15)
    assert not product.triu(1).any() and product[0, 4, 4] == 1.0
    product.sum().backward()
    assert factor.grad is not None and factor.grad.isfinite().all()


def test_rotary_products_depend_on_distance_alone() -> None:
    q, k = tokens(1)[0], tokens(1, seed=3)[0]
    near = [(rotary(q, at + 5) * rotary(k, at)).sum() for at in (0, 11, 400)]
    assert_close(near[0], near[1], rtol=0, atol=1e-12)
    assert_close(near[0], near[2], rtol=0, atol=1e-12)


def test_a_short_convolution_is_that_of_torch() -> None:
    torch.manual_seed(0)
    ours, x = ShortConvolution(12, 3).double(), tokens()
    padded = torch.nn.functional.pad(x.mT, (2, 0))
    theirs = torch.nn.functional.conv1d(padded, ours.weight[:, None], groups=12).mT
    assert_close(ours(x), theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["mosaics", "softmax", "stick-breaking"])
def test_a_network_runs_token_by_token(name: str) -> None:
    torch.manual_seed(0)
    net = SequenceNet(SequenceConfig(mixer=name, vocabulary=9, width=12)).double()
    ids = torch.randint(0, 9, (2, 11), generator=torch.Generator().manual_seed(0))
    state = net.start(2)
    steps = torch.stack([net.step(token, state) for token in ids.unbind(1)], 1)
    assert_close(steps, net(ids), rtol=0, atol=1e-12)


def test_landmarks_are_inserted_and_taken_out() -> None:
    ids = torch.arange(1, 8)[None]
    assert with_landmarks(ids, 3, 0).tolist() == [[1, 2, 3, 0, 4, 5, 6, 0, 7]]
    torch.manual_seed(0)
    net = SequenceNet(SequenceConfig(mixer="landmark", vocabulary=9, width=12, landmark_every=7))
    ids = torch.randint(0, 9, (2, 30), generator=torch.Generator().manual_seed(0))
    assert net(ids).shape == (2, 30, 9)
    assert_close(net(ids)[:, :17], net(ids[:, :17]))
    with pytest.raises(ValueError, match="landmark_every"):
        net.start(1)


@pytest.mark.parametrize(("settings", "words"), [
    ({"width": 10, "heads": 4}, "not a multiple"), ({"mixer": "sofmax"}, "did you mean 'softmax'"),
    ({"layers": 0}, "layers = 0"), ({"ratio": 0.0}, "ratio = 0"), ({"vocabulary": 1}, "vocabulary = 1"),
])  # fmt: skip
def test_a_network_that_cannot_be_is_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SequenceConfig(**{"mixer": "softmax", "vocabulary": 9, **settings})


def test_rotary_needs_pairs_of_features() -> None:
    with pytest.raises(ValueError, match="heads have 3"):
        registry.build("softmax", Shape(width=12, heads=4))
