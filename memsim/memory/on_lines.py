"""Puts the memories of a network on chips onto line arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memsim.chip import Chip
from memsim.mapping.layers import replace
from memsim.mapping.watch_digital import DigitalWatch
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.memory.written_memory import WrittenMemory


def put_on_lines(chip: Chip, settings: Settings | None = None) -> dict[str, LineArray]:
    """Exchange every memory of lines in ``chip.net`` for line arrays, in place; returns them by name.

    To be called before ``chip.program``, which calibrates their ranges with those of the weight arrays.  They
    share the chip's card, names of chips and sequences, random streams and ledger.  Raises ValueError for a
    network without such a memory, and for a chip that was programmed already.
    """
    memories = {name: m for name, m in chip.net.named_modules() if isinstance(m, WrittenMemory)}
    if not memories:
        raise ValueError(f"{type(chip.net).__name__} has no memory of lines (memsim.memory.written_memory)")
    if chip.time == chip.time:
        raise ValueError("this chip is programmed; put its memories on lines before chip.program()")
    how = settings or Settings()
    return _put(chip, {name: LineArray(name, leaf, chip.run, how) for name, leaf in memories.items()})


def restore(chip: Chip, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, LineArray]:
    """Put memories on lines as a file has them: name -> form of its settings.

    Raises ValueError for a name that is no memory of this network.
    """
    memories = dict(chip.net.named_modules())
    made = {}
    for name, form in forms.items():
        leaf = memories.get(name)
        if not isinstance(leaf, WrittenMemory):
            raise ValueError(f"{name!r} is no memory of lines of {type(chip.net).__name__}")
        made[name] = LineArray(name, leaf, chip.run, Settings.of(form))
    return _put(chip, made)


def _put(chip: Chip, made: dict[str, LineArray]) -> dict[str, LineArray]:
    for name, array in made.items():
        replace(chip.net, name, array)
    watch = chip.mapped.work
    chip.mapped.work = DigitalWatch(chip.net, watch.exclude | made.keys())
    chip.mapped.found.clear()
    return made
