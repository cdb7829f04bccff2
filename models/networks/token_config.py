"""The shape that networks of convolutions, tokens and transformer blocks have in common."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from memsim.models.networks.network import NetworkConfig


class TokenConfig(NetworkConfig):
    """Widths, depths and pools of a network in Spikingformer's layout.

    "Spikingformer" names the source of a value the paper (Mondal & Kumar 2025) does not state: the CIFAR code
    of Zhou et al., "Spikingformer" (2023), which the paper builds on. ValueError on unknown fields, and on
    shapes that do not fit together.
    """

    pools_follow: ClassVar[bool] = False
    """Whether a pool stands behind its convolution, not before it."""

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
        description="max-pool before this convolution? 2 SPED stages in the paper",
    )
    pool_kernel: Literal[2, 3] = Field(
        default=3, description="side of the max-pool, stride 2; unstated; 3 in Spikformer"
    )
    mlp_ratio: int = Field(
        default=4, ge=1, description="hidden width of the MLP over D; unstated; 4 in Spikingformer"
    )

    @model_validator(mode="after")
    def _shapes_fit(self) -> "TokenConfig":
        if self.dim % self.heads:
            raise ValueError(f"dim={self.dim} is not a multiple of heads={self.heads}: heads are equal")
        if self.widths[-1] != self.dim:
            raise ValueError(f"the last of widths={self.widths} must be dim={self.dim}: it makes the tokens")
        if len(self.pools) != len(self.widths):
            raise ValueError(f"pools={self.pools} must say yes or no for {len(self.widths)} convolutions")
        if self.pools[0] and not self.pools_follow:
            raise ValueError(
                "pools[0] must be False: the first convolution sees pixels, only spikes are pooled, or the "
                "activations in their place"
            )
        if min(self.in_shape) < 1 or self.tokens < 1:
            raise ValueError(
                f"in_shape={self.in_shape} must be (channels, height, width), larger than the pools"
            )
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
