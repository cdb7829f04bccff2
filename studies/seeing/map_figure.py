"""Pictures with maps over them: one row for each execution, one column for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import interpolate

from memsim.models.seeing.agreement import rank_correlation
from memsim.models.seeing.kinds import CLASS
from memsim.studies.reports.figure_style import CROSSBAR, PAGE, drawn
from memsim.studies.reports.quantities import duration
from memsim.studies.seeing.sight import Sight, class_name

SHOWN = 8
"""Pictures of a figure."""

FOR, AGAINST = (0.84, 0.10, 0.0), (0.0, 0.35, 0.85)
"""Colours of values above and below zero; the nearer to zero, the more the picture shows through."""

PIXELS = 96
"""Side of a drawn map."""


class Row(NamedTuple):
    """One execution: its name, maps (B, h, w), answers (B); agreement (B) with the digital maps, if any."""

    name: str
    maps: Tensor
    answers: Tensor
    agreement: Tensor | None


def rows_of(sight: Sight, kind: str, named: bool) -> list[Row]:
    """Return the digital network and its first chip at every time, where it has maps of the kind.

    named: say which network it is, beside others.
    """
    own, before = sight.digital.kinds.get(kind), f"{sight.title}\n" * named
    if own is None:
        return []
    rows = [Row(f"{before}digital", own[0], sight.digital.answers[0], None)]
    for time, seen in sight.times.items():
        found = seen.kinds[kind][0]
        rows.append(
            Row(
                f"{before}a chip\nafter {duration(time)}",
                found,
                seen.answers[0],
                rank_correlation(found, own[0]),
            )
        )
    return rows


@drawn
def map_figure(sights: Sequence[Sight], kind: str) -> Figure:
    """Return maps of one kind over the first pictures, of the networks that have any."""
    rows = [row for sight in sights for row in rows_of(sight, kind, len(sights) > 1)]
    first = sights[0]
    count = min(SHOWN, len(first.images))
    side = PAGE / (count + 1.4)
    figure = Figure(figsize=(PAGE, side * 1.16 * (len(rows) + 1) + 0.1))
    axes = figure.subplots(len(rows) + 1, count, squeeze=False)
    pictures = [picture(image) for image in first.images[:count]]
    for n, ax in enumerate(axes[0]):
        _bare(ax)
        ax.imshow(pictures[n], cmap="gray", vmin=0, vmax=1)
        ax.set_title(class_name(first, int(first.classes[n])), pad=2, fontsize=7)
    _name(axes[0, 0], "picture")
    for row, line in zip(rows, axes[1:], strict=True):
        for n, ax in enumerate(line):
            _bare(ax)
            _overlay(ax, pictures[n], row.maps[n])
            wrong = int(row.answers[n]) != int(first.labels[n])
            said = "" if row.agreement is None else f"{float(row.agreement[n]):.2f}"
            said = said.replace("-0.00", "0.00").replace("-", "−").replace("nan", "no order")
            answer = f"\nsays {class_name(first, int(row.answers[n]))}" * wrong
            ax.set_xlabel((said + answer).strip(), labelpad=1, fontsize=6, color=CROSSBAR if wrong else "0.2")
        _name(line[0], row.name)
    what = "red is evidence for the class, blue against it" if kind == CLASS else "red is high"
    figure.set_label(
        f"Maps of {kind}: {what}; each map has its own scale, from its lowest value or zero to its highest, "
        "and is drawn smoothly over its "
        f"{first.layer.grid[0]} x {first.layer.grid[1]} places. Under each map of a chip stands its rank "
        "correlation with the digital network's; answers that are wrong are said. Over the pictures stands "
        "the class that maps are for."
    )
    return figure


def picture(image: Tensor) -> np.ndarray:
    """Return an image (..., C, H, W) as it can be shown: colours, or the mean over channels; frames added
    up.
    """
    shown = image.double().flatten(0, -4).sum(0) if image.dim() > 3 else image.double()
    if image.dim() > 3 or len(shown) != 3:
        shown = shown.mean(0, keepdim=True)
    top = float(shown.max())
    shown = shown / top if top > 1 else shown
    return shown[0].numpy() if len(shown) == 1 else shown.movedim(0, -1).numpy()


def _overlay(ax: Axes, under: np.ndarray, values: Tensor) -> None:
    """Draw a map over a pale picture."""
    grey = torch.as_tensor(under if under.ndim == 2 else under.mean(-1))
    height, width = grey.shape
    size = (PIXELS, round(PIXELS * width / height))
    sharp = interpolate(grey[None, None], size, mode="nearest")[0, 0]
    smooth = interpolate(values[None, None].double(), size, mode="bilinear", align_corners=False)[0, 0]
    strength = _strength(smooth, values.double())[..., None]
    colour = torch.where((smooth > 0)[..., None], torch.tensor(FOR), torch.tensor(AGAINST))
    pale = (0.35 + 0.65 * sharp)[..., None]
    ax.imshow((pale * (1 - 0.75 * strength) + 0.75 * strength * colour).numpy(), interpolation="nearest")


def _strength(smooth: Tensor, values: Tensor) -> Tensor:
    """Return how strongly a map colours, from 0 to 1: above zero from its lowest value to its highest, so
    that maps above zero everywhere show their order, too; below zero by its size.
    """
    low, high = max(float(values.min()), 0.0), float(values.max())
    up = (smooth - low) / ((high - low) or 1.0)
    down = -smooth / (float(values.abs().max()) or 1.0)
    return torch.where(smooth > 0, up, down).clamp(0, 1)


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _name(ax: Axes, name: str) -> None:
    ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=6.5, labelpad=4)
