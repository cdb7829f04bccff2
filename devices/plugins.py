"""Entry points: what other installed packages add to memsim, found by name.

A package registers in its pyproject.toml, and needs no edit here:

    [project.entry-points."memsim.devices"]
    reram-mine = "my_package.cells:reram_mine"

| group | name | object |
|---|---|---|
| ``memsim.codings`` | any | module that registers codings of weights |
| ``memsim.devices`` | of a cell, as a card writes it | function of no arguments that returns the Cell |
| ``memsim.lowerings`` | any | module (or function in it) that registers matrices of a layer kind |
| ``memsim.adc``, ``memsim.dac`` | any | module that registers kinds of converters |
| ``memsim.networks`` | of an architecture; its networks' names begin so | class under ``@architecture`` |

Names are known before anything is imported; a package is imported when its object is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, final

GROUPS = (
    "memsim.adc",
    "memsim.codings",
    "memsim.dac",
    "memsim.devices",
    "memsim.lowerings",
    "memsim.networks",
)


class PluginError(ValueError):
    """An entry point that cannot be used; the message names group, name, package and error."""


@final
@dataclass(frozen=True)
class Plugin:
    """One entry point."""

    point: EntryPoint

    @property
    def package(self) -> str:
        """The package that registers it, with its version."""
        return (
            f"{self.point.dist.name} {self.point.dist.version}" if self.point.dist else "an unknown package"
        )

    def __str__(self) -> str:
        return f"entry point {self.point.name!r} of {self.point.group} ({self.package}: {self.point.value})"

    def load(self) -> Any:
        """Import the object; PluginError where that fails, whatever the reason."""
        try:
            return self.point.load()
        except Exception as error:
            raise PluginError(f"{self} cannot be loaded: {type(error).__name__}: {error}") from error


@cache
def found(group: str) -> Mapping[str, Plugin]:
    """Return every entry point of a group, by name.

    Raises ValueError for a group that is not in GROUPS, and PluginError where two packages take one name.
    """
    if group not in GROUPS:
        raise ValueError(f"no group {group!r} of entry points; there are {', '.join(GROUPS)}")
    plugins: dict[str, Plugin] = {}
    for point in entry_points(group=group):
        plugin = Plugin(point)
        other = plugins.setdefault(point.name, plugin)
        if other.point != point:
            raise PluginError(f"{other} and {plugin} take the same name: uninstall one of the packages")
    return MappingProxyType(plugins)
