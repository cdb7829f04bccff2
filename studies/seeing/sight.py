"""Maps of one network: digitally, and on chips at several times after programming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

import memsim
from memsim.models.seeing.class_layer import class_layer, with_head
from memsim.models.seeing.kinds import Maps, maps
from memsim.models.seeing.places import Layer, chosen, layers
from memsim.models.seeing.view import View, digital, on_chips
from memsim.studies.evaluation.digital import Advance, probe
from memsim.studies.evaluation.map_agreement import TRIED
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import TestData
from memsim.studies.evaluation.trials import calibration


@final
@dataclass(frozen=True, eq=False)
class Sight:
    """One network and its maps."""

    title: str
    images: Tensor  #: (B, ..., C, H, W)
    labels: Tensor  #: (B)
    classes: Tensor  #: (B), the classes that the maps are evidence for
    names: tuple[str, ...]  #: of the classes, where the data set has them
    layer: Layer
    exact: bool  #: the linear head reads this layer's mean: no surrogate gradient is in the map
    view: View  #: of the digital network
    digital: Maps
    times: dict[float, Maps]  #: by time since programming [s]


def sight(
    subject: Subject,
    data: TestData,
    card: memsim.ChipCard,
    *,
    chips: int,
    times: Sequence[float],
    layer: str | None = None,
    classes: str | int = "label",
    seed: int = 0,
    output: Any = None,
    advance: Advance = lambda *_: None,
) -> Sight:
    """See where a network looks, digitally and on the same chips at times [s] after programming.

    layer: None for the one that the linear head reads, or, where there is none, the last that holds a map.
    classes: "label", "answer" (the digital network's) or a class's number.  Raises ValueError, before the
    chips are programmed, for a network without a map, a layer that holds none, and classes that are none.
    """
    images, labels = data.sets[data.name]
    dtype = torch.float64 if card.ideal else torch.float32
    probe(subject.net, data, dtype, output=output)
    plain = digital(subject.net, batch_axis=data.batch_axis, output=output, dtype=dtype)
    found, at, exact = place(plain, images, layer, subject.title)
    plain = with_head(plain, images[:TRIED])
    wanted = _classes(plain, images, labels, classes)
    own = maps(plain, images, at, wanted, found)
    chip = memsim.to_crossbar(
        subject.net, card, chips=chips, seed=seed, output=output, batch_axis=data.batch_axis,
        calibration=calibration(subject, data, own=subject.calibration),
    )  # fmt: skip
    chip.program(advance)
    seen = {}
    for number, time in enumerate(sorted(set(times))):
        chip.advance_to(time)
        seen[time] = maps(on_chips(chip, plain.head), images, at, wanted, found)
        advance(f"{subject.title}: maps", number + 1, len(times))
    names = () if data.whole is None else data.whole.classes
    return Sight(subject.title, images, labels, wanted, names, at, exact, plain, own, seen)


def class_name(sight: Sight, number: int) -> str:
    """Return a class as a figure names it: its name, else its number."""
    return sight.names[number] if number < len(sight.names) else str(number)


def place(view: View, images: Tensor, name: str | None, title: str) -> tuple[dict[str, Layer], Layer, bool]:
    """Return layers with a map, the one to look at, and whether maps are exact there.

    Raises ValueError where no layer holds a map, and for a name of none that does.
    """
    if images.dim() not in (4, 5):
        raise ValueError(
            f"{title}: inputs of shape {tuple(images.shape[1:])} are no pictures (channels, height, width) "
            "and no event frames (steps, channels, height, width)"
        )
    found = layers(view.net, images[:TRIED].movedim(0, view.batch_axis), view.batch_axis)
    if not found:
        raise ValueError(
            f"{title}: no layer holds a map of the picture, {images.shape[-2]} x {images.shape[-1]} or in "
            "proportion to it; are pixels or tokens flattened, or is there a class token?"
        )
    read = class_layer(with_head(view, images[:TRIED]), found, images[:TRIED])
    if name is not None:
        at = chosen(found, name)
        return found, at, read is not None and at.name == read.name
    return found, read or list(found.values())[-1], read is not None


def _classes(view: View, images: Tensor, labels: Tensor, wanted: str | int) -> Tensor:
    """Return the class (B) of each image's maps."""
    if wanted == "label":
        return labels
    with torch.no_grad():
        logits = view.run(images.movedim(0, view.batch_axis), range(len(images)))[0]
    if wanted == "answer":
        return logits.argmax(-1)
    if isinstance(wanted, int) and 0 <= wanted < logits.shape[-1]:
        return torch.full_like(labels, wanted)
    raise ValueError(
        f"class = {wanted!r}: label, answer (the digital network's), or a number from 0 to "
        f"{logits.shape[-1] - 1}"
    )
