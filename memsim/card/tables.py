"""Tables of a card as its file has them: changed by key, looked up by path, with files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from memsim.devices.toml_file import Section


def merged(model: type[BaseModel], fields: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a table with changes; tables within it key by key, those that are sections all the way
    down.

    Keys are those of a file, with units; tables are new ones.
    """
    made = {key: dict(value) if isinstance(value, dict) else value for key, value in fields.items()}
    for name, value in changes.items():
        field = model.model_fields.get(name)
        key = (field.alias if field else None) or name
        if not (isinstance(value, dict) and isinstance(made.get(key), dict)):
            made[key] = value
        elif field and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            made[key] = merged(field.annotation, made[key], value)
        else:
            made[key] = {**made[key], **value}
    return made


def table(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the table of that path, "weights" or "weights.adc"; empty where there is none."""
    found: Any = fields
    for key in path.split("."):
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, dict) else {}


def beside(name: str | Path, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a card with the paths of its device cards and its technology from where the card
    lies, if they lie there.
    """
    technology = str(fields.get("technology", ""))
    if technology.endswith(".toml") and (Path(name).parent / technology).is_file():
        fields["technology"] = str((Path(name).parent / technology).resolve())
    for section in ("weights", "attention"):
        own = fields.get(section)
        cell = own.get("cell") if isinstance(own, dict) else None
        if isinstance(cell, str) and cell.endswith(".toml") and (Path(name).parent / cell).is_file():
            fields[section]["cell"] = str(Path(name).parent / cell)
    return fields
