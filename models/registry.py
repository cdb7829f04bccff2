"""Networks by name: fresh ones from a pattern such as "s2tdpt-4-384", and the bundled, trained ones."""

import re
from typing import Any

from pydantic import ValidationError

from memsim.models.known import BUNDLED
from memsim.models.networks.s2tdpt import S2TDPT
from memsim.models.networks.s2tdpt_config import S2TDPTConfig

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
NETWORK = {"digits": "s2tdpt-digits", "fashion-mnist": "s2tdpt-fashion"}
"""The bundled network of a data set."""


def names() -> list[str]:
    """The bundled networks, then the paper's; `build` takes any "s2tdpt-LAYERS-WIDTH" besides."""
    return [*sorted(path.stem for path in BUNDLED.glob("*.safetensors")), "s2tdpt-4-384"]


def relative(name: str, kind: str) -> str:
    """The bundled network trained like `name` but with another attention; ValueError where there is none.

    Relatives are NAME-KIND, NAME itself being the STDP one; where all of them, STDP too, were trained on a
    shorter recipe than NAME, they are NAME-short-KIND.
    """
    name = name.lower()
    short = (BUNDLED / f"{name}-short-stdp.safetensors").is_file()
    found = f"{name}-short-{kind}" if short else name if kind == "stdp" else f"{name}-{kind}"
    if not (BUNDLED / f"{found}.safetensors").is_file():
        raise ValueError(f"no network trained like {name!r} with {kind!r} attention is bundled")
    return found


def tuned(name: str, cell: str) -> str:
    """The bundled network `name` tuned for attention written on a cell; ValueError where there is none."""
    found = f"{name.lower()}-tuned-{cell}"
    if not (BUNDLED / f"{found}.safetensors").is_file():
        raise ValueError(f"no network {name!r} tuned for {cell!r} is bundled")
    return found


def configure(name: str, **overrides: Any) -> S2TDPTConfig:
    """The configuration behind a name, with fields replaced; ValueError says which name or field is wrong.

    "s2tdpt-L-D" has L blocks of width D, heads of width 32 (12 for D = 384, as in Spikingformer for
    CIFAR-10), convolutions of D/8, D/4, D/2, D and D channels, and pools before the last two (images under 16
    pixels: before the last). "s2tdpt-digits" is the bundled network's shape.
    """
    name = name.lower()
    match = re.fullmatch(r"s2tdpt-(\d+)-(\d+)", name)
    if name in SHAPES:
        base = SHAPES[name].model_dump()
    elif match:
        layers, dim = int(match[1]), int(match[2])
        if dim % 8 or dim == 0 or layers == 0:
            raise ValueError(f"{name}: at least one layer is needed, and a width that is a multiple of 8")
        small = min(overrides.get("in_shape", (3, 32, 32))[1:]) < 16
        heads = max(1, dim // 32) if dim % 32 == 0 else 1
        pools = (False, False, False, not small, True)
        widths = (dim // 8, dim // 4, dim // 2, dim, dim)
        base = {"layers": layers, "dim": dim, "heads": heads, "widths": widths, "pools": pools}
    else:
        raise ValueError(
            f"no network {name!r} to build; try 's2tdpt-4-384' (layers, width) or 's2tdpt-digits'"
        )
    try:
        return S2TDPTConfig(**{**base, **overrides})
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']} (given {e['input']!r:.60})"
            for e in error.errors()
        ]
        raise ValueError(f"{name}: " + "; ".join(lines)) from None


def build(name: str, **overrides: Any) -> S2TDPT:
    """A fresh network, e.g. build("s2tdpt-4-384", num_classes=10, in_shape=(3, 32, 32)); weights from torch's
    generator.
    """
    return S2TDPT(configure(name, **overrides))
