"""What made a row: the version of memsim, a digest of its source text, and the packages numbers come from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import memsim

VERSION = metadata.version("memsim")

PACKAGES = ("torch", "numpy", "numba", "scipy", "aihwkit")
"""Packages whose version can move a number of a result."""

SHOWN = ("reports", "commands", "speed", "pictures", "cli.py")
"""Parts of studies that show results and measure speed: they change no number of a row."""


@cache
def code() -> str:
    """Sixteen hex digits of the source text that results come from: of one version it may be changed."""
    return code_of(Path(memsim.__file__).parent)


def code_of(root: Path) -> str:
    """Sixteen hex digits of every .py and .toml file of a package memsim that can change a number: all but
    those in SHOWN.  The same in a checkout, where rooms are links, and in an installed wheel.
    """
    files = [Path(at, file) for at, _, found in os.walk(root, followlinks=True) for file in found]
    chosen = sorted(f.relative_to(root).as_posix() for f in files if f.suffix in (".py", ".toml"))
    whole = sha256()
    for name in chosen:
        if not name.startswith(tuple(f"studies/{part}" for part in SHOWN)):
            text = (root / name).read_bytes()
            whole.update(f"{name} {len(text)}\n".encode() + text)
    return whole.hexdigest()[:16]


@cache
def packages() -> dict[str, str]:
    """The versions of the packages numbers come from; one that is not installed is absent."""
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def source() -> dict[str, Any]:
    """What a row says of the process that measured it."""
    return {"memsim": VERSION, "code": code(), "with": packages()}


def source_of(row: Mapping[str, Any]) -> str:
    """The memsim that measured a row, and the digest of its source text."""
    return f"{row.get('memsim', 'unknown')} (source {row.get('code', 'unknown')})"


def mixed(rows: Iterable[Mapping[str, Any]]) -> str:
    """A sentence where rows have more than one source, or packages of more than one version; else empty."""
    found, others = Counter[str](), dict[str, dict[str, None]]()
    for row in rows:
        found[source_of(row)] += 1
        for package, version in row.get("with", {}).items():
            others.setdefault(package, {})[str(version)] = None
    parts = [f"memsim {name} measured {number}" for name, number in found.items()] if len(found) > 1 else []
    parts += [f"{package} {' and '.join(seen)}" for package, seen in others.items() if len(seen) > 1]
    if not parts:
        return ""
    return (
        f"The rows come from more than one version of the source: {'; '.join(parts)}. Their numbers may "
        "differ for that reason alone; measure all tasks in another folder to have rows from one version."
    )
