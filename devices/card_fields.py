"""Conductances in the sections of a device card: their fields, and their ranges."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from memsim.devices.toml_file import Section


def siemens(name: str, **more: Any) -> Any:
    return Field(alias=f"{name} [S]", lt=1e-2, **more)


def within(section: Section, low: float, high: float, meaning: str, *names: str) -> None:
    """Raise ValueError unless each of these conductances that is given lies in low .. high [S]."""
    for name in names:
        value = getattr(section, name)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} [S] = {value:g}: {low:g} to {high:g} ({meaning}) is allowed")
