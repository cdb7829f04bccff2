"""Puts the states of a network on chips onto arrays that fade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.chip import Chip
from memsim.memory.exchange import exchange, found, named
from memsim.memory.state_array import StateArray, StateSettings
from memsim.memory.written_state import WrittenState


def put_on_states(chip: Chip, settings: StateSettings | None = None) -> dict[str, StateArray]:
    """Exchange every state of a state-space mixer in ``chip.net`` for arrays, in place; returns them by name.

    To be called before ``chip.program``, as `put_on_lines`.  Raises ValueError for a network without such a
    state, and for a chip that was programmed already.
    """
    states = found(chip, WrittenState, "state (memsim.memory.written_state)")
    how = settings or StateSettings()
    return exchange(chip, {name: StateArray(name, leaf, chip.run, how) for name, leaf in states.items()})


def restore(chip: Chip, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, StateArray]:
    """Put states on arrays as a file has them: name -> form of its settings.

    Raises ValueError for a name that is no state of this network.
    """
    return exchange(
        chip,
        {
            name: StateArray(name, leaf, chip.run, StateSettings.of(forms[name]))
            for name, leaf in named(chip, WrittenState, forms, "state").items()
        },
    )
