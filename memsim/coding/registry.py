"""The registry of codings: a kind is one file of the folder `kinds`.

    @coding
    class Mine(Coding):
        kind = "mine"

Third parties register theirs by an entry point of the group ``memsim.codings`` that names a module to import.
"""

from __future__ import annotations

from typing import TypeVar

from memsim.coding.coding import Coding

KINDS: dict[str, type[Coding]] = {}
"""Kind -> its class; filled by the files of kinds."""

C = TypeVar("C", bound=type[Coding])


def coding(kind: C) -> C:
    """Register a class of codings under its ``kind``.  Raises ValueError for a name that is taken."""
    if KINDS.setdefault(kind.kind, kind) is not kind:
        raise ValueError(f"a coding {kind.kind!r} is registered already")
    return kind
