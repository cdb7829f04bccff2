"""Puts the memories of a network on chips onto line arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.chip import Chip
from memsim.memory.exchange import exchange, found, named
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.memory.written_memory import WrittenMemory


def put_on_lines(chip: Chip, settings: Settings | None = None) -> dict[str, LineArray]:
    """Exchange every memory of lines in ``chip.net`` for line arrays, in place; returns them by name.

    To be called before ``chip.program``, which calibrates their ranges with those of the weight arrays.  They
    share the chip's card, names of chips and sequences, random streams and ledger.  Raises ValueError for a
    network without such a memory, and for a chip that was programmed already.
    """
    memories = found(chip, WrittenMemory, "memory of lines (memsim.memory.written_memory)")
    how = settings or Settings()
    return exchange(chip, {name: LineArray(name, leaf, chip.run, how) for name, leaf in memories.items()})


def restore(chip: Chip, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, LineArray]:
    """Put memories on lines as a file has them: name -> form of its settings.

    Raises ValueError for a name that is no memory of this network.
    """
    return exchange(
        chip,
        {
            name: LineArray(name, leaf, chip.run, Settings.of(forms[name]))
            for name, leaf in named(chip, WrittenMemory, forms, "memory of lines").items()
        },
    )
