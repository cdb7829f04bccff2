"""Cards as TOML files: read, and refused by field, value, allowed range and likely slip."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from memsim.devices.numbers import leaf_of, misfit
from memsim.devices.refusals import explain

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


MESSAGE = 2000  #: most characters of a message
FINDINGS = 20  #: most lines of a message
BYTES, VALUES, DEPTH = 1_000_000, 20_000, 12  #: most of a card: bytes, values, levels of tables


def bounded(text: str) -> str:
    """Return a message of at most `MESSAGE` characters: the middle of a longer one is left out."""
    return text if len(text) <= MESSAGE else f"{text[:1400]} ... {text[-500:]}"


class CardError(ValueError):
    """A card that cannot be used; the message names field, value, allowed range and likely slip."""

    def __init__(self, message: str) -> None:
        super().__init__(bounded(message))


@cache
def _leaf(section: type[BaseModel], field: str) -> type | None:
    """Return the type of a field's values, found once: studies make a thousand cards."""
    return leaf_of(section.model_fields[field].annotation)


class Section(BaseModel):
    """A table of a card: unknown keys, values outside the stated range and text for numbers are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # the text under a field is what a report says about it
    )

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_type(cls, value: Any, info: ValidationInfo) -> Any:
        wrong = misfit(_leaf(cls, str(info.field_name)), value)
        if wrong is not None:
            raise ValueError(wrong)
        return value


def read(path: str | Path, kind: str) -> dict[str, Any]:
    """Return the fields of a file; CardError where it cannot be read or is no TOML."""
    try:
        if not Path(path).is_file() and Path(path).exists():
            raise CardError(f"{path} is no file: a {kind} is a TOML file")
        if (size := Path(path).stat().st_size) > BYTES:
            raise CardError(f"{path}: it has {size} bytes, a {kind} at most {BYTES}; is it another file?")
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        if isinstance(error, CardError):
            raise
        if not isinstance(error, (tomllib.TOMLDecodeError, UnicodeDecodeError)):
            why = error.strerror if isinstance(error, OSError) else error  # a NUL in the name, for instance
            raise CardError(f"cannot read {kind} {str(path)!r}: {why}") from None
        raise CardError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise CardError(f"{path}: its tables are nested too deeply, {DEPTH} levels are allowed") from None


def sized(fields: Any, origin: str) -> dict[str, Any]:
    """Return the fields of a card as a new mapping; CardError for anything else, for too many or too deep
    ones.
    """
    if not isinstance(fields, Mapping):
        raise CardError(f"{origin}: a card is a table of fields, this is a {type(fields).__name__}")
    found, level = 0, [fields]
    for _ in range(DEPTH):
        level = [
            inner for table in level for inner in (table.values() if isinstance(table, Mapping) else table)
        ]
        found += len(level)
        if found > VALUES:
            raise CardError(f"{origin}: it has more than {VALUES} values; is it another file?")
        level = [inner for inner in level if isinstance(inner, (Mapping, list, tuple, set, frozenset))]
        if not level:
            return dict(fields)
    raise CardError(f"{origin}: its tables are nested too deeply, {DEPTH} levels are allowed")


def refusal(card: type[BaseModel], error: ValidationError, origin: str) -> CardError:
    """Return what pydantic found wrong with a card, a line for each of the first findings."""
    found = error.errors()
    lines = [explain(origin, e, _keys(card, e["loc"])) for e in found[:FINDINGS]]
    lines += [f"{origin}: {len(found) - FINDINGS} more"] if len(found) > FINDINGS else []
    return CardError("\n".join(lines))


def _keys(card: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the keys known where a path ends, as a card writes them."""
    for step in path[:-1]:
        fields = (f for name, f in card.model_fields.items() if step in (name, f.alias))
        card = next((table for field in fields for table in _tables(field.annotation)), card)
    return [f.alias or name for name, f in card.model_fields.items()]


def _tables(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the tables in a field's type: of ``dict[str, Part]`` or ``Part | None`` it is Part."""
    if arguments := get_args(annotation):
        for one in arguments:
            yield from _tables(one)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
