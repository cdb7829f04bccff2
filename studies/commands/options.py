"""Values of command line options: cards with other cells and effects, networks, data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import typer

import memsim
from memsim.card.cells import effects_of
from memsim.models import known
from memsim.studies.evaluation.net_file import NetFile


def given(context: typer.Context, *names: str) -> list[str]:
    """Return those options of parameters `names` that stand on the command line, such as "--time"."""
    sources = {name: context.get_parameter_source(name) for name in names}
    named = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in named]


def refuse_ignored(options: Sequence[str], reason: str) -> None:
    """Raise ValueError for options that would be ignored, saying why."""
    if options:
        verb, them = ("has", "it") if len(options) == 1 else ("have", "them")
        raise ValueError(f"{', '.join(options)} {verb} no effect: {reason}; leave {them} out")


def written_options(card: memsim.ChipCard, attention: str | None, without: Sequence[str]) -> list[str]:
    """Return those of the options that act on written attention alone: "--attention", "--without
    write-noise".
    """
    alone = {*effects_of(card.attention.cell), "pulse-rounding", "wear"} - {*effects_of(card.weights.cell)}
    return [
        *(["--attention"] if attention else []),
        *(f"--without {effect}" for effect in without if effect in alone),
    ]


def check_ages(context: typer.Context, card: memsim.ChipCard) -> None:
    """ValueError for a time where no device of the weight arrays ages."""
    if card.weights.cell == "ideal":
        refuse_ignored(given(context, "time"), "ideal cells of the weight arrays do not age")


def net_of(context: typer.Context, net: str | None, model: str) -> NetFile | None:
    """Return the user's network that a command names; ValueError for one beside another model."""
    if net is not None and given(context, "model"):
        raise ValueError(f"--net {net} and --model {model}: give one of them")
    return None if net is None else NetFile.read(net)


def card_of(
    card: str,
    *,
    weights: str | None = None,
    attention: str | None = None,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
) -> memsim.ChipCard:
    """Return the card a command names, with its cells and effects exchanged as the options say."""
    if without and only:
        raise ValueError(
            f"--without {without[0]} and --only {only[0]}: give one of them; --only switches all others off"
        )
    chosen = memsim.ChipCard.load(card)
    if weights:
        chosen = chosen.replace(weights={"cell": weights})
    if attention:
        chosen = chosen.replace(attention={"cell": attention})
    if without:
        chosen = chosen.without(*without)
    return chosen.only(*only) if only else chosen


def choice(option: str, given: str, names: Iterable[str], more: str = "") -> str:
    """Return the name as given, where it is one of `names`; ValueError with the nearest and all of them
    otherwise.

    more: what else the option takes, for the message.
    """
    names = list(names)
    if given in names:
        return given
    near = get_close_matches(given, names, 1)
    hint = f"; did you mean {near[0]!r}" if near else ""
    raise ValueError(f"{option} {given!r} is unknown{hint}; there are: {', '.join(names)}{more}")


def network(name: str, option: str = "--model") -> str:
    """Return the name of a trained network, or a checkpoint's path, as given; ValueError where there is
    none.
    """
    if Path(name).suffix == ".safetensors" or Path(name).is_file():
        if not Path(name).is_file():
            raise ValueError(f"{option}: checkpoint {name} does not exist")
        return name
    return choice(option, name.lower(), known.trained(), "; or the path of a checkpoint (.safetensors)")


def data_set(name: str, option: str = "--dataset") -> str:
    """Return the name of a data set, or an .npz file's path, as given; ValueError where there is none.

    A fold of it, NAME:2/5, is taken as well.
    """
    whole, fold = known.fold_of(name)
    if fold is not None:
        return known.fold_name(data_set(whole, option), *fold)
    if name.lower().endswith(".npz"):
        if not Path(name).is_file():
            raise ValueError(f"{option}: data set {name} does not exist")
        return name
    return choice(option, name.lower(), known.data_sets(), "; or the path of an .npz file")


def layer(option: str, name: str, known: Sequence[str]) -> None:
    """ValueError, naming what was likely meant, for a layer that is not among those of the network."""
    if name not in known:
        near = get_close_matches(name, known, 3)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known[:5])} ..."
        raise ValueError(f"{option} {name!r}: the network has no such layer; {hint}")


def data_folder(context: typer.Context, folder: Path | None, *data_sets: str | None) -> bool:
    """Return whether a folder of data sets stands on the command line.

    ValueError for a file in its place, for a missing folder, and where none of the data sets that are known
    here (None: not known yet) lies in a folder.
    """
    if folder is None or not given(context, "data"):
        return False
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ValueError(f"--data {folder} {what}; the folder that holds the data sets is needed")
    refuse_unread_folder(*data_sets)
    return True


def refuse_unread_folder(*data_sets: str | None) -> None:
    """Raise ValueError for --data where each of these data sets is known (not None) and in no folder."""
    names = [name for name in dict.fromkeys(data_sets) if name is not None]
    if names and None not in data_sets and not any(map(known.in_folder, names)):
        verb = "lies" if len(names) == 1 else "lie"
        refuse_ignored(["--data"], f"{', '.join(names)} {verb} in no folder of data sets")


def folders(*given: Path) -> None:
    """ValueError for a folder that is none."""
    for folder in given:
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}{'; it is a file' if folder.exists() else ''}")
