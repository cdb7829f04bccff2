"""Networks of the family are SpikingJelly's own, spike for spike, with weights copied over."""

import pytest
import torch
from torch import nn

pytest.importorskip("spikingjelly.activation_based.model.masnn")

from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.model import masnn, ms_resnet, sew_resnet, spikformer
from spikingjelly.activation_based.model import spike_driven_transformer as sdt

from memsim import models
from tests.models.judge import compare, copy_weights, excite, units

SIDE, STEPS = 16, 4


def pictures(channels: int = 3, side: int = SIDE) -> torch.Tensor:
    return torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(0)).double()


def judged(theirs: nn.Module, ours: models.Network, x: torch.Tensor, gain: float, merge: int = 0) -> None:
    """Copy their weights, then compare on held images and on frames that differ from step to step."""
    excite(theirs, gain)
    copy_weights(units([theirs]), units([ours.double()]))
    steps = ours.config.steps
    rates = compare(theirs, ours, x, x.expand(steps, *x.shape), merge)
    assert max(rates) < 0.95 and sum(rate > 0.02 for rate in rates) > 0.7 * len(rates), rates
    frames = torch.stack([x.roll(step, -1) for step in range(steps)])
    compare(theirs, ours, frames, frames, merge)


def test_spikformer():
    """Theirs has no biases (ours are 0 then), Q, K and V in one matrix, and pools before the neurons."""
    theirs = spikformer.Spikformer(
        T=STEPS, img_size_h=SIDE, img_size_w=SIDE, patch_size=4, num_classes=7, embed_dims=32, num_heads=2,
        depths=2,
    )  # fmt: skip
    shape = {"in_shape": (3, SIDE, SIDE), "num_classes": 7, "heads": 2}
    judged(theirs, models.build("spikformer-2-32", **shape, pool_first=True), pictures(), 3.0, merge=5)


@pytest.mark.parametrize("pools", ["0011", "1111"])
def test_spike_driven_transformer(pools):
    """Their stem has biases: they go into the norms behind."""
    theirs = sdt.SpikeDrivenTransformer(
        T=STEPS, num_classes=7, embed_dims=32, num_heads=4, depths=2, pooling_stat=pools
    )
    pooled = tuple(mark == "1" for mark in pools)
    ours = models.build("sdt-2-32", in_shape=(3, SIDE, SIDE), num_classes=7, pools=pooled)
    judged(theirs, ours, pictures(), 3.0)


@pytest.mark.parametrize("connect", ["ADD", "AND", "IAND"])
def test_sew_resnet(connect):
    theirs = sew_resnet.sew_resnet18(cnf=connect, spiking_neuron=neuron.IFNode, num_classes=7)
    functional.set_step_mode(theirs, "m")
    ours = models.build(
        "sew-resnet18", in_shape=(3, 32, 32), num_classes=7, stem="7x7", connect=connect, steps=3
    )
    judged(theirs, ours, pictures(side=32), 1.0 if connect == "ADD" else 2.0)


def test_sew_resnet_with_bottlenecks():
    """ADD alone: with IAND theirs negates the shortcut in a bottleneck, the block's spikes elsewhere."""
    theirs = sew_resnet.SEWResNet(
        sew_resnet.Bottleneck, [1, 2, 1, 1], cnf="ADD", spiking_neuron=neuron.IFNode, num_classes=7
    )
    functional.set_step_mode(theirs, "m")
    shape = {"in_shape": (3, 32, 32), "num_classes": 7, "blocks": (1, 2, 1, 1), "steps": 2}
    judged(theirs, models.build("sew-resnet50", **shape, stem="7x7"), pictures(side=32), 1.0)


def test_ms_resnet():
    theirs = ms_resnet.MSResNet(T=STEPS, num_classes=7, layers=(2, 1, 1), base_channels=16)
    shape = {"in_shape": (3, 32, 32), "num_classes": 7, "blocks": (2, 1, 1), "steps": STEPS}
    judged(theirs, models.build("ms-resnet18-16", **shape, stem="7x7"), pictures(side=32), 0.7)


