"""The shape that Spikformer and the spike-driven transformer have in common: a stem whose pools stand behind
its convolutions.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from memsim.models.networks.spiking_config import SpikingTokenConfig
from memsim.models.networks.token_names import halvings, layers_and_width


class StemConfig(SpikingTokenConfig):
    """A spiking network of tokens behind `memsim.models.parts.patch_stem`."""

    pools_follow: ClassVar[bool] = True

    widths: tuple[int, ...] = Field(
        default=(48, 96, 192, 384), min_length=1, description="channels after each convolution, the last is D"
    )
    pools: tuple[bool, ...] = Field(
        default=(False, False, True, True), description="max-pool behind this convolution?"
    )


def stem_fields(kind: str, name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "KIND-L-D", None for another name: four convolutions of D/8, D/4, D/2 and D
    channels, pools behind the last of them, as many as `halvings` says.
    """
    shape = layers_and_width(kind, name)
    if shape is None:
        return None
    layers, dim = shape
    pools = tuple(4 - index <= halvings(overrides) for index in range(4))
    widths = (dim // 8, dim // 4, dim // 2, dim)
    return {"layers": layers, "dim": dim, "widths": widths, "pools": pools}
