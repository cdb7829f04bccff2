"""Networks of tokens through NIR: attention in marked subgraphs, the same spikes after a file."""

import pytest
import torch
from torch import nn

from memsim import models
from memsim.models.exchange import from_nir, to_nir

nir = pytest.importorskip("nir")
SHAPE = (3, 16, 16)


def firing(name: str, **fields) -> models.Network:
    """A network in float64 whose batch norms let its neurons fire."""
    torch.manual_seed(0)
    net = models.build(name, in_shape=SHAPE, num_classes=5, **fields).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 1.0, 2.0)
            nn.init.uniform_(module.bias, -0.3, 1.0)
            module.momentum = None
    with torch.no_grad():
        net.train()(torch.rand(8, *SHAPE).double())
    return net.eval()


def spikes_of(net: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Spikes of every layer of neurons, by its name."""
    found: dict[str, torch.Tensor] = {}
    layers = {name: layer for name, layer in net.named_modules() if isinstance(layer, models.LIF)}
    hooks = [
        layer.register_forward_hook(lambda module, x, out, name=name: found.update({name: out}))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return found


def as_map(spikes: torch.Tensor) -> torch.Tensor:
    """Tokens (T, B, N, D) as maps (T, B, D, 4, 4); maps, and gates (T, B, 1, 1, D), as they are."""
    return spikes.transpose(2, 3).unflatten(3, (4, 4)) if spikes.ndim == 4 else spikes


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("s2tdpt-1-32", {"heads": 2}),
        ("s2tdpt-1-32", {"heads": 2, "attention": "sdsa"}),
        ("spikingformer-2-32", {"heads": 2}),
        ("spikformer-2-32", {"heads": 2}),
    ],
)
def test_networks_of_tokens_fire_alike_after_a_file(name, fields, tmp_path):
    net = firing(name, **fields)
    graph = to_nir(net, SHAPE)
    nir.write(str(tmp_path / "net.nir"), graph)
    again = from_nir(tmp_path / "net.nir").double()
    x = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(1)).double()
    held = x.expand(net.config.steps, *x.shape)
    ours, theirs = spikes_of(net, x), spikes_of(again, held)
    found = {f"layers.{key.replace('.', '_')}": as_map(spikes) for key, spikes in ours.items()}
    found = {key.replace("core_gate", "core.core.gate"): spikes for key, spikes in found.items()}
    assert found.keys() == theirs.keys() and sum(float(one.mean()) > 0.02 for one in ours.values()) > 5
    assert {key: int((found[key] != theirs[key]).sum()) for key in found} == dict.fromkeys(found, 0)
    with torch.no_grad():
        torch.testing.assert_close(again(held).mean(0), net(x), rtol=1e-9, atol=1e-9)
    assert "attention is a product of two signals" in graph.metadata["memsim_lost"]
    with pytest.raises(ValueError, match=r"strict: NIR cannot express blocks.0.attention.core: attention"):
        to_nir(net, SHAPE, strict=True)


def test_what_has_no_primitive_is_refused():
    with pytest.raises(ValueError, match=r"a max-pool of numbers that are no spikes|cannot be exported"):
        to_nir(firing("sdt-1-32"), SHAPE)
    with pytest.raises(
        ValueError, match="RateAttention is not exported; known are STDP, dot-product and SDSA"
    ):
        to_nir(firing("s2tdpt-1-32", heads=2, attention="rate"), SHAPE)
    with pytest.raises(ValueError, match="NIR has no layer norm"):
        to_nir(firing("s2tdpt-1-32", heads=2, layernorm=True), SHAPE)
