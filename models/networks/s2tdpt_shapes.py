"""Names of S2TDPT networks: the bundled shapes, and "s2tdpt-LAYERS-WIDTH"."""

import re
from collections.abc import Mapping
from typing import Any

from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.networks.token_names import SMALL, shortest_side

EXAMPLE = "s2tdpt-4-384"  #: the paper's
DIGITS = S2TDPTConfig(
    in_shape=(1, 8, 8),
    num_classes=10,
    dim=64,
    layers=2,
    heads=4,
    widths=(32, 64, 64),
    pools=(False, False, True),
)
FASHION = S2TDPTConfig(
    in_shape=(1, 28, 28),
    num_classes=10,
    dim=64,
    layers=2,
    heads=4,
    widths=(32, 64, 64),
    pools=(False, True, True),
    mlp_ratio=2,
)
SHAPES = {"s2tdpt-digits": DIGITS, "s2tdpt-fashion": FASHION}


def parse(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of "s2tdpt-L-D", None for another name.

    It has L blocks of width D, heads of width 32 (12 for D = 384, as in Spikingformer for CIFAR-10),
    convolutions of D/8, D/4, D/2, D and D channels, and pools before the last two (images under 16 pixels:
    before the last). ValueError for a width that is no multiple of 8.
    """
    match = re.fullmatch(r"s2tdpt-(\d+)-(\d+)", name)
    if not match:
        return None
    layers, dim = int(match[1]), int(match[2])
    if dim % 8 or dim == 0 or layers == 0:
        raise ValueError(f"{name}: at least one layer is needed, and a width that is a multiple of 8")
    small = shortest_side(overrides) < SMALL
    heads = max(1, dim // 32) if dim % 32 == 0 else 1
    pools = (False, False, False, not small, True)
    widths = (dim // 8, dim // 4, dim // 2, dim, dim)
    return {"layers": layers, "dim": dim, "heads": heads, "widths": widths, "pools": pools}
