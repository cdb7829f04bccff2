"""A study written as a TOML sweep over card fields, for questions that need no code.

title = "Fewer bits, smaller tiles"
times = ["1s", "1d"]                       # default: the setting's time

[vary]                                     # every combination; keys are a card's, section first
"weights.adc_bits" = [4, 6, 8]
"attention.n_max" = [8, 16]
"strengths.device-spread" = [1.0, 2.0]

[fixed]                                    # the same for all
"weights.tile_rows" = 128
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import memsim
from memsim.devices.toml_file import tomllib
from memsim.studies.evaluation.setting import Setting
from memsim.studies.evaluation.times import seconds
from memsim.studies.running.task import Task, blocks

KEYS = ("title", "times", "vary", "fixed")


def fill(module: types.ModuleType, text: str, path: str) -> None:
    """Give the module the title and tasks a sweep asks for; ValueError names what is wrong with it."""
    try:
        sweep = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"sweep {path}: not valid TOML: {error}") from None
    for key in sweep:
        if key not in KEYS:
            raise ValueError(f"sweep {path}: unknown key {key!r}; known: {', '.join(KEYS)}")
    vary, fixed = sweep.get("vary", {}), sweep.get("fixed", {})
    lists = vary.values() if isinstance(vary, dict) else [None]
    if not vary or not all(isinstance(values, list) and values for values in lists):
        raise ValueError(f"sweep {path}: [vary] needs card fields with lists of values, "
                         'such as "weights.adc_bits" = [4, 6, 8]')  # fmt: skip
    if not isinstance(fixed, dict):
        raise ValueError(f'sweep {path}: [fixed] needs card fields, such as "weights.tile_rows" = 128')
    for field, values in vary.items():
        if any(value in values[:place] for place, value in enumerate(values)):
            raise ValueError(f"sweep {path}: {field} = {values} has a value twice")
    if both := sorted(vary.keys() & fixed.keys()):
        raise ValueError(f"sweep {path}: {both[0]} is in [vary] and in [fixed]; take it out of one")
    if not isinstance(sweep.get("title", ""), str):
        raise ValueError(f"sweep {path}: title = {sweep['title']!r:.60}: a text is needed")
    times = _seconds(sweep.get("times", []), path)
    name = module.__name__.removeprefix("study_")
    module.__dict__["title"] = str(sweep.get("title", name))
    module.__dict__["fields"] = (*vary, *fixed)
    module.__dict__["check"] = lambda card: _check(card, vary, fixed)
    module.__dict__["tasks"] = lambda setting: _tasks(name, setting, vary, fixed, times)


def _check(card: memsim.ChipCard, vary: Mapping[str, list], fixed: Mapping[str, Any]) -> None:
    """Raise CardError or ValueError, by name, for fields and values that the card cannot take, before work.

    Each value is tried beside the first of the other fields.
    """
    base, first = change(card, fixed), {name: values[0] for name, values in vary.items()}
    for name, values in vary.items():
        for value in values:
            change(base, {**first, name: value}).check_prices()


def _seconds(times: Any, path: str) -> list[float]:
    """Return times [s], each once; ValueError for what is no list of times."""
    if not isinstance(times, list):
        raise ValueError(f'sweep {path}: times = {times!r} needs a list, such as ["1s", "1d"]')
    try:
        return list(dict.fromkeys(seconds(str(time)) for time in times))
    except ValueError as error:
        raise ValueError(f"sweep {path}: times: {str(error).removeprefix('--time ')}") from None


def _tasks(
    name: str, setting: Setting, vary: Mapping[str, list], fixed: Mapping[str, Any], times: list[float]
) -> Iterator[Task]:
    from memsim.studies.evaluation.crossbars import crossbars

    base = change(memsim.ChipCard.parse(dict(setting.card)), fixed)
    at = times or [setting.time]
    for values in product(*vary.values()):
        labels = dict(zip(vary, values, strict=True))
        card = change(base, labels)
        for chips in blocks(setting.chips):
            shared = crossbars(setting, chips, card=card)
            for time in at:
                yield Task(
                    study=name, labels={**labels, "time [s]": time}, shared=shared, own={"time [s]": time}
                )


def change(card: memsim.ChipCard, fields: Mapping[str, Any]) -> memsim.ChipCard:
    """Return a card with fields replaced, named as "section.key" or "key"; CardError for what a card has
    not.
    """
    for name, value in fields.items():
        *tables, key = name.split(".")
        found: Any = card.model_dump(by_alias=True)
        for depth, table in enumerate(tables):
            found = found.get(table)
            if not isinstance(found, dict):
                raise ValueError(f"{name}: a card has no section {'.'.join(tables[: depth + 1])!r}")
        changes = {key: value}
        for table in reversed(tables):
            changes = {table: changes}
        card = card.replace(**changes)
    return card
