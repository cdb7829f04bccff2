"""The configuration of an S2TDPT network: every value the paper leaves open is a field."""

from typing import Literal, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.attention import Form
from models.stdp import Silent, Window

Kind = Literal["stdp", "random", "uniform", "uniform-matched", "rate", "dot"]
KINDS: tuple[Kind, ...] = ("stdp", "random", "uniform", "uniform-matched", "rate", "dot")
PerHead = tuple[tuple[float, ...], ...]  #: one value for each layer and head


def _field(default, description: str, **limits):
    return Field(default, description=description, **limits)


@final
class S2TDPTConfig(BaseModel):
    """Everything that fixes an S2TDPT network but its weights.

    "Spikingformer" names the source of a value the paper (Mondal & Kumar 2025) does not state: the CIFAR code
    of Zhou et al., "Spikingformer" (2023), which the paper builds on. ValueError on unknown fields, and on
    shapes that do not fit together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_shape: tuple[int, int, int] = _field((3, 32, 32), "channels, height, width of an image")
    num_classes: int = _field(10, "classes of the head", ge=2)
    steps: int = _field(4, "T, time steps; 4 in the paper", ge=1)
    dim: int = _field(384, "D, width of a token; 384 in the paper", ge=1)
    layers: int = _field(4, "L, transformer blocks; 4 in the paper", ge=1)
    heads: int = _field(12, "H; unstated; 12 for CIFAR-10, 8 for CIFAR-100 in Spikingformer", ge=1)
    widths: tuple[int, ...] = _field(
        (48, 96, 192, 384, 384), "channels after each convolution, the last is D; Spikingformer", min_length=1
    )
    pools: tuple[bool, ...] = _field(
        (False, False, False, True, True),
        "max-pool the spikes before this convolution? 2 SPED stages in the paper",
    )
    pool_kernel: Literal[2, 3] = _field(3, "side of the max-pool, stride 2; unstated; 3 in Spikformer")
    mlp_ratio: int = _field(4, "hidden width of the MLP over D; unstated; 4 in Spikingformer", ge=1)
    scale: float = _field(0.125, "s of Eq. (23); unstated; 0.125 in Spikingformer", gt=0)
    tau: float = _field(
        2.0, "LIF time constant [steps], beta = 1 - 1/tau; unstated; 2 in Spikingformer", ge=1
    )
    v_threshold: float = _field(1.0, "LIF threshold; unstated; 1 in Spikingformer", gt=0)
    attention_v_threshold: float = _field(
        0.5, "threshold of the LIF after the attention; unstated; 0.5 in Spikingformer", gt=0
    )
    v_reset: float = _field(0.0, "LIF hard reset; unstated; 0 in Spikingformer")
    decay_input: bool = _field(False, "False: Eq. (7)-(9); True: SpikingJelly's default, the input over tau")
    alpha: float = _field(4.0, "steepness of the sigmoid surrogate; unstated; 4 in Spikingformer", gt=0)
    detach_reset: bool = _field(True, "keep the reset out of the gradient; unstated; True in Spikingformer")
    layernorm: bool = _field(False, "LayerNorm before the MLP: a sentence of the paper, not in its Eq. (26)")
    window: Window = _field(Window(), "STDP window; unstated; preset 'bounded'")
    silent: Silent = _field("pulse", "tokens without spikes: 'pulse' fires at t_max (Eq. 18)")
    attention: Kind = _field("stdp", "the attention core: STDP or a relative of it")
    attention_form: Form = _field("dense", "digital form of STDP attention")
    attention_mean: PerHead | None = _field(
        None, "mean weight by layer and head, for 'random' and 'uniform-matched'; the offset if not given"
    )
    attention_spread: PerHead | None = _field(
        None, "standard deviation of the weights by layer and head, for 'random'; A / sqrt(3) if not given"
    )
    attention_seed: int = _field(0, "seed of 'random' attention", ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "S2TDPTConfig":
        if self.dim % self.heads:
            raise ValueError(
                f"dim={self.dim} is not a multiple of heads={self.heads}: a head needs a whole width"
            )
        if self.widths[-1] != self.dim:
            raise ValueError(f"the last of widths={self.widths} must be dim={self.dim}: it makes the tokens")
        if len(self.pools) != len(self.widths):
            raise ValueError(
                f"pools={self.pools} must say yes or no for each of {len(self.widths)} convolutions"
            )
        if self.pools[0]:
            raise ValueError(
                "pools[0] must be False: the first convolution sees pixels, only spikes are pooled"
            )
        if min(self.in_shape) < 1 or self.tokens < 1:
            raise ValueError(
                f"in_shape={self.in_shape} must be (channels, height, width), and outlast the pools"
            )
        if self.v_reset >= min(self.v_threshold, self.attention_v_threshold):
            raise ValueError(f"v_reset={self.v_reset} must be below both thresholds, or neurons fire at rest")
        for name in ("attention_mean", "attention_spread"):
            value = getattr(self, name)
            if value is not None and (
                len(value) != self.layers or any(len(row) != self.heads for row in value)
            ):
                raise ValueError(f"{name} needs {self.layers} rows (layers) of {self.heads} values (heads)")
        return self

    @property
    def head_dim(self) -> int:
        """D_H = D / H."""
        return self.dim // self.heads

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the token grid, after the pools."""
        height, width = self.in_shape[1:]
        odd = self.pool_kernel - 2  # a pool of side 3 is padded by one pixel and keeps an odd border
        for _ in range(sum(self.pools)):
            height, width = (height + odd) // 2, (width + odd) // 2
        return height, width

    @property
    def tokens(self) -> int:
        """N, tokens of an image."""
        return self.grid[0] * self.grid[1]
