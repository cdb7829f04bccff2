"""Numbers of maps: how much those of chips agree with the digital network's, beside what means nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.models.seeing.agreement import MEASURES, agree, top_count
from memsim.models.seeing.class_layer import with_head
from memsim.models.seeing.deletion import Curves, curves
from memsim.models.seeing.kinds import CLASS
from memsim.models.seeing.randomised import randomised
from memsim.models.seeing.view import View, class_maps, digital
from memsim.studies.evaluation.intervals import Estimate, Span, crossed, over_chips
from memsim.studies.evaluation.map_agreement import TRIED
from memsim.studies.seeing.sight import Sight

SEEDS = 8
"""Networks with randomised weights."""

Tables = dict[str, Tensor]
"""By measure, one number for each chip and image (chips, images); NaN where a map has no order."""


class Check(NamedTuple):
    """Areas under the curves (images): along the map, and in a random order."""

    along: Curves
    random: Curves


def estimate(values: Tensor, span: tuple[float, float]) -> Estimate:
    """Return the mean over chips and images with its intervals; images where any chip's map has no order left
    out.

    Over chips: Student's t.  With one chip, or chips that do not differ, the interval is over images alone.
    """
    table = values.double().cpu().numpy()
    table = table[:, ~np.isnan(table).any(0)]
    if not table.size:
        nan = float("nan")
        return Estimate(mean=nan, low=nan, high=nan, chips=len(values), halving=None)
    task = _cut(crossed(table), span)
    by_chip = table.mean(1).tolist()
    if len(by_chip) > 1 and max(by_chip) > min(by_chip):
        found = over_chips(by_chip, share=False)
        here = _cut(Span(found.low, found.high), span)
        return replace(found, low=here.low, high=here.high, task=task)
    mean = float(table.mean())
    return Estimate(mean=mean, low=task.low, high=task.high, chips=len(by_chip), halving=None, task=task)


def _cut(interval: Span, span: tuple[float, float]) -> Span:
    return Span(max(interval.low, span[0]), min(interval.high, span[1]))


def over_times(sight: Sight) -> dict[str, dict[float, Tables]]:
    """By kind of map and time [s]: agreement of each chip with the digital network."""
    return {
        kind: {time: agree(seen.kinds[kind], own) for time, seen in sight.times.items() if kind in seen.kinds}
        for kind, own in sight.digital.kinds.items()
    }


def controls(sight: Sight, seed: int = 0) -> dict[str, Tables]:
    """Return the agreement of class-activation maps with what should not agree, each against the digital
    network's: those of the same network with its last matrix, or all of them, randomised (SEEDS of each in
    the place of chips), and the map of the next picture.
    """
    own = sight.digital.kinds[CLASS]
    matrices = [name for name, p in sight.view.net.named_parameters() if p.dim() > 1]
    head = sight.view.head
    last = head.name if head else matrices[-1].rpartition(".")[0] or matrices[-1]
    out = {}
    for name, layers in ((f"last matrix randomised ({last})", last), ("all matrices randomised", "")):
        shown = [
            class_maps(_view(sight, randomised(sight.view.net, seed + n, layers)), sight.images, sight.layer,
                       sight.classes).maps
            for n in range(SEEDS)
        ]  # fmt: skip
        out[name] = agree(torch.cat(shown), own)
    if len(sight.images) > 1:
        out["next picture"] = agree(own.roll(1, 1), own)
    return out


def _view(sight: Sight, net: torch.nn.Module) -> View:
    dtype = next(net.parameters()).dtype
    return with_head(digital(net, batch_axis=sight.view.batch_axis, dtype=dtype), sight.images[:TRIED])


def check(sight: Sight, seed: int = 0) -> Check:
    """Deletion and insertion of the digital network along its own maps, and in a random order."""
    own = sight.digital.kinds[CLASS][0]
    along, random = (
        curves(sight.view, sight.images, order, sight.classes, seed=seed)
        for order in (own, torch.zeros_like(own))
    )
    return Check(along, random)


def summary(
    sight: Sight, found: Mapping[str, Mapping[float, Tables]], beside: Mapping[str, Tables], test: Check
) -> dict[str, Any]:
    """Return the numbers of one network as JSON has them."""
    places = sight.layer.grid[0] * sight.layer.grid[1]
    areas = {}
    for number, name in enumerate(("deletion", "insertion")):
        with_map, without = (one.areas[number] for one in test)
        areas[name] = {
            "along the map [1]": _json(estimate(with_map, (0.0, 1.0))),
            "in a random order [1]": _json(estimate(without, (0.0, 1.0))),
            "difference [1]": _json(estimate(with_map - without, (-1.0, 1.0))),
        }
    return {
        "network": sight.title,
        "layer": sight.layer.name,
        "exact": sight.exact,
        "places": list(sight.layer.grid),
        "images": len(sight.images),
        "digital accuracy [1]": float((sight.digital.answers == sight.labels).double().mean()),
        "accuracy [1]": {
            _seconds(time): float((seen.answers == sight.labels).double().mean())
            for time, seen in sight.times.items()
        },
        "agreement": {
            kind: {_seconds(time): _measures(tables) for time, tables in times.items()}
            for kind, times in found.items()
        },
        "controls": {name: _measures(tables) for name, tables in beside.items()},
        "overlap by chance [1]": top_count(places) / places,
        "areas under curves": areas,
    }  # fmt: skip


def _seconds(time: float) -> str:
    return f"{time:g} s"


def _measures(tables: Tables) -> dict[str, Any]:
    return {
        name: _json(estimate(values, MEASURES[name])) | _missing(values) for name, values in tables.items()
    }


def _missing(values: Tensor) -> dict[str, int]:
    """Return how many images were left out, where any were."""
    gone = int(values.isnan().any(0).sum())
    return {"images without an order": gone} if gone else {}


def _json(found: Estimate) -> dict[str, Any]:
    """Return a mean with its intervals; null for what is unknown."""
    numbers: dict[str, Any] = {"mean": found.mean, "over chips": [found.low, found.high]}
    if found.task is not None:
        numbers["over chips and images"] = list(found.task)
    return {key: _known(value) for key, value in numbers.items()}


def _known(value: Any) -> Any:
    if isinstance(value, list):
        return [_known(one) for one in value]
    return value if value == value and abs(value) != float("inf") else None
