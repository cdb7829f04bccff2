"""Codings by name: memsim's own and those that are installed beside it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from memsim.coding.coding import Coding
from memsim.coding.registry import KINDS
from memsim.devices.plugins import found
from memsim.devices.refusals import explain

GROUP = "memsim.codings"


@cache
def _load() -> None:
    """Import the files of all kinds."""
    for file in pkgutil.iter_modules([str(Path(__file__).with_name("kinds"))]):
        import_module(f"memsim.coding.kinds.{file.name}")
    for plugin in found(GROUP).values():
        plugin.load()


def names() -> list[str]:
    """The names of every coding, memsim's own and those that are installed beside it."""
    _load()
    return sorted(KINDS)


def find(given: Any) -> Coding:
    """The coding that a card names: a name, or a table with ``kind`` and the fields of that kind.

    Raises ValueError for a kind that is none, and for fields that it does not have or allow.
    """
    if isinstance(given, Coding):
        return given
    fields = dict(given) if isinstance(given, Mapping) else {"kind": given}
    kind = fields.pop("kind", None)
    if kind not in names():
        near = get_close_matches(str(kind), names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"kind = {kind!r} is no coding (one of {', '.join(names())}){hint}")
    chosen = KINDS[kind]
    try:
        return chosen.model_validate(fields)
    except ValidationError as error:
        known = list(chosen.model_fields) or ["kind alone"]
        raise ValueError("; ".join(explain(kind, one, known) for one in error.errors())) from None
