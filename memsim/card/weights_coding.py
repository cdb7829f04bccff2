"""The table ``[weights.coding]`` of a chip card: a coding by its name, or with the fields of its kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from memsim.coding.coding import Coding
from memsim.coding.named import find


def _written(coding: Coding) -> Any:
    return coding.as_in_card()


CodingField = Annotated[Coding, BeforeValidator(find), PlainSerializer(_written)]
"""``coding = "pair"``, or a table: ``coding = { kind = "slices", slice_bits = [4, 4] }``."""
