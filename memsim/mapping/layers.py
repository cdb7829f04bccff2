"""Layers of a network by name: those left digital, one put in place of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from memsim.devices.toml_file import CardError


def digital_layers(patterns: Iterable[str], names: Sequence[str]) -> set[str]:
    """Return those of the names that match a pattern with shell wildcards; CardError for a pattern that
    matches none, with the nearest.
    """
    found: set[str] = set()
    for pattern in sorted(patterns):
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            parents = {name[: i + 1] + "*" for name in names for i, c in enumerate(name) if c == "."}
            near = get_close_matches(pattern, [*names, *sorted(parents)], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CardError(f"digital = {pattern!r}: no such layer{hint} (known: {', '.join(names)})")
        found |= matching
    return found


def replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where another was."""
    parent, _, leaf = name.rpartition(".")
    setattr(net.get_submodule(parent), leaf, layer)


def finite_images(x: Tensor) -> None:
    """Refuse pictures with NaN or infinity, and say where."""
    if not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"image {bad}: pixels hold NaN or infinity; every pixel must lie in [0, 1]")
