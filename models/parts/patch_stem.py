"""The stem of Spikformer and of the spike-driven transformer: convolutions that produce tokens, and another
one whose result is added as position encoding.
"""

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from memsim.models.parts.membrane_transformer import Neuron
from memsim.models.parts.neurons import Add, SpikePool
from memsim.models.parts.time_axis import each, encoded


@final
class SpikeStage(nn.Module):
    """3 x 3 convolution, batch norm, neurons, max-pool of spikes: (T, B, C, h, w) -> (T, B, C', h', w').

    pool: side of the max-pool, stride 2; 0: none. first: pool the currents before the neurons instead.
    neuron: None: no neurons, and the output is currents.
    """

    def __init__(self, before: int, after: int, *, pool: int, first: bool, neuron: Neuron | None):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.lif = neuron() if neuron else nn.Identity()
        self.first, padding = first, (pool - 1) // 2
        kind = nn.MaxPool2d if first else SpikePool
        self.pool = kind(pool, 2, padding) if pool else nn.Identity()

    def current(self, maps: Tensor) -> Tensor:
        """Return the input currents of the neurons for one time step (B, C', h', w')."""
        current = self.norm(self.conv(maps))
        return self.pool(current) if self.first else current

    def spikes(self, current: Tensor) -> Tensor:
        """Return the spikes (T, B, C', h', w') for currents, pooled unless the currents were."""
        fired = self.lif(current)
        return fired if self.first else each(self.pool, fired)

    def forward(self, maps: Tensor) -> Tensor:
        return self.spikes(each(self.current, maps))


@final
class PatchStem(nn.Module):
    """Images (B, C, H, W) or frames (T, B, C, H, W) -> tokens (T, B, N, D).

    There is one stage for each of `widths`; the first convolution is computed once per image. Then f(x) is
    added to x. membrane=False: f is convolution, norm and neurons, and x are spikes; tokens are integers from
    0 to 2 (Spikformer). membrane=True: the last stage has no neurons and pools membranes, and f is neurons,
    convolution and norm; tokens are membranes (spike-driven transformer).
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        pools: Sequence[bool],
        *,
        pool_kernel: int,
        pool_first: bool,
        membrane: bool,
        steps: int,
        neuron: Neuron,
    ):
        super().__init__()
        self.steps, self.membrane = steps, membrane
        last = len(widths) - 1
        self.stages = nn.ModuleList(
            SpikeStage(
                before,
                after,
                pool=pool_kernel * pooled,
                first=pool_first or (membrane and index == last),
                neuron=None if membrane and index == last else neuron,
            )
            for index, (before, after, pooled) in enumerate(
                zip((channels, *widths[:-1]), widths, pools, strict=True)
            )
        )
        dim = widths[-1]
        self.conv, self.norm = nn.Conv2d(dim, dim, 3, padding=1, bias=False), nn.BatchNorm2d(dim)
        self.lif, self.add = neuron(), Add()

    def position(self, maps: Tensor) -> Tensor:
        """Return convolution and norm of the maps (B, D, h, w) of one time step."""
        return self.norm(self.conv(maps))

    def forward(self, image: Tensor) -> Tensor:
        current = encoded(self.stages[0].current, image, self.steps)  # type: ignore[operator]
        for before, stage in zip(self.stages[:-1], self.stages[1:], strict=True):
            current = each(stage.current, before.spikes(current))  # type: ignore[operator]
        if self.membrane:
            maps = self.add(each(self.position, self.lif(current)), current)
        else:
            x = self.stages[-1].spikes(current)  # type: ignore[operator]
            maps = self.add(self.lif(each(self.position, x)), x)
        return maps.flatten(-2).transpose(-1, -2)
