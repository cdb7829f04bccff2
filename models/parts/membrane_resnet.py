"""Residual networks of spikes whose shortcuts carry membranes: MS-ResNet (Hu et al., arXiv:2112.08954), and
with gates behind each block Att-Res-SNN (Yao et al., arXiv:2209.13929).
"""

from collections.abc import Callable, Sequence
from typing import Literal, final

from torch import Tensor, nn

from memsim.models.parts.membrane_transformer import Neuron
from memsim.models.parts.neurons import Add
from memsim.models.parts.time_axis import each, encoded

Stem = Literal["7x7", "3x3", "3x3x3"]
"""One convolution of side 7 and stride 2; one of side 3; three of side 3 with biases, the first halving."""


def norm(channels: int, gain: float) -> nn.BatchNorm2d:
    """Make a batch norm whose gain begins at a value."""
    made = nn.BatchNorm2d(channels)
    nn.init.constant_(made.weight, gain)
    return made


def stem(kind: Stem, channels: int, width: int, gain: float) -> nn.Sequential:
    """Make the first layers of images (B, C, H, W), batch norm included."""
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
    """Shortcut of x + gates of BN(W2 S(BN(W1 S(x)))) on membranes (T, B, C, h, w), S neurons, W of side 3.

    The shortcut is x itself, or where the shape changes a convolution of side 1 and batch norm, which see
    membranes: real numbers. average: it halves by a mean of 2 x 2, not by its stride. last: the gain that
    the last norm begins with.
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
    """Stem, stages of blocks, neurons: images (B, C, H, W) or frames (T, B, C, H, W) -> spikes of maps.

    Stages double the width and halve the picture; the first halves it only behind a stem that does. gates:
    makes the gates of a block from its channels.
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
