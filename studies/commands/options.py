"""What the command line's options mean: times with units, cards with effects switched, folders to write."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import memsim
from memsim.models import known

ENGINES = ("memsim", "aihwkit", "digital")
"""What a network can be run on, besides the digital run that all are compared with."""

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0, "y": 365 * 86400.0}
"""Seconds of a unit of time."""


def seconds(text: str) -> float:
    """A time such as ``1d``, ``2.5h``, ``30s``, ``1y`` or plain seconds, in seconds; ValueError otherwise."""
    match = re.fullmatch(r"\s*([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*([a-z]*)\s*", text.lower())
    if not match or (match[2] and match[2] not in UNITS):
        raise ValueError(f"--time {text!r}: a number and one of {', '.join(UNITS)} is needed, such as 1d")
    value = float(match[1]) * UNITS[match[2] or "s"]
    if not 0 <= value < 1e12:
        raise ValueError(f"--time {text!r}: time since programming runs from 0 s to 1e12 s; a sign too many?")
    return value


def card_of(
    card: str,
    *,
    weights: str | None = None,
    attention: str | None = None,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
) -> memsim.ChipCard:
    """The card a command names, with its cells and effects exchanged as the options say."""
    chosen = memsim.ChipCard.load(card)
    if weights:
        chosen = chosen.replace(weights={"cell": weights})
    if attention:
        chosen = chosen.replace(attention={"cell": attention})
    if without:
        chosen = chosen.without(*without)
    return chosen.only(*only) if only else chosen


def choice(option: str, given: str, names: Iterable[str], more: str = "") -> str:
    """The name as given, where it is one of `names`; ValueError with the nearest and all of them otherwise.

    more: what else the option takes, for the message.
    """
    names = list(names)
    if given in names:
        return given
    near = get_close_matches(given, names, 1)
    hint = f"; did you mean {near[0]!r}" if near else ""
    raise ValueError(f"{option} {given!r} is unknown{hint}; there are: {', '.join(names)}{more}")


def network(name: str) -> str:
    """The name of a trained network, or a checkpoint's path, as given; ValueError where there is none."""
    if Path(name).suffix == ".safetensors" or Path(name).is_file():
        if not Path(name).is_file():
            raise ValueError(f"--model: checkpoint {name} does not exist")
        return name
    return choice("--model", name.lower(), known.trained(), "; or the path of a checkpoint (.safetensors)")


def data_set(name: str, option: str = "--dataset") -> str:
    """The name of a data set, or an .npz file's path, as given; ValueError where there is none."""
    if name.lower().endswith(".npz"):
        if not Path(name).is_file():
            raise ValueError(f"{option}: data set {name} does not exist")
        return name
    return choice(option, name.lower(), known.data_sets(), "; or the path of an .npz file")


def folders(*given: Path) -> None:
    """ValueError for a folder that is none."""
    for folder in given:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")


def writable(folder: Path) -> Path:
    """The folder, made if need be and known to take files; OSError naming it before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"cannot write to folder {folder}: {error.strerror}; choose another with --out"
        ) from None
    return folder
