"""Networks by name: fresh ones, such as "s2tdpt-4-384", and the bundled, trained ones."""

from difflib import get_close_matches
from typing import Any

import torch
from pydantic import ValidationError

from memsim.models.known import BUNDLED, trained
from memsim.models.networks import architecture
from memsim.models.networks.network import Network, NetworkConfig

NETWORK = {"digits": "s2tdpt-digits", "fashion-mnist": "s2tdpt-fashion"}
"""The bundled network of a data set, where `memsim.models.training.bundle` trains it."""


LONGEST, MOST = 200, 4e9
"""Letters of a name, parameters of a network."""


def names() -> list[str]:
    """List the bundled networks, then for each architecture a name that `build` takes."""
    there = {name: one.example or name for name, one in architecture.registered().items()}
    return [*trained(), *there.values(), *(name for name in architecture.installed() if name not in there)]


def relative(name: str, kind: str) -> str:
    """Name the bundled network trained like `name` but with another attention; ValueError if there is none.

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
    """Name the bundled network `name` tuned for attention written on a cell; ValueError if there is none."""
    found = f"{name.lower()}-tuned-{cell}"
    if not (BUNDLED / f"{found}.safetensors").is_file():
        raise ValueError(f"no network {name!r} tuned for {cell!r} is bundled")
    return found


def configure(name: str, **overrides: Any) -> NetworkConfig:
    """Return the configuration behind a name, with fields replaced.

    A name is that of an architecture, of one of its shapes, or of one of its patterns: see the architecture's
    file in `models/networks`. ValueError says which name or field is wrong, TypeError that the name is none.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a network is needed, not a {type(name).__name__}")
    if len(name) > LONGEST:
        raise ValueError(f"no network {name[:40]!r}... to build: its name has {len(name)} letters")
    name = name.lower()
    known = architecture.for_name(name)
    for one in known.values():
        try:
            config = one.configure(name, overrides)
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}{_slip(one, e)}"
                f" (given {e['input']!r:.60})"
                for e in error.errors()[:10]
            ]
            raise ValueError(f"{name}: " + "; ".join(lines)) from None
        if config is not None:
            return config
    there = [n for one in known.values() for n in (one.example or one.name, *one.shapes)]
    near = "".join(f"did you mean {one!r}? " for one in get_close_matches(name, there, 1, 0.8))
    raise ValueError(f"no network {name!r} to build; {near}try one of {', '.join(map(repr, there))}")


def build(name: str, **overrides: Any) -> Network:
    """Build a fresh network, e.g. build("s2tdpt-4-384", num_classes=10, in_shape=(3, 32, 32)).

    Weights come from torch's generator. ValueError as `configure`, and for a network that no memory holds.
    """
    config = configure(name, **overrides)
    parameters = _parameters(config)
    if parameters > MOST:
        raise ValueError(f"{name}: {parameters:.3g} parameters are more than {MOST:.0e}; take smaller widths")
    try:
        return architecture.create(config)
    except (RuntimeError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError(f"{name}: no network can be made of {config!r:.300} ({error!s:.200})") from error


def _parameters(config: NetworkConfig) -> int:
    """Count the parameters of a network without memory for weights or numbers of the generator.

    0 where it cannot be made so: of sizes that are wrong, or where the class looks at values as it is made.
    """
    try:
        with torch.device("meta"):
            return sum(p.numel() for p in architecture.create(config).parameters())
    except Exception:  # whatever a class raises; making it in earnest raises it again
        return 0


def _slip(one: architecture.Architecture, error: Any) -> str:
    """The field that an unknown one was meant to be, where that is likely."""
    if error["type"] != "extra_forbidden":
        return ""
    near = get_close_matches(str(error["loc"][-1]).lower(), one.config.model_fields, 1)
    return f"; did you mean {near[0]}?" if near else ""
