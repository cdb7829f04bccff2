"""The network: its parameter count, its equations step by step, its configuration and what it refuses."""

from functools import partial
from math import inf

import pytest
import torch
from torch import nn

from memsim import models
from memsim.models.parts.lif import spikes as spikes_of
from memsim.models.parts.neurons import LIF
from memsim.models.parts.relatives import KINDS


@pytest.fixture(scope="module")
def net() -> models.S2TDPT:
    """A small network with batch norms that are not the identity."""
    torch.manual_seed(3)
    net = models.build(
        "s2tdpt-digits", layers=2, dim=16, heads=2, widths=(4, 8, 16), pools=(False, False, True)
    )
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 3.0)
            nn.init.uniform_(module.bias, -0.2, 0.8)
            module.running_var.fill_(0.3)
    return net.eval()


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_parameter_counts():
    """5 convolutions and norms 2,201,520; 4 blocks of 1,778,688; head 3,850: Spikingformer-4-384's 9.32 M."""
    net = models.build("s2tdpt-4-384", num_classes=10, in_shape=(3, 32, 32))
    assert parameters(net) == 9_320_122
    assert parameters(net.patches) == 2_201_520
    assert parameters(net.blocks[0]) == 1_778_688
    assert (net.config.heads, net.config.head_dim, net.config.tokens) == (12, 32, 64)
    assert parameters(models.build("s2tdpt-4-384", layernorm=True)) == 9_320_122 + 4 * 768
    digits = models.build("s2tdpt-digits").config
    assert (digits.dim, digits.heads, digits.layers, digits.steps, digits.tokens) == (64, 4, 2, 4, 16)


def test_forward_is_equations_10_to_28(net):
    """The same images through the equations written out, with nothing of the network but its layers."""
    x = images()
    lif, half = (partial(spikes_of.meaning, law=LIF(v_threshold=v).law) for v in (1.0, 0.5))  # the loops
    steps = net.config.steps

    def each(layer, tensor):
        return torch.stack([layer(part) for part in tensor])

    def norm(layer, tensor):
        return each(lambda tokens: layer.norm(layer.linear(tokens).transpose(1, 2)).transpose(1, 2), tensor)

    z = net.patches.norm(net.patches.encoder(x)).repeat(steps, 1, 1, 1, 1)  # Eq. (10)
    first, second = net.patches.stages
    z = each(lambda part: first.norm(first.conv(part)), lif(z))  # Eq. (11)
    pooled = each(lambda part: nn.functional.max_pool2d(part, 3, 2, 1), lif(z))
    z = each(lambda part: second.norm(second.conv(part)), pooled)  # Eq. (12)
    u = z.reshape(steps, 3, 16, 16).transpose(2, 3)  # Eq. (13): (T, B, N, D)
    rates = []
    for block in net.blocks:
        a, m = block.attention, block.mlp
        spikes = lif(u)
        q, k, v = (lif(norm(layer, spikes)) for layer in (a.q, a.k, a.v))  # Eq. (14)-(16)
        mixed = torch.empty_like(v)
        for head in (slice(0, 8), slice(8, 16)):
            window = {"head_dim": 8, "A": 0.45, "tau": 0.5, "offset": 0.5, "t_max": 1.0}
            weight = models.stdp_attention(
                q[..., head].sum(-1), k[..., head].sum(-1), **window
            )  # Eq. (17)-(22)
            mixed[..., head] = weight @ v[..., head]
        u = u + norm(a.proj, half(mixed * 0.125))  # Eq. (23)-(25)
        u = u + norm(m.fc2, lif(norm(m.fc1, lif(u))))  # Eq. (26)-(27)
        rates += [float(s.detach().mean()) for s in (spikes, q, k, v)]
    expected = net.head(u.mean(0).mean(1))  # Eq. (28)
    torch.testing.assert_close(net(x), expected)
    assert min(rates) > 0.01 and max(rates) < 0.9, rates


def test_histogram_form_gives_the_same_logits_in_float64(net):
    twin = models.S2TDPT(net.config.model_copy(update={"attention_form": "histogram"})).eval()
    twin.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(twin.double()(images().double()), _as_double(net)(images().double()))


def _as_double(net: models.S2TDPT) -> models.S2TDPT:
    twin = models.S2TDPT(net.config).eval()
    twin.load_state_dict(net.state_dict())
    return twin.double()


