"""What `memsim train` does: a data set and a kind of attention to a checkpoint with its record, resumable.

With a card, a trained network becomes one that is hardened for its chips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import memsim
from memsim import models
from memsim.models.datasets.catalog import load as load_data
from memsim.models.known import fold_of, trained
from memsim.models.registry import NETWORK, configure
from memsim.models.training.hardware_aware import HARDENING, harden
from memsim.models.training.metrics import read_rows
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.train import train
from memsim.studies.evaluation.times import span
from memsim.studies.reports.training_figure import draw


def train_command(
    dataset: str,
    *,
    attention: str,
    options: Mapping[str, Any],
    seed: int,
    resume: bool,
    data: Path | None,
    out: Path,
    plot: Path | None,
    advance: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Train a network and save it as OUT/NAME.safetensors; returns its record.

    A data set without a bundled network gets two layers of width 64. `options` are fields of a recipe that
    are not as the data set's has them; None: as it has. OUT/NAME.state holds the training after each epoch,
    so a stopped one goes on; it is removed at the end. OUT/NAME.jsonl has a row for each epoch.
    """
    images = load_data(dataset, data or "data")
    shape = {"in_shape": images.in_shape, "num_classes": max(2, len(images.classes))}
    whole, fold = fold_of(images.name)
    config = configure(NETWORK.get(whole, "s2tdpt-2-64"), **shape, attention=attention)
    recipe = recipe_for(images.name)
    base = NETWORK.get(whole) or _name_of(Path(whole))
    name = base if attention == "stdp" else f"{base}-{attention}"
    if fold is not None:
        name = f"{name}-{fold[0]}of{fold[1]}"
    return _trained(
        name, recipe_of(recipe, options), out, resume, plot, advance,
        lambda recipe, how: train(images, config, seed=seed, recipe=recipe, **how),
    )  # fmt: skip


def recipe_of(recipe: Recipe, options: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other fields, but those that are None; ValueError, naming the field, for what is
    not allowed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Recipe.model_validate({**recipe.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        field = "--" + str(first["loc"][0]) if first["loc"] else ""
        said = f"{field} {first['input']!r}: {first['msg']}" if field else first["msg"]
        raise ValueError(said.replace("Value error, ", "").replace("Input should", "it should")) from None


def schedule_of(text: str | None) -> tuple[tuple[int, float], ...] | None:
    """Return the schedule of "1:0.8,4:0.2", pairs of time steps and shares; ValueError for other words."""
    if text is None:
        return None
    try:
        pairs = [part.split(":") for part in text.split(",")]
        return tuple((int(T), float(share)) for T, share in pairs)
    except ValueError:
        raise ValueError(
            f"--steps {text!r}: pairs STEPS:SHARE, separated by commas, are needed, such as 1:0.8,4:0.2; "
            "shares add up to 1"
        ) from None


def _trained(
    name: str, recipe: Recipe, out: Path, resume: bool, plot: Path | None,
    advance: Callable[[str, int, int], None], work: Callable[[Recipe, dict[str, Any]], models.Network],
) -> dict[str, Any]:  # fmt: skip
    """Train by `work` and save as OUT/NAME.safetensors; returns the record.  plot: of the rows, each epoch.

    OUT/NAME.state holds the training after each epoch; it is removed at the end.
    """
    state, metrics = out / f"{name}.state", out / f"{name}.jsonl"
    if not resume:
        state.unlink(missing_ok=True)

    def progress(row: dict[str, Any]) -> None:
        if plot is not None:
            draw(read_rows(metrics), name, plot)
        said = f"{name}: loss {row['loss']:.3f}, validation {row['val_accuracy']:.4f}"
        advance(said, row["epoch"] + 1, recipe.epochs)

    net = work(recipe, {"state": state, "metrics": metrics, "progress": progress})
    path = models.save(net, out / f"{name}.safetensors")
    state.unlink(missing_ok=True)
    return {"checkpoint": str(path), **net.record}


def _name_of(file: Path) -> str:
    """Return the name of the network of a data file: s2tdpt-STEM, with "-npz" where a bundled one has it."""
    name = f"s2tdpt-{file.stem}"
    return f"{name}-npz" if name in NETWORK.values() else name


def harden_command(
    dataset: str,
    *,
    card: str,
    times: str,
    attention: str,
    options: Mapping[str, Any],
    seed: int,
    resume: bool,
    data: Path | None,
    out: Path,
    plot: Path | None,
    advance: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Harden the data set's network, OUT/NAME.safetensors or else the bundled one, for chips of a card.

    times: one or two, as "1s,1y".  Saved as OUT/NAME-hardened-CARD.safetensors; returns its record.
    """
    images, chosen = load_data(dataset, data or "data"), memsim.ChipCard.load(card)
    base = NETWORK.get(images.name, f"s2tdpt-{images.name}")
    start = base if attention == "stdp" else f"{base}-{attention}"
    own = out / f"{start}.safetensors"
    if not own.is_file() and start not in trained():
        raise ValueError(f"no {own} and no bundled {start} to harden: train it first (no --card)")
    recipe = recipe_for(images.name).model_copy(update=dict(HARDENING))
    net = models.load(own if own.is_file() else start)
    return _trained(
        f"{start}-hardened-{Path(card).stem}", recipe_of(recipe, options), out, resume, plot, advance,
        lambda recipe, how: harden(
            net, images, chosen, seed=seed, recipe=recipe, times=span(times), **how
        ),
    )  # fmt: skip
