"""The configuration of an S2TDPT network: every value the paper leaves open is a field."""

from typing import Literal, final

from pydantic import Field, model_validator

from memsim.models.networks.network import NetworkConfig
from memsim.models.parts.attention import Form
from memsim.models.parts.relatives import Kind
from memsim.models.parts.stdp import Silent, Window

PerHead = tuple[tuple[float, ...], ...]  #: one value for each layer and head


@final
class S2TDPTConfig(NetworkConfig):
    """Everything that fixes an S2TDPT network but its weights.

    "Spikingformer" names the source of a value the paper (Mondal & Kumar 2025) does not state: the CIFAR code
    of Zhou et al., "Spikingformer" (2023), which the paper builds on. ValueError on unknown fields, and on
    shapes that do not fit together.
    """

    steps: int = Field(default=4, ge=1, description="T, time steps; 4 in the paper")
    dim: int = Field(default=384, ge=1, description="D, width of a token; 384 in the paper")
    layers: int = Field(default=4, ge=1, description="L, transformer blocks; 4 in the paper")
    heads: int = Field(
        default=12, ge=1, description="H; unstated; 12 for CIFAR-10, 8 for CIFAR-100 in Spikingformer"
    )
    widths: tuple[int, ...] = Field(
        default=(48, 96, 192, 384, 384),
        min_length=1,
        description="channels after each convolution, the last is D; Spikingformer",
    )
    pools: tuple[bool, ...] = Field(
        default=(False, False, False, True, True),
        description="max-pool the spikes before this convolution? 2 SPED stages in the paper",
    )
    pool_kernel: Literal[2, 3] = Field(
        default=3, description="side of the max-pool, stride 2; unstated; 3 in Spikformer"
    )
    mlp_ratio: int = Field(
        default=4, ge=1, description="hidden width of the MLP over D; unstated; 4 in Spikingformer"
    )
    scale: float = Field(default=0.125, gt=0, description="s of Eq. (23); unstated; 0.125 in Spikingformer")
    tau: float = Field(
        default=2.0,
        ge=1,
        description="LIF time constant [steps], beta = 1 - 1/tau; unstated; 2 in Spikingformer",
    )
    v_threshold: float = Field(default=1.0, gt=0, description="LIF threshold; unstated; 1 in Spikingformer")
    attention_v_threshold: float = Field(
        default=0.5,
        gt=0,
        description="threshold of the LIF after the attention; unstated; 0.5 in Spikingformer",
    )
    v_reset: float = Field(default=0.0, description="LIF hard reset; unstated; 0 in Spikingformer")
    decay_input: bool = Field(
        default=False, description="False: Eq. (7)-(9); True: SpikingJelly's default, the input over tau"
    )
    alpha: float = Field(
        default=4.0, gt=0, description="steepness of the sigmoid surrogate; unstated; 4 in Spikingformer"
    )
    detach_reset: bool = Field(
        default=True, description="keep the reset out of the gradient; unstated; True in Spikingformer"
    )
    layernorm: bool = Field(
        default=False, description="LayerNorm before the MLP: a sentence of the paper, not in its Eq. (26)"
    )
    window: Window = Field(default=Window(), description="STDP window; unstated; preset 'bounded'")
    silent: Silent = Field(
        default="pulse", description="tokens without spikes: 'pulse' fires at t_max (Eq. 18)"
    )
    attention: Kind = Field(default="stdp", description="the attention core: STDP or a relative of it")
    attention_form: Form = Field(default="dense", description="digital form of STDP attention")
    attention_mean: PerHead | None = Field(
        default=None,
        description="mean weight by layer and head, for 'random', 'uniform-matched'; None: the offset",
    )
    attention_spread: PerHead | None = Field(
        default=None,
        description="their standard deviation by layer and head, for 'random'; None: A / sqrt(3)",
    )
    attention_seed: int = Field(default=0, ge=0, description="seed of 'random' attention")

    @model_validator(mode="after")
    def _fits_together(self) -> "S2TDPTConfig":
        if self.dim % self.heads:
            raise ValueError(f"dim={self.dim} is not a multiple of heads={self.heads}: heads are equal")
        if self.widths[-1] != self.dim:
            raise ValueError(f"the last of widths={self.widths} must be dim={self.dim}: it makes the tokens")
        if len(self.pools) != len(self.widths):
            raise ValueError(f"pools={self.pools} must say yes or no for {len(self.widths)} convolutions")
        if self.pools[0]:
            raise ValueError(
                "pools[0] must be False: the first convolution sees pixels, only spikes are pooled"
            )
        if min(self.in_shape) < 1 or self.tokens < 1:
            raise ValueError(
                f"in_shape={self.in_shape} must be (channels, height, width), larger than the pools"
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
