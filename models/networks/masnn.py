"""MA-SNN (Yao et al., arXiv:2209.13929, 2022): a convolutional network of spikes for event frames, with gates
of time steps, channels and places.
"""

from typing import Literal, final

from pydantic import Field, model_validator
from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.architecture import architecture
from memsim.models.networks.network import MOST_CLASSES, Network, check_input
from memsim.models.networks.spiking_config import SpikingConfig
from memsim.models.parts.gates import AxisGate, Gates, SpatialGate
from memsim.models.parts.means import TimeMean
from memsim.models.parts.membrane_transformer import Dense
from memsim.models.parts.time_axis import each, encoded


@final
class MASNNConfig(SpikingConfig):
    """Everything that fixes an MA-SNN but its weights; defaults are the paper's network for DVS Gesture.

    The authors' neuron resets to its threshold before the leak, .3 x .3 = .09 behind it: v_reset=0.09 does
    that, but begins there, too. The default 0 is SpikingJelly's, which says so.
    """

    in_shape: tuple[int, int, int] = Field(default=(2, 32, 32), description="channels, height, width")
    num_classes: int = Field(default=11, ge=2, le=MOST_CLASSES, description="classes of the head")
    steps: int = Field(default=60, ge=1, description="T, time steps of an image and of event frames")
    tau: float | None = Field(
        default=10 / 7, ge=1, description="LIF time constant [steps]; None or inf: no leak"
    )
    v_threshold: float = Field(default=0.3, gt=0, description="LIF threshold")
    decay_input: bool = Field(
        default=False, description="True: the input over tau; False: the input as it is"
    )
    widths: tuple[int, ...] = Field(
        default=(64, 128, 128), min_length=1, description="channels after each convolution"
    )
    pools: tuple[int, ...] = Field(
        default=(1, 2, 2), description="side of the mean behind each convolution; 1: none"
    )
    hidden: int = Field(default=256, ge=1, description="width of the layer before the classes")
    gates: Literal["none", "TA", "CSA", "TCSA"] = Field(
        default="TCSA", description="gates of time steps (T), channels (C) and places (S)"
    )
    reduction_t: int = Field(default=5, ge=1, description="steps over the hidden width of their gate")
    reduction_c: int = Field(default=8, ge=1, description="channels over the hidden width of their gate")

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the maps behind the last pool."""
        height, width = self.in_shape[1:]
        for side in self.pools:
            height, width = height // side, width // side
        return height, width

    @model_validator(mode="after")
    def _fits(self) -> "MASNNConfig":
        if len(self.pools) != len(self.widths) or min(self.pools) < 1:
            raise ValueError(f"pools={self.pools} must be 1 or more for each of {len(self.widths)} layers")
        if min(self.in_shape) < 1 or min(self.grid) < 1:
            raise ValueError(f"in_shape={self.in_shape} must be larger than the pools {self.pools}")
        if "T" in self.gates and self.reduction_t > self.steps:
            raise ValueError(f"reduction_t={self.reduction_t} must be at most steps={self.steps}")
        if "C" in self.gates and self.reduction_c > min(self.widths):
            raise ValueError(f"reduction_c={self.reduction_c} must be at most {min(self.widths)} channels")
        return self

    def gates_of_maps(self, channels: int) -> nn.Module:
        """Make the gates of maps with this number of channels."""
        if "CSA" not in self.gates:
            return self.gates_of_features()
        gate = AxisGate(channels, self.reduction_c, axis=2)
        return Gates(time=self._gate_of_time(), channels=gate, places=SpatialGate())

    def gates_of_features(self) -> nn.Module:
        """Make the gates of features, which have neither channels nor places."""
        time = self._gate_of_time()
        return nn.Identity() if time is None else Gates(time=time, channels=None, places=None)

    def _gate_of_time(self) -> AxisGate | None:
        wanted = self.gates in ("TA", "TCSA")
        return AxisGate(self.steps, self.reduction_t, axis=0) if wanted else None


@final
class MapLayer(nn.Module):
    """Convolution of side 3 with bias, batch norm, mean of `pool` x `pool`: (B, C, h, w) -> currents."""

    def __init__(self, before: int, after: int, pool: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after)
        self.pool = nn.AvgPool2d(pool) if pool > 1 else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return self.pool(self.norm(self.conv(maps)))


@final
@architecture("masnn", MASNNConfig)
class MASNN(Network):
    """The network: images (B, C, H, W), pixels in [0, 1], or event frames (T, B, C, H, W) -> logits (B,
    classes), the firing rates of its last layer.

    Gates of time steps have weights for each step: then frames must be as many as `steps`. ValueError for
    others, on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: MASNNConfig

    def __init__(self, config: MASNNConfig):
        super().__init__(config)
        before = (config.in_shape[0], *config.widths[:-1])
        self.maps = nn.ModuleList(
            MapLayer(*sizes) for sizes in zip(before, config.widths, config.pools, strict=True)
        )
        self.gates = nn.ModuleList(config.gates_of_maps(width) for width in config.widths)
        self.lifs = nn.ModuleList(config.neuron() for _ in config.widths)
        features = config.widths[-1] * config.grid[0] * config.grid[1]
        self.hidden, self.hidden_gate = Dense(features, config.hidden, bias=True), config.gates_of_features()
        self.head = Dense(config.hidden, config.num_classes, bias=True)
        self.head_gate = config.gates_of_features()
        self.hidden_lif, self.head_lif, self.mean = config.neuron(), config.neuron(), TimeMean()

    def forward(self, image: Tensor) -> Tensor:
        fixed = self.config.steps if "T" in self.config.gates else None
        with Census.paused():  # a check, no work of the network
            check_input(image, self.config.in_shape, fixed)
        current = encoded(self.maps[0], image, self.config.steps)
        x = self.lifs[0](self.gates[0](current))
        for layer, gates, lif in zip(self.maps[1:], self.gates[1:], self.lifs[1:], strict=True):
            x = lif(gates(each(layer, x)))
        x = self.hidden_lif(self.hidden_gate(self.hidden(x.flatten(2))))
        return self.mean(self.head_lif(self.head_gate(self.head(x))))
