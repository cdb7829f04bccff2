"""The fused training pass gives the logits and gradients of the network itself."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memsim import models
from memsim.models.networks.row_pass import has_row_pass, row_pass

SHAPE: dict[str, Any] = {"in_shape": (2, 8, 8), "dim": 32, "layers": 1, "heads": 2, "widths": (8, 16, 32)}
POOLS = {"pools": (False, True, True), "attention_v_threshold": 0.1}
NEURONS = {
    "tau": 1.5,
    "v_reset": -0.1,
    "decay_input": True,
    "v_threshold": 0.1,
    "attention_v_threshold": 0.02,
}
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "stdp": ("s2tdpt-1-32", SHAPE | POOLS),
    "layer norm, other neurons": ("s2tdpt-1-32", SHAPE | POOLS | NEURONS | {"layernorm": True}),
    "rate, pools of side 2": ("s2tdpt-1-32", SHAPE | POOLS | {"attention": "rate", "pool_kernel": 2}),
    "spikingformer": ("spikingformer-1-32", SHAPE | POOLS | {"v_threshold": 0.3}),
    "no pool, one stage": ("s2tdpt-1-32", SHAPE | POOLS | {"widths": (8, 32), "pools": (False, False)}),
}


def net_of(name: str) -> models.Network:
    shape, fields = NETS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.build(shape, **fields).train()


def pictures(*shape: int) -> Tensor:
    return torch.rand(*shape, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def gradients(net: nn.Module, logits: Tensor) -> dict[str, Tensor]:
    F.cross_entropy(logits, torch.arange(len(logits)) % 10).backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("frames", [False, True], ids=["images", "frames"])
@pytest.mark.parametrize("name", NETS)
def test_in_float32_it_is_the_network(name: str, frames: bool) -> None:
    net, images = net_of(name), pictures(3, 6) if frames else pictures(6)
    other = copy.deepcopy(net)
    found, wanted = row_pass(net, images, steps=4, kind=torch.float32), other(images)  # type: ignore[arg-type]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    ours, theirs = gradients(net, found), gradients(other, wanted)
    skipped = theirs.keys() - ours.keys()
    assert all(key.endswith(".linear.bias") for key in skipped)  # before a norm: no effect, no gradient
    for key, grad in ours.items():
        size = float(theirs[key].norm())
        assert size > 0 and float((grad - theirs[key]).norm()) < 1e-3 * size, key
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key], rtol=1e-4, atol=1e-5, msg=key)


@pytest.mark.slow
def test_in_bf16_the_gradient_points_the_same_way() -> None:
    """Roundings turn a few spikes, so the whole gradient is held, not each number of it."""
    net = net_of("stdp")
    other, images = copy.deepcopy(net), pictures(64)
    logits = row_pass(net, images, steps=4)  # type: ignore[arg-type]
    ours, theirs = gradients(net, logits), gradients(other, other(images))
    a, b = (torch.cat([g[key].flatten() for key in ours]) for g in (ours, theirs))
    assert logits.dtype == torch.float32 and all(p.dtype == torch.float32 for p in net.parameters())
    assert float(F.cosine_similarity(a, b, dim=0)) > 0.7
    assert float(a.norm() / b.norm()) == pytest.approx(1, abs=0.1)


def test_time_steps_are_those_asked_for() -> None:
    net = net_of("stdp").eval()
    one = models.build(NETS["stdp"][0], **NETS["stdp"][1], steps=1).train()
    one.load_state_dict(net.state_dict())
    found = row_pass(net.train(), pictures(5), steps=1, kind=torch.float32)  # type: ignore[arg-type]
    torch.testing.assert_close(found, one(pictures(5)), rtol=1e-4, atol=1e-5)


def test_which_networks_have_it() -> None:
    assert all(has_row_pass(net_of(name)) for name in NETS)
    assert not has_row_pass(models.build("sdt-1-32", in_shape=(1, 16, 16)))
    assert not has_row_pass(nn.Linear(2, 2))


def test_input_that_the_network_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="were they normalised"):
        row_pass(net_of("stdp"), pictures(4) - 0.5, steps=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="statistics of the batch"):
        row_pass(net_of("stdp").eval(), pictures(4), steps=4)  # type: ignore[arg-type]
