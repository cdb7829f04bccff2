"""Types of a card's values, held strictly: text and truth values are no numbers, numbers no truth values."""

import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

_NUMBER = re.compile(r"[+-]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,3})?$")


def misfit(leaf: type | None, value: Any) -> str | None:
    """Return what is wrong with a value of a field of such leaves, as a sentence; None for what pydantic may
    judge.

    Of tables and lists every value is looked at.
    """
    if leaf is None or (leaf is float and type(value) in (float, int)):
        return None
    return _wrong(leaf, value)


def leaf_of(annotation: Any) -> type | None:
    """float for fields of numbers, also in lists and tables; bool; None for all others."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return leaf_of(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return leaf_of(arguments[1])
    if origin in (Union, UnionType, tuple, list):
        found = {leaf_of(one) for one in arguments if one not in (NoneType, Ellipsis)}
        return found.pop() if len(found) == 1 else None
    return {int: float, float: float, bool: bool}.get(annotation)


def _wrong(leaf: type, value: Any) -> str | None:
    if isinstance(value, Mapping):
        found = ((key, one, _wrong(leaf, one)) for key, one in value.items())
        return next((f"{key} = {one!r}: {words}" for key, one, words in found if words), None)
    if isinstance(value, list | tuple):
        return next((words for one in value if (words := _wrong(leaf, one))), None)
    if leaf is bool:
        return None if isinstance(value, bool | NoneType) else "true or false is needed"
    if isinstance(value, bool):
        return "a number is needed, not true or false"
    if isinstance(value, str):
        hint = f"; did you mean {value.strip()} without quotes?" if _NUMBER.match(value.strip()) else ""
        return f"a number is needed, not text{hint}"
    return None
