"""Objects of aihwkit as cells: a noise model for weight arrays, a pulsed device for attention arrays.

A preset where the numbers are a preset's, a device card where one can say the law (it can then be written
into a file); else a cell that is registered in this process under a name made of its numbers.
"""

import hashlib
from dataclasses import replace
from typing import Any

from aihwkit.inference.noise.base import BaseNoiseModel
from aihwkit.inference.noise.custom import StateIndependentNoiseModel
from aihwkit.simulator.configs.devices import IdealDevice

from memsim.devices import registry
from memsim.devices.cell import Cell
from memsim.devices.device_card import DeviceCard
from memsim.devices.pulses import presets
from memsim.devices.pulses.bridge import pulsed_cell
from memsim.devices.weights.cell_of_model import device_card, weight_cell

_MOST = 256  #: pulses of a full write at most


def key_of(thing: Any) -> str | DeviceCard:
    """Return what a chip card calls an object of aihwkit by. Raises ValueError for one that no cell is
    like.
    """
    name = f"{type(thing).__name__.lower()}-new"
    if isinstance(thing, StateIndependentNoiseModel):
        return named(device_card(thing, name=name))
    if isinstance(thing, BaseNoiseModel):
        return cell_key(weight_cell(thing, name=name))
    if isinstance(thing, IdealDevice):
        return "ideal"
    return presets.name_of(thing) or cell_key(_pulsed(thing, name))


def key_fields_strengths(model: BaseNoiseModel) -> tuple[str | DeviceCard, dict[str, Any], dict[str, float]]:
    """Return what a chip card says of a noise model: cell, fields of its range where that is not the cell's
    own, strengths.
    """
    if isinstance(model, StateIndependentNoiseModel):
        return key_of(model), {}, {}
    cell = weight_cell(model, name=f"{type(model).__name__.lower()}-new")
    plain = replace(cell, strengths=())
    if cell.name not in registry.PRESETS:
        return cell_key(plain), {}, dict(cell.strengths)
    own: Any = registry.get(cell.name)
    if cell.g_max == own.g_max:  # type: ignore[attr-defined]
        return cell.name, {}, dict(cell.strengths)
    law = {} if cell.g_scale == own.g_scale else {"device_errors": "relative"}
    return cell.name, {"g_max": cell.g_max, **law}, dict(cell.strengths)


def cell_key(cell: Cell) -> str:
    """Return the name of a preset that is this cell, else that of this cell, registered."""
    if cell.name in registry.PRESETS and registry.get(cell.name) == cell:
        return cell.name
    cell = named(cell)
    registry.register(cell.name, lambda: cell)
    return cell.name


def named(thing: Any) -> Any:
    """Return a cell or device card under a name made of its kind and its numbers: equal ones have equal
    names.
    """
    kind = thing.name.removesuffix("-new")
    number = hashlib.sha256(repr(thing).encode()).hexdigest()[:8]
    if isinstance(thing, DeviceCard):
        return thing.model_copy(update={"name": f"{kind}-{number}"})
    return replace(thing, name=f"{kind}-{number}")


def _pulsed(device: Any, name: str) -> Cell:
    """Return a pulsed device; a full write is half of its mean steps from bound to bound, an assumption that
    ``attention.n_max`` replaces.
    """
    kind = type(device).__name__
    source = f"{kind} of aihwkit with numbers of its user's; technology assumed"
    cell = pulsed_cell(device, name=name, technology="ReRAM", source=source, n_max=1)
    return replace(cell, n_max=min(max(round(cell.describe().states / 2), 1), _MOST))
