"""Placement of the states of state-space mixers on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.chip import Chip
from memsim.memory.exchange import exchange, found, named
from memsim.memory.state_array import StateArray, StateSettings
from memsim.memory.written_state import WrittenState


def put_on_states(chip: Chip, settings: StateSettings | None = None) -> dict[str, StateArray]:
    """Replace every state of a state-space mixer in ``chip.net`` by arrays, in place, and return these by
    name.

    Call it before ``chip.program``, like `put_on_lines`.  Raises ValueError for a network without such a
    state, and for a chip that is already programmed.
    """
    states = found(chip, WrittenState, "state (memsim.memory.written_state)")
    how = settings or StateSettings()
    return exchange(chip, {name: StateArray(name, leaf, chip.run, how) for name, leaf in states.items()})


def restore(chip: Chip, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, StateArray]:
    """Place states on arrays with settings from a file, and return the arrays by name.

    forms: name of a module -> `StateSettings.form`.  Raises ValueError for a name that is not a state of this
    network.
    """
    return exchange(
        chip,
        {
            name: StateArray(name, leaf, chip.run, StateSettings.of(forms[name]))
            for name, leaf in named(chip, WrittenState, forms, "state").items()
        },
    )
