"""Cells by name: where each is made, and what is known of it before it is built.

The table needs neither torch nor aihwkit, so a card is read and checked in a moment. A preset is a function
in a file of its own and one line here; cells from elsewhere come by :func:`register` or by an entry point of
the group ``memsim.devices`` (:mod:`memsim.devices.plugins`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from memsim.devices.plugins import Plugin, PluginError, found

if TYPE_CHECKING:
    from memsim.devices.cell import Cell
    from memsim.devices.device_card import DeviceCard

Use = Literal["weight", "pulsed"]
"""What a cell serves as: written to a target conductance, or moved by pulses."""


@final
@dataclass(frozen=True, eq=False)
class Preset:
    """A cell that has a name.

    kind and effects are those of the built cell (``describe().kind``); where they are not stated, they are
    found by building it.
    """

    name: str
    made: str | Callable[[], Cell] | Plugin
    """``module:function[:argument]`` below memsim.devices, a function, or an entry point."""
    stated: tuple[str, tuple[str, ...]] | None = None

    @cached_property
    def cell(self) -> Cell:
        """The cell, built when it is first asked for. Raises ValueError where `made` makes something else."""
        cell, origin = self._build(), "devices.register"
        if isinstance(self.made, str):
            return cell
        from memsim.devices.cell import Cell

        origin = str(self.made) if isinstance(self.made, Plugin) else origin
        if not isinstance(cell, Cell):
            raise ValueError(f"{origin}: {self.name!r} makes a {type(cell).__name__}; a Cell is needed")
        if cell.name != self.name:
            raise ValueError(
                f"{origin}: {self.name!r} makes a cell that is named {cell.name!r}; use one name"
            )
        return cell

    def _build(self) -> Any:
        if isinstance(self.made, Plugin):
            try:
                return self.made.load()()
            except PluginError:
                raise
            except Exception as error:
                raise PluginError(f"{self.made} fails: {type(error).__name__}: {error}") from error
        if not isinstance(self.made, str):
            return self.made()
        module, function, *arguments = self.made.split(":")
        return getattr(import_module(f"memsim.devices.{module}"), function)(*arguments)

    @property
    def kind(self) -> str:
        """ "weight", "pulsed" or "weight, pulsed"."""
        return self.stated[0] if self.stated else self.cell.describe().kind

    @property
    def effects(self) -> tuple[str, ...]:
        """Every effect the cell has."""
        return self.stated[1] if self.stated else self.cell.effects

    def serves_as(self, use: Use) -> bool:
        """Return whether arrays of weights, or of attention, can be built from it."""
        return use in self.kind.split(", ")


def _preset(name: str, kind: str, made: str, effects: str = "") -> tuple[str, Preset]:
    return name, Preset(name, made, (kind, tuple(effects.split())))


_SPREAD, _CYCLE, _WRITE, _RESET = "device-spread", "cycle-noise", "write-noise", "reset-noise"
_AIHWKIT = f"{_SPREAD} {_CYCLE} {_RESET}"
_WRITTEN = f"{_SPREAD} {_CYCLE} {_WRITE} {_RESET}"
_NEUROSIM = f"{_CYCLE} {_RESET}"
_PCM = "programming drift flicker-noise read-noise"
_CMO = "programming relaxation flicker-noise read-noise"

PRESETS: Mapping[str, Preset] = dict([
    _preset("capacitor-li2018", "pulsed", "pulses.presets:preset:capacitor-li2018", _AIHWKIT),
    _preset("ecram-li", "pulsed", "pulses.presets:preset:ecram-li", _AIHWKIT),
    _preset("ecram-mo", "pulsed", "pulses.presets:preset:ecram-mo", _AIHWKIT),
    _preset("fefet-jerry2017", "pulsed", "pulses.neurosim:preset:fefet-jerry2017", _NEUROSIM),
    _preset("ideal", "weight, pulsed", "weights.ideal:ideal"),
    _preset("pcm-hermes2023-1", "weight", "weights.pcm_weights:pcm_hermes_1", _PCM),
    _preset("pcm-hermes2023-2", "weight", "weights.pcm_weights:pcm_hermes_2", _PCM),
    _preset("pcm-joshi2020", "weight", "weights.pcm_weights:pcm_joshi2020", _PCM),
    _preset("pcm-kuzum2011", "pulsed", "pulses.neurosim:preset:pcm-kuzum2011", _NEUROSIM),
    _preset("pcm-nandakumar2018", "pulsed", "pulses.pcm_nandakumar2018:pcm_nandakumar2018",
            f"{_AIHWKIT} read-noise"),
    _preset("pcm-nandakumar2020", "pulsed", "pulses.presets:preset:pcm-nandakumar2020", _AIHWKIT),
    _preset("reram-choi2018", "pulsed", "pulses.neurosim:preset:reram-choi2018", _NEUROSIM),
    _preset("reram-cmo-falcone2025-0.2pct", "weight", "weights.reram_weights:reram_cmo_02pct", _CMO),
    _preset("reram-cmo-falcone2025-2pct", "weight", "weights.reram_weights:reram_cmo_2pct", _CMO),
    _preset("reram-es", "pulsed", "pulses.presets:preset:reram-es", _WRITTEN),
    _preset("reram-hfo2", "pulsed", "pulses.presets:preset:reram-hfo2", _WRITTEN),
    _preset("reram-jo2010", "pulsed", "pulses.neurosim:preset:reram-jo2010", _NEUROSIM),
    _preset("reram-milo2021", "weight", "weights.reram_weights:reram_milo2021", "programming iv-curve"),
    _preset("reram-om", "pulsed", "pulses.presets:preset:reram-om", _WRITTEN),
    _preset("reram-park2013", "pulsed", "pulses.neurosim:preset:reram-park2013", _NEUROSIM),
    _preset("reram-sb", "pulsed", "pulses.presets:preset:reram-sb", _WRITTEN),
    _preset("reram-wan2022", "weight", "weights.reram_weights:reram_wan2022",
            "programming relaxation read-noise"),
    _preset("reram-woo2016", "pulsed", "pulses.neurosim:preset:reram-woo2016", _NEUROSIM),
    _preset("reram-wu2018", "pulsed", "pulses.neurosim:preset:reram-wu2018", _NEUROSIM),
    _preset("rpu-gokmen2016", "pulsed", "pulses.presets:preset:rpu-gokmen2016", _AIHWKIT),
    _preset("rpu-idealized", "pulsed", "pulses.presets:preset:rpu-idealized", _AIHWKIT),
])  # fmt: skip
"""The cells that come with memsim: a line each."""

_registered: dict[str, Preset] = {}


def register(name: str, make: Callable[[], Cell]) -> None:
    """Give a cell of your own a name, for cards, listings and studies of this process.

    make: function of no arguments that returns the cell, called once, when the cell is first used. A second
    call with the same name replaces the first. Other processes (workers of a study) know cells of installed
    packages: see :mod:`memsim.devices.plugins`. Raises ValueError for a name that a preset has, or that is no
    name of lower-case letters, digits, dots, hyphens and underscores.
    """
    if key(name) != name or not name or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789.-_"):
        raise ValueError(f"{name!r} names no cell: lower-case letters, digits, '.', '-' and '_' are allowed")
    if name.endswith(".toml"):
        raise ValueError(f"{name!r} would be read as the file of a device card: leave .toml out")
    if name in PRESETS:
        raise ValueError(f"a preset is called {name!r} already; choose another name")
    if not callable(make):
        raise ValueError(f"{name!r}: a function that returns the cell is needed, not a {type(make).__name__}")
    _registered[name] = Preset(name, make)


def unregister(name: str) -> None:
    """Forget a cell that was registered. Raises ValueError where none was."""
    if _registered.pop(name, None) is None:
        raise ValueError(f"no cell {name!r} was registered; there are {', '.join(_registered) or 'none'}")


@cache
def _installed() -> Mapping[str, Preset]:
    """Return the cells of installed packages. Raises PluginError for one with the name of a preset."""
    for name, plugin in found("memsim.devices").items():
        if name in PRESETS or key(name) != name:
            raise PluginError(f"{plugin}: its name is a preset's, or not in lower-case letters")
    return {name: Preset(name, plugin) for name, plugin in found("memsim.devices").items()}


def names() -> list[str]:
    """Return every cell by name, sorted: presets, registered ones, and those of installed packages."""
    return sorted({*PRESETS, *_registered, *_installed()})


def key(name: str) -> str:
    """Return a name as the table has it: small letters, no space around it."""
    return str(name).strip().lower()


def preset(name: str) -> Preset:
    """Return the cell of that name, in any case. Raises ValueError with the nearest names for an unknown
    one.
    """
    wanted = key(name)
    if known := PRESETS.get(wanted) or _registered.get(wanted) or _installed().get(wanted):
        return known
    near = get_close_matches(wanted, names(), n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}" if near else ""
    raise ValueError(
        f"no cell is called {str(name)!r}{hint}. Known: {', '.join(names())}; a device card ends in .toml"
    )


def get(name: str | Path | DeviceCard | Mapping[str, Any]) -> Cell:
    """Return the cell called `name`, in any case; or the cell of a device card: a .toml file, its content,
    itself.

    Raises ValueError with the nearest names for an unknown preset, and CardError for a card that cannot be
    used.
    """
    if isinstance(name, str | Path) and not str(name).endswith(".toml"):
        return preset(str(name)).cell
    from memsim.devices.device_card import DeviceCard

    if isinstance(name, DeviceCard):
        card = name
    else:
        card = DeviceCard.parse(name) if isinstance(name, Mapping) else DeviceCard.load(name)

    from memsim.devices.card_cell import cell_of  # torch comes in here, after the card is read

    return cell_of(card)  # type: ignore[arg-type]
