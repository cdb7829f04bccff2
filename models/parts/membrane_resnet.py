"""Spiking residual networks with membrane shortcuts: MS-ResNet (Hu et al., arXiv:2112.08954), and with gates
after each block Att-Res-SNN (Yao et al., arXiv:2209.13929).
"""

from collections.abc import Callable, Sequence
from typing import Literal, final

from torch import Tensor, nn

from memsim.models.parts.membrane_transformer import Neuron
from memsim.models.parts.neurons import Add
from memsim.models.parts.time_axis import each, encoded

Stem = Literal["7x7", "3x3", "3x3x3"]
"""Kind of stem: one 7 x 7 convolution of stride 2; one 3 x 3 convolution; or three 3 x 3 convolutions with
biases, the first of stride 2.
"""


def norm(channels: int, gain: float) -> nn.BatchNorm2d:
    """Return a batch norm with this initial gain."""
    made = nn.BatchNorm2d(channels)
    nn.init.constant_(made.weight, gain)
    return made


def stem(kind: Stem, channels: int, width: int, gain: float) -> nn.Sequential:
    """Return the first layers of a network for images (B, C, H, W), including a batch norm."""
    if kind == "3x3x3":
        sizes = ((channels, 2), (width, 1), (width, 1))
        layers = [nn.Conv2d(before, width, 3, stride, 1) for before, stride in sizes]
    elif kind == "7x7":
        layers = [nn.Conv2d(channels, width, 7, 2, 3, bias=False)]
    else:
        layers = [nn.Conv2d(channels, width, 3, 1, 1, bias=False)]
    return nn.Sequential(*layers, norm(width, gain))


@final
class MembraneResBlock(nn.Module):
    """Residual block on membranes (T, B, C, h, w): shortcut(x) + gates(BN(W2 S(BN(W1 S(x))))).

    S are neurons and W 3 x 3 convolutions. The shortcut is the identity or, if the shape changes, a 1 x 1
    convolution of the membranes (real numbers) with batch norm. average: the shortcut halves the size by a
    2 x 2 mean instead of a stride. gain, last: initial gains of the first and of the last norm.
    """

    def __init__(
        self,
        before: int,
        after: int,
        stride: int,
        *,
        average: bool,
        gain: float,
        last: float,
        gates: nn.Module | None,
        neuron: Neuron,
    ):
        super().__init__()
        self.lif1, self.conv1 = neuron(), nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = norm(after, gain)
        self.lif2, self.conv2 = neuron(), nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = norm(after, last)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            pool = [nn.AvgPool2d(2, 2, ceil_mode=True)] if average and stride == 2 else []
            conv = nn.Conv2d(before, after, 1, 1 if pool else stride, bias=False)
            self.shortcut = nn.Sequential(*pool, conv, norm(after, gain))
        self.gates = nn.Identity() if gates is None else gates
        self.add = Add()

    def forward(self, x: Tensor) -> Tensor:
        inside = each(lambda s: self.norm1(self.conv1(s)), self.lif1(x))
        inside = each(lambda s: self.norm2(self.conv2(s)), self.lif2(inside))
        return self.add(self.gates(inside), each(self.shortcut, x))


@final
class MembraneResNet(nn.Module):
    """Stem, stages of blocks and neurons: images (B, C, H, W) or frames (T, B, C, H, W) -> spikes of maps.

    Each stage after the first doubles the width and halves height and width of the maps; the first stage
    halves them unless the stem is "3x3". gates: function from the number of channels to the gates of a block.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        blocks: Sequence[int],
        *,
        kind: Stem,
        average: bool,
        last: float,
        gates: Callable[[int], nn.Module] | None,
        steps: int,
        neuron: Neuron,
    ):
        super().__init__()
        self.steps, gain = steps, 0.5
        self.stem = stem(kind, channels, width, gain)
        made: list[nn.Module] = []
        before = width
        for stage, count in enumerate(blocks):
            after = width * 2**stage
            for number in range(count):
                halves = number == 0 and (stage > 0 or kind != "3x3")
                made.append(
                    MembraneResBlock(
                        before,
                        after,
                        2 if halves else 1,
                        average=average,
                        gain=gain,
                        last=last,
                        gates=gates(after) if gates else None,
                        neuron=neuron,
                    )
                )
                before = after
        self.blocks = nn.ModuleList(made)
        self.lif = neuron()
        self.channels = before

    def forward(self, image: Tensor) -> Tensor:
        membrane = encoded(self.stem, image, self.steps)
        for block in self.blocks:
            membrane = block(membrane)
        return self.lif(membrane)
