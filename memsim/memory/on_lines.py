"""Placement of the memories of a network on line arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.chip import Chip
from memsim.memory.exchange import exchange, found, named
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.memory.written_memory import WrittenMemory


def put_on_lines(chip: Chip, settings: Settings | None = None) -> dict[str, LineArray]:
    """Replace every memory of lines in ``chip.net`` by line arrays, in place, and return these by name.

    Call it before ``chip.program``, which calibrates their ranges together with those of the weight arrays.
    The line arrays use the card, the chips, the random streams and the ledger of `chip`.  Raises ValueError
    for a network without such a memory, and for a chip that is already programmed.
    """
    memories = found(chip, WrittenMemory, "memory of lines (memsim.memory.written_memory)")
    how = settings or Settings()
    return exchange(chip, {name: LineArray(name, leaf, chip.run, how) for name, leaf in memories.items()})


def restore(chip: Chip, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, LineArray]:
    """Place memories on line arrays with settings from a file, and return the arrays by name.

    forms: name of a module -> `Settings.form`.  Raises ValueError for a name that is not a memory of lines of
    this network.
    """
    return exchange(
        chip,
        {
            name: LineArray(name, leaf, chip.run, Settings.of(forms[name]))
            for name, leaf in named(chip, WrittenMemory, forms, "memory of lines").items()
        },
    )
