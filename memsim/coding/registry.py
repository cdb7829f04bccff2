"""The registry of codings: a kind is one file of the folder `kinds`.

    @coding
    class Mine(Coding):
        kind = "mine"

Third parties register theirs by an entry point of the group ``memsim.codings`` that names a module to import.
"""

from __future__ import annotations

from typing import TypeVar

from memsim.coding.coding import Coding
from memsim.devices.by_name import ByName

CODINGS: ByName[type[Coding]] = ByName("coding", "memsim.coding.kinds", group="memsim.codings")
KINDS = CODINGS.known
"""Kind -> its class, of those whose files were imported."""

C = TypeVar("C", bound=type[Coding])


def coding(kind: C) -> C:
    """Register a class of codings under its ``kind``.  Raises ValueError for a name that is taken."""
    CODINGS.add(kind.kind, kind)
    return kind
