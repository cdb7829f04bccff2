"""What `memsim see` does: maps of one network, or of several beside one another, to a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

import memsim
from memsim.models.seeing.agreement import MEASURES
from memsim.models.seeing.kinds import ATTENTION, CLASS, SPIKES
from memsim.studies.commands.options import refuse_unread_folder
from memsim.studies.commands.unfit import refuse_too_many, refuse_unwritten
from memsim.studies.evaluation.digital import Advance
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data
from memsim.studies.reports.quantities import duration
from memsim.studies.seeing import folder as files
from memsim.studies.seeing.map_figure import map_figure
from memsim.studies.seeing.number_figures import agreement_figure, curve_figure, raster_figure
from memsim.studies.seeing.numbers import check, controls, over_times, summary
from memsim.studies.seeing.sight import sight

FIGURES = {CLASS: "class-maps", SPIKES: "spike-maps", ATTENTION: "attention-maps"}
"""Kinds of maps -> their figure."""


def see(
    networks: Sequence[str | NetFile],
    card: memsim.ChipCard,
    *,
    dataset: str | None,
    data: str,
    folder: bool = False,
    images: int,
    written: Sequence[str],
    all_images: bool,
    times: Sequence[float],
    chips: int,
    layer: str | None,
    classes: str | int,
    seed: int,
    out: Path,
    advance: Advance,
) -> dict[str, Any]:
    """Look into networks, write figures and numbers to `out`, and return the numbers.

    The first network is checked besides: randomised weights, other pictures, deletion and insertion.
    written: options that act on written attention alone.  folder: whether a folder of data sets is asked for,
    which is refused where the data do not lie in one.  all_images: refuse to take fewer images.
    """
    files.check_new(out)
    subjects = [Subject.made(one) if isinstance(one, NetFile) else Subject.load(one) for one in networks]
    refuse_unwritten(written, {card.attention.order}, subjects)
    if folder:
        refuse_unread_folder(subjects[0].on(dataset))
    if all_images:
        refuse_too_many(images, subjects[0].on(dataset), data)
    source = test_data(subjects[0].on(dataset), images=images, folder=data)
    sights = [
        sight(subject, source, card, chips=chips, times=times, layer=layer, classes=classes, seed=seed,
              advance=advance)
        for subject in subjects
    ]  # fmt: skip
    found = [over_times(one) for one in sights]
    beside, tests = [controls(one, seed) for one in sights], [check(one, seed) for one in sights]
    parts = zip(sights, found, beside, tests, strict=True)
    numbers = {
        "dataset": source.name,
        "card": card.name,
        "chips": chips,
        "seed": seed,
        "class": classes,
        "networks": [summary(*part) for part in parts],
    }
    chance = numbers["networks"][0]["overlap by chance [1]"]
    shown = {one.title: kinds for one, kinds in zip(sights, found, strict=True)}
    figures = {
        FIGURES[kind]: map_figure(sights, kind) for kind in FIGURES if any(kind in kinds for kinds in found)
    }
    figures |= {
        "agreement": agreement_figure(shown, beside[0], chance),
        "deletion": curve_figure(tests[0]),
    }
    if sights[0].digital.raster:
        figures["raster"] = raster_figure(sights[0])
    paths = files.write(out, numbers, figures)
    return numbers | {"files": [str(path) for path in paths]}


def table(numbers: dict[str, Any]) -> Table:
    """Return the agreement of every network's maps, a line for each kind and time, and the controls."""
    shown = Table("", "maps", "", *MEASURES, box=None)
    for one in numbers["networks"]:
        for kind, times in one["agreement"].items():
            for time, measures in times.items():
                when = f"after {duration(float(time.split()[0]))}"
                shown.add_row(one["network"], kind, when, *map(_cell, measures.values()))
        for name, measures in one["controls"].items():
            shown.add_row(one["network"], "class activation", name, *map(_cell, measures.values()))
    return shown


def _cell(found: dict[str, Any]) -> str:
    if found["mean"] is None:
        return "none has an order"
    low, high = found.get("over chips and images", found["over chips"])
    ends = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{found['mean']:.2f}{ends}".replace("-", "−")
