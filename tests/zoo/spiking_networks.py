"""Spiking networks: memsim's own, SpikingJelly's, snnTorch's and Norse's, as their tutorials build them."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from memsim import models
from tests.zoo.entry import Inputs, Made, normals, pictures, settled, zoo

ENTRIES, entry = zoo()
STEPS = 3


@entry()
def s2tdpt_digits() -> Made:
    return Made(models.load("s2tdpt-digits"), pictures(1, 8, 8), spikes=True)


@entry()
def s2tdpt_2_64() -> Made:
    net = models.build("s2tdpt-2-64", in_shape=(3, 16, 16))
    draw = pictures(3, 16, 16)
    return Made(settled(net, draw(6)), draw, spikes=True)


# --- SpikingJelly -----------------------------------------------------------------------------------------


def _csnn(mode: str) -> nn.Sequential:
    """The tutorial's convolutional network (CSNN for Fashion-MNIST), narrow."""
    from spikingjelly.activation_based import layer, neuron, surrogate

    def fire():
        return neuron.IFNode(surrogate_function=surrogate.ATan(), step_mode=mode)

    net = nn.Sequential(
        layer.Conv2d(1, 4, 3, padding=1, bias=False, step_mode=mode),
        layer.BatchNorm2d(4, step_mode=mode),
        fire(),
        layer.MaxPool2d(2, 2, step_mode=mode),
        layer.Conv2d(4, 4, 3, padding=1, bias=False, step_mode=mode),
        layer.BatchNorm2d(4, step_mode=mode),
        fire(),
        layer.MaxPool2d(2, 2, step_mode=mode),
        layer.Flatten(step_mode=mode),
        layer.Linear(16, 16, bias=False, step_mode=mode),
        fire(),
        layer.Linear(16, 5, bias=False, step_mode=mode),
        fire(),
    )
    with torch.no_grad():
        net[9].weight.mul_(4)
        net[11].weight.mul_(4)
    return net


class MultiStep(nn.Module):
    """Repeats pictures over T steps and averages the spikes: (B, C, h, w) -> (B, classes)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.conv_fc = net

    def forward(self, x):
        return self.conv_fc(x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)).mean(0)


class SingleSteps(nn.Module):
    """Calls a network once for each of T steps and averages its output."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x):
        return sum(self.net(x) for _ in range(STEPS)) / STEPS


def _reset(net: nn.Module) -> nn.Module:
    from spikingjelly.activation_based import functional

    functional.reset_net(net)
    return net


def _with_spikes(net: nn.Module, draw, options=None, axes=(0,)) -> Made:
    """A SpikingJelly network whose norms have seen pictures, its state reset."""
    return Made(_reset(settled(net, draw(8))), draw, options or {}, axes, spikes=True)


@entry(needs="spikingjelly")
def spikingjelly_csnn_multi_step() -> Made:
    return _with_spikes(MultiStep(_csnn("m")), pictures(1, 8, 8))


@entry(needs="spikingjelly")
def spikingjelly_csnn_single_step_loop() -> Made:
    return _with_spikes(SingleSteps(_csnn("s")), pictures(1, 8, 8))


@entry(needs="spikingjelly")
def spikingjelly_sequence_container() -> Made:
    """Plain torch layers inside SeqToANNContainer, which merges time and batch."""
    from spikingjelly.activation_based import layer, neuron

    net = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)),
        neuron.LIFNode(step_mode="m"),
        layer.SeqToANNContainer(nn.Flatten(), nn.Linear(144, 10), nn.BatchNorm1d(10)),
        neuron.LIFNode(step_mode="m"),
    )
    return _with_spikes(MultiStep(net), pictures(1, 8, 8))


def _residual(family: str, **settings) -> Made:
    from spikingjelly.activation_based import functional, neuron
    from spikingjelly.activation_based.model import sew_resnet, spiking_resnet

    make = {"sew": sew_resnet.sew_resnet18, "spiking": spiking_resnet.spiking_resnet18}[family]
    net = make(spiking_neuron=neuron.IFNode, num_classes=5, **settings)
    functional.set_step_mode(net, "m")

    def draw(n: int) -> Inputs:
        return Inputs((torch.rand(n, 3, 32, 32).expand(2, -1, -1, -1, -1).contiguous(),))

    return _with_spikes(net, draw, {"batch_axis": 1}, (1,))


@entry(slow=True, needs="spikingjelly")
def spiking_resnet18() -> Made:
    return _residual("spiking")


@entry(slow=True, needs="spikingjelly")
def sew_resnet18() -> Made:
    return _residual("sew", cnf="ADD")


