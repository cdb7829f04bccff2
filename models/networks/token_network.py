"""The frame of networks of tokens: patches, blocks, a mean, a head."""

from typing import Any

from torch import Tensor, nn

from memsim.energy.census import Census
from memsim.models.networks.network import Network, check_input


class TokenNetwork(Network):
    """A network of `patches`, `blocks`, `mean` and `head`: images (B, C, H, W), pixels in [0, 1], or event
    frames (T, B, C, H, W) -> logits (B, classes).

    ValueError on a wrong shape, on NaN, and on pixels outside [0, 1].
    """

    config: Any
    patches: Any
    blocks: nn.ModuleList
    mean: Any  #: (T, B, N, D) -> (B, D)
    head: nn.Linear

    def forward(self, image: Tensor) -> Tensor:
        with Census.paused():  # a check, no work of the network
            check_input(image, self.config.in_shape)
        tokens = self.patches(image)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.mean(tokens))
