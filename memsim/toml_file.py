"""Cards as TOML files: read by name or path, and refused by field, value, allowed range and likely slip."""

from __future__ import annotations

import difflib
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class CardError(ValueError):
    """A card that cannot be used; the message names field, value, allowed range and likely slip."""


class Section(BaseModel):
    """A table of a card: unknown keys and values outside the stated range are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # the text under a field is what a report says about it
    )


class Price(Section):
    """What one event costs, and who says so."""

    energy: float = Field(alias="energy [J]", ge=0, lt=1e-3)
    """Energy of one event [J]."""
    area: float | None = Field(default=None, alias="area [m2]", ge=0, lt=1e-4)
    """Area of the part that the event happens in [m2]; unknown where absent."""
    source: str = Field(min_length=8)
    """Paper, table or file the number was read in."""
    assumption: bool = False
    """True where no source gives the number for this event and a neighbouring one was taken."""

    @property
    def said(self) -> str:
        """The source, and whether the number is an assumption."""
        return self.source + (" (assumption)" if self.assumption else "")


def built_in(package: str) -> list[str]:
    """Names of the TOML files that come with a package."""
    return sorted(f.name[:-5] for f in resources.files(package).iterdir() if f.name.endswith(".toml"))


def read(name: str | Path, package: str, kind: str) -> dict[str, Any]:
    """The fields of a package's built-in file, or of a path that ends in .toml; CardError for neither."""
    path = Path(name)
    if path.suffix != ".toml":
        known = built_in(package)
        if str(name) not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CardError(
                f"no built-in {kind} {str(name)!r}{hint} (known: {', '.join(known)}; files end in .toml)"
            )
        text = resources.files(package).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CardError(f"cannot read {kind} {path}: {error.strerror}") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path}: not valid TOML: {error}") from None


def keys_of(section: type[BaseModel]) -> list[str]:
    """The keys of a section, as a card writes them."""
    return [f.alias or n for n, f in section.model_fields.items()]