@entry(needs="spikingjelly")
def spikformer() -> Made:
    """As SpikingJelly ships it, narrow: pictures in, (T, B, classes) out."""
    from spikingjelly.activation_based.model.spikformer import Spikformer

    net = Spikformer(
        T=2, img_size_h=16, img_size_w=16, patch_size=4, embed_dims=16, num_heads=2, depths=1, num_classes=5
    )
    nn.init.normal_(net.head.weight)
    for block in net.blocks:  # queries and keys that meet
        nn.init.constant_(block.attn.qkv_conv_bn[1].weight, 4.0)
    return _with_spikes(net, pictures(3, 16, 16), axes=(1,))


# --- snnTorch ---------------------------------------------------------------------------------------------


@entry(needs="snntorch")
def snntorch_tutorial_5() -> Made:
    """Tutorial 5: a loop over time with membranes in hand; spikes and membranes of every step, (T, B, C)."""
    import snntorch as snn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.lif1 = nn.Linear(16, 24), snn.Leaky(beta=0.95)
            self.fc2, self.lif2 = nn.Linear(24, 5), snn.Leaky(beta=0.95)

        def forward(self, x):
            mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
            spk2_rec, mem2_rec = [], []
            for _ in range(STEPS):
                spk1, mem1 = self.lif1(self.fc1(x), mem1)
                spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
                spk2_rec.append(spk2)
                mem2_rec.append(mem2)
            return torch.stack(spk2_rec, dim=0), torch.stack(mem2_rec, dim=0)

    net = Net()
    with torch.no_grad():
        net.fc1.weight.mul_(4)
        net.fc2.weight.mul_(4)
    return Made(net, normals(16), axes=(1, 1), spikes=True, arrays=2)


def _snntorch_sequential() -> nn.Sequential:
    import snntorch as snn

    net = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.MaxPool2d(2),
        snn.Leaky(beta=0.9, init_hidden=True, threshold=0.3),
        nn.Flatten(),
        nn.Linear(36, 5),
        snn.Leaky(beta=0.9, init_hidden=True, threshold=0.1, output=True),
    )
    return net


@entry(needs="snntorch")
def snntorch_sequential_one_step() -> Made:
    """Hidden membranes stay in the network from call to call."""
    return Made(_snntorch_sequential(), pictures(1, 8, 8), axes=(0, 0), spikes=True, arrays=2)


@entry(needs="snntorch")
def snntorch_sequential_loop() -> Made:
    import snntorch.utils

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = _snntorch_sequential()

        def forward(self, x):
            snntorch.utils.reset(self.net)
            return torch.stack([self.net(x)[0] for _ in range(STEPS)]).sum(0)

    return Made(Loop(), pictures(1, 8, 8), spikes=True, arrays=2)


# --- Norse ------------------------------------------------------------------------------------------------


def _norse():
    """Norse; its import compiles functions in a way that newer releases of torch warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import norse.torch as norse
    return norse


@entry(needs="norse")
def norse_sequence_loop() -> Made:
    norse = _norse()

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = norse.SequentialState(
                nn.Linear(8, 16), norse.LIFCell(), nn.Linear(16, 4), norse.LICell()
            )

        def forward(self, x):
            state, out = None, None
            for step in x.unbind(1):
                out, state = self.net(step, state)
            return out

    return Made(Loop(), lambda n: Inputs((10 * torch.randn(n, 12, 8),)), spikes=True, arrays=2)


@entry(needs="norse")
def norse_sequence_time_first() -> Made:
    """The sequence lifted over time: (T, B, F) in; the last output and the states of all cells out."""
    norse = _norse()
    net = norse.SequentialState(nn.Linear(8, 16), norse.LIF(), nn.Linear(16, 4))

    def draw(n: int) -> Inputs:
        return Inputs((10 * torch.randn(12, n, 8),))

    return Made(net, draw, {"batch_axis": 1}, axes=(1, 0, 0), spikes=True, arrays=2)


@entry(needs="norse")
def norse_recurrent_cell() -> Made:
    """Its input and recurrent weights are parameters of the cell itself."""
    norse = _norse()

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = norse.LIFRecurrentCell(8, 12), nn.Linear(12, 4)

        def forward(self, x):
            state, total = None, 0
            for step in x.unbind(1):
                spikes, state = self.cell(step, state)
                total = total + spikes
            return self.head(total)

    digital = ("cell.input_weights", "cell.recurrent_weights")
    return Made(
        Loop(), lambda n: Inputs((10 * torch.randn(n, 12, 8),)), digital=digital, spikes=True, arrays=1
    )
