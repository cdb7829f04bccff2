"""Codings by name: memsim's own and those that are installed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from memsim.coding.coding import Coding
from memsim.coding.registry import CODINGS
from memsim.devices.refusals import explain

names = CODINGS.names


def find(given: Any) -> Coding:
    """Return the coding that a card names: a name, or a table with ``kind`` and the fields of that kind.

    Raises ValueError for a kind that is none, and for fields that it does not have or allow.
    """
    if isinstance(given, Coding):
        return given
    fields = dict(given) if isinstance(given, Mapping) else {"kind": given}
    kind = fields.pop("kind", None)
    chosen = CODINGS.find(kind, f"kind = {kind!r} is no coding")
    try:
        return chosen.model_validate(fields)
    except ValidationError as error:
        known = list(chosen.model_fields) or ["kind alone"]
        raise ValueError("; ".join(explain(kind, one, known) for one in error.errors())) from None