def test_an_image_does_not_depend_on_its_batch(net):
    with torch.no_grad():
        torch.testing.assert_close(net(images(5))[2:3], net(images(5)[2:3]))


def test_every_parameter_learns(net):
    twin = models.S2TDPT(net.config)
    twin.load_state_dict(net.state_dict())
    twin.train()(images(8)).square().sum().backward()
    still = [name for name, p in twin.named_parameters() if p.grad is None or not float(p.grad.abs().sum())]
    assert not [name for name in still if not name.endswith("linear.bias")], (
        still
    )  # a bias before a batch norm rests


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_attention_runs_and_learns(kind):
    net = models.build("s2tdpt-digits", attention=kind, layers=1)
    net(images(8)).sum().backward()
    gradient = net.blocks[0].attention.v.linear.weight.grad
    assert float(gradient.abs().sum()) > 0


def test_paper_spikingjelly_switch_changes_the_network(net):
    twin = models.S2TDPT(net.config.model_copy(update={"decay_input": True})).eval()
    twin.load_state_dict(net.state_dict())
    assert not torch.equal(twin(images()), net(images()))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.rand(1, 8, 8), r"shape \(1, 8, 8\), needed \(batch, 1, 8, 8\); did you forget the batch axis"),
        (torch.rand(2, 3, 8, 8), r"shape \(2, 3, 8, 8\), needed \(batch, 1, 8, 8\)"),
        (torch.rand(2, 1, 8, 8) * 255, r"allowed is \[0, 1\]; are these bytes\? Divide by 255"),
        (torch.rand(2, 1, 8, 8) - 2, r"allowed is \[0, 1\]; were they normalised"),
        (torch.cat([torch.rand(2, 1, 8, 8), torch.full((1, 1, 8, 8), torch.nan)]), "image 2 holds NaN"),
    ],
)
def test_bad_images_are_refused_with_one_clear_message(net, image, message):
    with pytest.raises(ValueError, match=message):
        net(image)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"heads": 5}, "dim=64 is not a multiple of heads=5"),
        ({"widths": (8, 16)}, "must be dim=64"),
        ({"pools": (True, False, False)}, "only spikes are pooled"),
        ({"pools": (False,)}, "3 convolutions"),
        ({"headz": 4}, "headz"),
        ({"tau": 0.5}, "tau: .*greater than or equal to 1"),
        ({"v_reset": 0.7}, "v_reset=0.7"),
        ({"in_shape": (1, 0, 8)}, "in_shape"),
        ({"attention": "random", "attention_mean": ((0.5,),)}, "2 rows"),
        ({"window": {"A": -1}}, "window.A"),
    ],
)
def test_impossible_configurations_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        models.build("s2tdpt-digits", **overrides)


@pytest.mark.parametrize("name", ["s2tdpt-4", "s2tdpt-0-64", "s2tdpt-2-30", "mixer-4-384"])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=name):
        models.build(name)


@pytest.mark.parametrize("name", ["s2tdpt-digits", "sew-resnet18", "masnn", "spikformer-2-64"])
@pytest.mark.parametrize("tau", [None, inf])
def test_neurons_without_leak_are_built_and_saved(name, tau, tmp_path):
    """beta = 1 - 1/tau is 1 at an endless tau: Eq. (9) of a neuron that integrates, LIF(tau=inf)."""
    net = models.build(name, tau=tau, decay_input=False, num_classes=10)
    taus = {module.tau for module in net.modules() if isinstance(module, LIF)}
    assert taus == {inf} and net.config.tau is None
    models.save(net, tmp_path / "net.safetensors")
    assert models.load(tmp_path / "net.safetensors").config == net.config
    with pytest.raises(ValueError, match="tau without leak needs decay_input=False"):
        models.build(name, tau=tau, decay_input=True, num_classes=10)


def test_small_images_are_pooled_once():
    assert models.configure("s2tdpt-2-64", in_shape=(1, 8, 8)).tokens == 16
    assert models.configure("s2tdpt-2-64", in_shape=(1, 28, 28)).tokens == 49
    assert models.configure("s2tdpt-2-64", in_shape=(1, 28, 28), pool_kernel=2).grid == (7, 7)
    assert models.build("s2tdpt-1-16", in_shape=(1, 9, 9)).eval()(torch.rand(1, 1, 9, 9)).shape == (1, 10)
