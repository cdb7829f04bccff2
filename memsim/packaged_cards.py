"""Cards that come with a package, by name; others by path."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import Any

from memsim.devices import toml_file
from memsim.devices.toml_file import CardError


def built_in(package: str) -> list[str]:
    """Return names of the TOML files that come with a package."""
    return sorted(f.name[:-5] for f in resources.files(package).iterdir() if f.name.endswith(".toml"))


def read(name: str | Path, package: str, kind: str) -> dict[str, Any]:
    """Return the fields of a package's built-in file, or of a path that ends in .toml; CardError for
    neither.
    """
    if Path(name).suffix == ".toml":
        return toml_file.read(name, kind)
    known = built_in(package)
    if str(name) not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CardError(
            f"no built-in {kind} {str(name)!r}{hint} (known: {', '.join(known)}; files end in .toml)"
        )
    with resources.as_file(resources.files(package).joinpath(f"{name}.toml")) as path:
        return toml_file.read(path, kind)
