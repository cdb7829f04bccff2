"""Networks by name: fresh ones, such as "s2tdpt-4-384", and the bundled, trained ones."""

from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from memsim.models.known import BUNDLED, trained
from memsim.models.networks import architecture
from memsim.models.networks.network import Network, NetworkConfig

NETWORK = {"digits": "s2tdpt-digits", "fashion-mnist": "s2tdpt-fashion"}
"""The bundled network of a data set, where `memsim.models.training.bundle` trains it."""


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
    file in `models/networks`. ValueError says which name or field is wrong.
    """
    name = name.lower()
    known = architecture.for_name(name)
    for one in known.values():
        try:
            config = one.configure(name, overrides)
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']} (given {e['input']!r:.60})"
                for e in error.errors()
            ]
            raise ValueError(f"{name}: " + "; ".join(lines)) from None
        if config is not None:
            return config
    there = [n for one in known.values() for n in (one.example or one.name, *one.shapes)]
    near = "".join(f"did you mean {one!r}? " for one in get_close_matches(name, there, 1, 0.8))
    raise ValueError(f"no network {name!r} to build; {near}try one of {', '.join(map(repr, there))}")


def build(name: str, **overrides: Any) -> Network:
    """Build a fresh network, e.g. build("s2tdpt-4-384", num_classes=10, in_shape=(3, 32, 32)).

    Weights come from torch's generator.
    """
    return architecture.create(configure(name, **overrides))
