"""Names of networks and data sets, known before torch is imported: a command refuses a slip at once."""

from __future__ import annotations

import json
import re
from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"

EMBEDDED = ("digits", "digits-hard")
"""Data sets that come with memsim's dependencies."""

FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}
"""Data sets that lie in a folder, and torchvision's names of them."""

MADE = {"digits-saccade": "digits", "cifar10-saccade": "cifar10"}
"""Event frames made of the pictures of another data set."""

RECORDED = ("n-mnist", "dvs128-gesture", "cifar10-dvs")
"""Recordings of event cameras, which lie in a folder."""


def trained() -> list[str]:
    """List the bundled, trained networks."""
    return sorted(path.stem for path in BUNDLED.glob("*.safetensors"))


def layers(name: str) -> list[str] | None:
    """List the modules of a bundled network; None for any other (`memsim.models.list_layers` makes them)."""
    groups = json.loads((BUNDLED / "layers.json").read_text("utf-8"))
    return next((group["layers"] for group in groups if name in group["networks"]), None)


def data_sets() -> list[str]:
    """List the data sets by name."""
    return [*EMBEDDED, *FOLDER, *MADE, *RECORDED]


def in_folder(name: str) -> bool:
    """Return whether a data set is read from the folder of data sets, neither embedded nor an .npz file."""
    whole = fold_of(name)[0].lower()
    return MADE.get(whole, whole) not in EMBEDDED and not whole.endswith(".npz")


def fold_name(name: str, number: int, of: int) -> str:
    """Name a fold of a data set: "n-mnist:2/5" is the second of five. ValueError for no such fold."""
    if of < 2 or not 1 <= number <= of:
        raise ValueError(f"{name}:{number}/{of}: folds are 1/2 to N/N, N at least 2")
    return f"{name}:{number}/{of}"


def fold_of(name: str) -> tuple[str, tuple[int, int] | None]:
    """Split the name of a data set into its own and (number, of) of a fold, None where it names no fold.

    ValueError for a number outside 1..of.
    """
    found = re.fullmatch(r"(.+):(\d+)/(\d+)", name)
    if found is None:
        return name, None
    number, of = int(found[2]), int(found[3])
    fold_name(found[1], number, of)
    return found[1], (number, of)
