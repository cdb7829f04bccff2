"""The refusal of a bad card: one line for each finding, with field, value, allowed range, likely slip."""

from collections.abc import Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches
from typing import Any

NAME = r"^[A-Za-z0-9][\w.-]*$"  #: pattern of the name of a cell
TECHNOLOGY = r"^[A-Za-z][\w/-]*$"  #: pattern of the name of a device technology

LINE = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
"""Pattern of the name of a chip or technology card."""


_NEEDED = {
    "model_type": "a table of keys and values is needed", "dict_type": "a table of keys and values is needed",
    "string_type": "text in quotes is needed", "float_type": "a number is needed",
    "int_type": "a whole number is needed", "int_from_float": "a whole number is needed",
    "finite_number": "a finite number is needed", "tuple_type": "a list is needed",
    "list_type": "a list is needed",
}  # fmt: skip
"""Findings of pydantic -> what is needed, where its own words speak of its types."""

_TEXTS = {
    "string_too_short": "at least {min_length} characters are needed",
    "string_too_long": "at most {max_length} characters are allowed",
}
"""The same of texts, with their limits."""

_PATTERNS = {
    LINE: "a name is one line of letters, digits, signs and blanks, and neither begins nor ends with a blank",
    NAME: "letters, digits, '_', '.' and '-' are allowed, and no blanks, beginning with a letter or a digit",
    TECHNOLOGY: "letters, digits, '_', '/' and '-' are allowed, and no blanks, beginning with a letter",
}
"""What a pattern allows."""


def explain(origin: str, error: Any, known: Iterable[str]) -> str:
    """Return one finding of pydantic in a sentence; known: the keys there are where an unknown one was
    found.
    """
    path, value, kind = error["loc"], error["input"], error["type"]
    field = ".".join(str(p) for p in path)
    if kind == "extra_forbidden":
        keys = list(known)
        near = get_close_matches(str(path[-1]), keys, 1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(keys)}"
        return f"{origin}: unknown key {field!r} (value {_shown(value)}); {hint}"
    limits = error.get("ctx", {})
    if kind == "missing":
        return f"{origin}: {field} is required and missing"
    words = (
        _NEEDED.get(kind) or _TEXTS.get(kind, "").format(**limits) or _PATTERNS.get(limits.get("pattern", ""))
    )
    words = words or error["msg"].removeprefix("Value error, ").replace("Input", "it", 1)
    if kind == "value_error" and isinstance(value, Mapping):  # of a whole table: the words name the field
        return ": ".join(filter(None, (origin, field, words)))
    message = f"{origin}: {field} = {_shown(value)}: {words}"
    if path and "[" in str(path[-1]) and isinstance(value, (int, float)):
        top, low = limits.get("lt"), limits.get("gt")
        unit = str(path[-1]).split("[")[1].rstrip("]")
        if top is not None and value >= top:
            message += (
                f"; did you pass micro{unit} or nano{unit}? The card is in {unit} ({value * 1e-6:g} {unit}?)"
            )
        elif low is not None and 0 < value <= low:
            message += f"; too small for {unit}: was it divided twice?"
    return message


def _shown(value: Any) -> str:
    """Return a value as a card writes it, the beginning of a long one."""
    shown = str(value) if isinstance(value, date | time) else repr(value)
    return shown if len(shown) <= 200 else shown[:60] + "..."