def test_att_ms_resnet():
    theirs = masnn.AttMSResNet(T=STEPS, num_classes=7, layers=(2, 1, 1), base_channels=16)
    shape = {"in_shape": (3, 32, 32), "num_classes": 7, "blocks": (2, 1, 1), "steps": STEPS}
    judged(theirs, models.build("att-ms-resnet18-16", **shape, stem="7x7"), pictures(side=32), 1.0)


def test_ma_snn():
    size = {"steps": 6, "reduction_t": 2, "reduction_c": 4, "widths": (8, 16), "pools": (1, 2), "hidden": 24}
    theirs = masnn.MASNN(
        T=6, num_classes=7, input_size=(8, 8), channels=(8, 16), pools=(1, 2), fc_hidden=24, reduction_t=2,
        reduction_c=4,
    )  # fmt: skip
    ours = models.build("masnn", in_shape=(2, 8, 8), num_classes=7, **size).double()
    excite(theirs, 3.0)
    order = [one for pair in zip(ours.maps, ours.gates, strict=True) for one in pair]
    order += [ours.hidden, ours.hidden_gate, ours.head, ours.head_gate]
    copy_weights(units([theirs]), units(order))
    counts = torch.poisson(torch.full((6, 2, 2, 8, 8), 0.7), torch.Generator().manual_seed(1)).double()
    rates = compare(theirs, ours, counts, counts)
    assert min(rates) > 0.02 and max(rates) < 0.95, rates


def test_spikingformer():
    """SpikingJelly has none: the authors' forward pass, written out with its neurons."""
    ours = models.build("spikingformer-2-32", in_shape=(3, SIDE, SIDE), num_classes=7, heads=2)
    excite(ours.eval(), 3.0)
    reference, x = Written(ours), pictures()
    rates = compare(reference, ours, x, x.expand(STEPS, *x.shape))
    assert min(rates) > 0.01 and max(rates) < 0.95, rates
    frames = torch.stack([x.roll(step, -1) for step in range(STEPS)])
    compare(reference, ours, frames, frames)


class Written(nn.Module):
    """Spikingformer's forward pass over frames (T, B, C, H, W) with the layers of a network of ours."""

    def __init__(self, net: models.Network):
        super().__init__()
        self.layers = [net]  # no submodule: its neurons are not asked
        self.nodes = nn.ModuleList(self.node(1.0) for _ in range(4 + 2 * 7))
        for block in range(2):
            self.nodes[4 + 7 * block + 4] = self.node(0.5)

    @staticmethod
    def node(threshold: float) -> neuron.LIFNode:
        return neuron.LIFNode(tau=2.0, v_threshold=threshold, detach_reset=True, step_mode="m")

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        net, nodes = self.layers[0], iter(self.nodes)

        def norm(layer: nn.Module, s: torch.Tensor) -> torch.Tensor:
            """A convolution of side 1 over tokens (T, B, D, N), and its norm."""
            out = nn.functional.conv1d(s.flatten(0, 1), layer.linear.weight[..., None], layer.linear.bias)
            return layer.norm(out).unflatten(0, s.shape[:2])

        u = net.patches.norm(net.patches.encoder(frames.flatten(0, 1))).unflatten(0, frames.shape[:2])
        for stage, pooled in zip(net.patches.stages, net.config.pools[1:], strict=True):
            s = next(nodes)(u).flatten(0, 1)
            s = nn.functional.max_pool2d(s, 3, 2, 1) if pooled else s
            u = stage.norm(stage.conv(s)).unflatten(0, frames.shape[:2])
        u = u.flatten(3)
        for block in net.blocks:
            a, m = block.attention, block.mlp
            s = next(nodes)(u)
            q, k, v = (next(nodes)(norm(one, s)).unflatten(2, (2, 16)).mT for one in (a.q, a.k, a.v))
            mixed = (q @ k.mT) @ v * 0.125
            u = u + norm(a.proj, next(nodes)(mixed.mT.flatten(2, 3)))
            u = u + norm(m.fc2, next(nodes)(norm(m.fc1, next(nodes)(u))))
        return net.head(u.mean(3).mean(0))
