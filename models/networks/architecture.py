"""The registry of architectures: a network is one file whose class says `@architecture(name, Config)`.

Found are the files of `models/networks`, classes in files that the user imports, and those of installed
packages that declare an entry point `NAME = "package.module:Class"` in the group `memsim.networks`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, final

from memsim.devices.plugins import Plugin, found
from memsim.models.networks.network import Network, NetworkConfig

GROUP = "memsim.networks"
N = TypeVar("N", bound=type[Network])
Parse = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]
_KNOWN: dict[str, "Architecture"] = {}


def _no_pattern(name: str, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Parse no name but those of the shapes."""
    return None


@final
@dataclass(frozen=True)
class Architecture:
    """A kind of network: its class, its configuration, and the names it is built by."""

    name: str
    network: type[Network]
    config: type[NetworkConfig]
    shapes: Mapping[str, NetworkConfig] = field(default_factory=dict)  #: fixed names
    parse: Parse = _no_pattern  #: (name, overrides) -> fields of the configuration, None: not such a name
    example: str = ""  #: a name that `parse` takes, for messages and lists

    def configure(self, name: str, overrides: Mapping[str, Any]) -> NetworkConfig | None:
        """Return the configuration behind a name; None where the name is none of this architecture's."""
        if name in self.shapes:
            base = self.shapes[name].model_dump()
        elif name == self.name:
            base = {}
        else:
            base = self.parse(name, overrides)
        return None if base is None else self.config(**{**base, **overrides})


def architecture(
    name: str,
    config: type[NetworkConfig],
    *,
    shapes: Mapping[str, NetworkConfig] | None = None,
    parse: Parse = _no_pattern,
    example: str = "",
) -> Callable[[N], N]:
    """Register the class below as the network `name`, built from configurations of the type `config`.

    Names to build it by are `name` itself (the configuration's defaults), those of `shapes`, and those that
    `parse` understands; all begin with `name`. ValueError for a name that another class has.
    """
    wrong = [one for one in (*(shapes or ()), example or name) if not one.startswith(name)]
    if wrong:
        raise ValueError(f"networks of the architecture {name!r} have names that begin so, not {wrong}")

    def register(network: N) -> N:
        before = _KNOWN.get(name)
        if before and (before.network.__module__, before.network.__qualname__) != (
            network.__module__,
            network.__qualname__,
        ):
            raise ValueError(f"the architecture {name!r} is registered twice: {before.network}, {network}")
        _KNOWN[name] = Architecture(name, network, config, shapes or {}, parse, example)
        return network

    return register


@cache
def _import_own() -> None:
    """Import every file of `models/networks`, so that its classes register."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            import_module(f"{__package__}.{path.stem}")


def registered() -> dict[str, Architecture]:
    """Return by name the architectures of `models/networks` and of the files imported so far."""
    _import_own()
    return dict(_KNOWN)


def installed() -> Mapping[str, Plugin]:
    """Return by name the entry points of installed packages; nothing of theirs is imported."""
    return found(GROUP)


def for_name(name: str) -> dict[str, Architecture]:
    """Return the architectures that may know the name of a network, by their names.

    An installed package is imported only if the name begins with its entry point's; ValueError where that
    fails, or registers no architecture of that name.
    """
    before = registered()
    for key, plugin in installed().items():
        if key in before or not (name == key or name.startswith(f"{key}-")):
            continue
        plugin.load()
        if key not in _KNOWN:
            raise ValueError(f'{plugin} registers no network: its class needs @architecture("{key}", Config)')
    return registered()


def named(name: str) -> Architecture:
    """Return the architecture `name`; ValueError, with the remedy, where there is none."""
    known = for_name(name)
    if name not in known:
        there = ", ".join(sorted({*known, *installed()}))
        raise ValueError(
            f"no architecture {name!r}; there are {there}. Import the file "
            f'whose class is registered with @architecture("{name}", ...), or install the package that has it'
        )
    return known[name]


def of(network: Network | NetworkConfig) -> Architecture:
    """Return the architecture of a network or configuration; ValueError where its class is not registered."""
    kind = type(network)
    for one in registered().values():
        if kind in (one.network, one.config):
            return one
    raise ValueError(f'{kind.__name__} is not registered: put @architecture("name", Config) over its class')


def create(config: NetworkConfig) -> Network:
    """Build a fresh network from its configuration; weights from torch's generator."""
    return of(config).network(config)
