"""One network on a block of simulated chips, beside its one digital run: what command line, studies and
Python all measure.

Agreement and spike mismatch are against the digital run, whatever was changed on the chips; of another
training no spike can be compared.  Ideal cells and engine aihwkit have no energy and no latency: these are
absent, not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim.arrays.writing.array_wear import ArrayWear
from memsim.card.sections import Compensation
from memsim.energy import baselines
from memsim.energy.area import areas, known
from memsim.energy.band import ends
from memsim.mapping.state import NetState
from memsim.models.measures import cross_entropy, margin
from memsim.prices.events import SILENT_PULSES
from memsim.studies.evaluation.by_layer import built
from memsim.studies.evaluation.digital import Advance, Digital, Output, Part, checked, picked
from memsim.studies.evaluation.map_agreement import DigitalMaps
from memsim.studies.evaluation.marks import DIGITAL, marks
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.taps import SpikeCounts, Taps


@dataclass
class Trial:
    """A network on its programmed chips, and its digital run."""

    digital: Digital
    chips: Sequence[int]  #: names
    chip: memsim.Chip | None = None
    changed: nn.Module | None = None  #: without a chip: the network measured in its place, chips being [0]
    card: memsim.ChipCard | None = None
    engine: str = "memsim"
    retrained: bool = False  #: another training than the digital run's: spikes cannot be compared
    training: Callable[[int], Tensor | None] = lambda count: None  #: a number of images as it was trained on
    seen: Callable[[int], DigitalMaps | None] = lambda count: None  #: maps of a number of test images
    output: Output = None

    @property
    def priced(self) -> bool:
        """Whether the crossbars' events are counted and have prices: no hardware has the energy of ideal
        cells, and aihwkit's own layers report no events.
        """
        return self.chip is not None and self.engine == "memsim" and not self.chip.card.ideal


@dataclass
class Measured:
    """What a trial answered: logits (S, B, classes) of each test set, spikes, and what it cost."""

    trial: Trial
    logits: dict[str, Tensor] = field(default_factory=dict)
    spikes: SpikeCounts = field(default_factory=lambda: SpikeCounts(0))
    recalibration: Mapping[str, float] = field(default_factory=dict)
    maps: Mapping[str, list[float]] = field(default_factory=dict)  #: agreement of maps, by measure and chip

    @property
    def counted(self) -> bool:
        """Whether any event of the crossbars was counted that has a price."""
        chip = self.trial.chip
        return chip is not None and self.trial.priced and bool(chip.ledger.lines())

    @cached_property
    def result(self) -> Result:
        """The result of a task, computed once, when it is first read."""
        per_chip, total, kept = {}, {}, {}
        for name, logits in self.logits.items():
            prefix = "" if name == self.trial.digital.name else "harder "
            part = self.trial.digital.sets[name]
            counted = right(logits, part, prefix)
            columns, common = scores(logits, counted, part, prefix)
            per_chip |= columns
            total |= common
            kept |= {column: [marks(one) for one in rows] for column, rows in counted.items()}
        if self.spikes.steps and not self.trial.retrained:
            per_chip["spike mismatch [1]"] = self.spikes.mismatch
        per_chip |= self.maps
        if self.counted:
            total |= self._costs()
        return Result(per_chip=per_chip, total=total, marks=kept)

    def _costs(self) -> dict[str, Any]:
        """Return what an image costs a chip in energy, time, pulses and wear, and what keeping it fresh
        cost.
        """
        chip = self.trial.chip
        assert chip is not None
        attention, worn = chip.attention_arrays.values(), most_worn(chip)
        band = ends(chip.ledger.lines(), chip.card).band
        out: dict[str, Any] = {
            "energy [J]": chip.ledger.energy,
            "energy, low [J]": band.low,
            "energy, high [J]": band.high,
            "breakdown [J]": chip.ledger.breakdown(),
            "latency [s]": chip.ledger.latency,
            "kappa [1]": max(
                (a.kappa for a in (*chip.weight_arrays.values(), *attention) if a.kappa > 0), default=0.0
            ),
            "upkeep": chip.upkeep,
            "recalibration energy [J]": self.recalibration["energy [J]"],
        }
        area, missing = known(areas(built(chip, self.trial.digital.works), chip.card))
        if area and not missing:
            out["area [m2]"] = area
        if self.trial.digital.works:
            out["digital energy [J]"] = baselines.energies(self.trial.digital.works, chip.card)
        if worn is not None:
            out |= {
                "pulses": chip.ledger.number("pulse"),
                "silent pulses": chip.ledger.noted(SILENT_PULSES),
                "attention devices": sum(array.wear.device_count for array in attention),
                "attention cycles": worn.cycles,
                "silent cycles": worn.silent_cycles,
            }
        return out


@torch.no_grad()
def execute(
    trial: Trial,
    time: float,
    *,
    compensation: Compensation | None = None,
    recalibrate: int = 0,
    maps: int = 0,
    advance: Advance = lambda *_: None,
) -> Measured:
    """Run all test images at a time [s] since programming and with a compensation (None: the card's).

    recalibrate: the number of training images that re-estimate the batch norms at that time first; maps: of
    how many test images the class-activation maps are compared with the digital network's.
    """
    found = Measured(trial, spikes=SpikeCounts(len(trial.chips)))
    chip = trial.chip
    if chip is not None:
        chip.advance_to(time, compensation=compensation)
        found.recalibration = chip.recalibrate(trial.training(recalibrate))
        chip.ledger.clear()
    if chip is None and trial.changed is None:
        return found
    for name, part in trial.digital.sets.items():
        plain = name == trial.digital.name
        if chip is not None:
            chip.ledger.open = plain
        counts = found.spikes if plain and not trial.retrained else None
        found.logits[name] = _answers(trial, part, counts, lambda done, of, n=name: advance(n, done, of))
    digital_maps = trial.seen(maps) if maps and chip is not None else None
    if chip is not None and digital_maps is not None:
        found.maps = digital_maps.agreement(chip)
    return found


def _answers(
    trial: Trial, part: Part, counts: SpikeCounts | None, advance: Callable[[int, int], None]
) -> Tensor:
    """Return logits (S, B, classes) of a test set; spikes are entered into the counts."""
    net = trial.changed if trial.chip is None else trial.chip.net
    size = len(trial.chips)
    out = []
    for ids in part.batches(size):
        x = part.images[ids.start : ids.stop].movedim(0, trial.digital.batch_axis)
        with Taps(net if counts is not None else None) as taps:
            logits = _call(trial, x, ids)
        out.append(torch.stack([checked(one, len(ids), part.labels) for one in logits]))
        if counts is not None:
            counts.add(taps.bits(size * len(ids)), part.spikes, ids)
        advance(ids.stop, len(part.images))
    return torch.cat(out, 1)


def _call(trial: Trial, x: Tensor, ids: range) -> Tensor:
    """Return logits (S, B, classes) of one pass; x as the network takes it."""
    if trial.chip is not None:
        return trial.chip(x, image=ids)
    assert trial.changed is not None
    state = NetState(trial.changed)
    found = picked(trial.changed(x), trial.output)[None]
    state.restore()
    return found


def scores(
    logits: Tensor, counted: Mapping[str, Tensor], part: Part, prefix: str = ""
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Return how answers (S, B, classes) fit the labels, by chip, and the digital network's beside them;
    counted: `right` of the same.
    """
    labels, digital = part.labels, part.logits.argmax(-1) == part.labels
    columns = {column: rows.double().mean(-1).tolist() for column, rows in counted.items()}
    columns |= {
        f"{prefix}cross-entropy [nat]": [cross_entropy(one, labels) for one in logits],
        f"{prefix}margin [1]": [margin(one, labels) for one in logits],
    }
    common = {
        f"{prefix}images": len(labels),
        f"{prefix}digital accuracy [1]": float(digital.double().mean()),
        f"{prefix}digital cross-entropy [nat]": cross_entropy(part.logits, labels),
        f"{prefix}accuracy [1]{DIGITAL}": marks(digital),
    }
    return columns, common


def right(logits: Tensor, part: Part, prefix: str = "") -> dict[str, Tensor]:
    """Return which answers (S, B) are right, and which are the digital network's."""
    found = logits.argmax(-1)
    return {
        f"{prefix}accuracy [1]": found == part.labels,
        f"{prefix}agreement [1]": found == part.logits.argmax(-1),
    }


def most_worn(chip: memsim.Chip) -> ArrayWear | None:
    """Return the attention layer whose devices go through most cycles for an image; None without any."""
    layers = (array.wear for array in chip.attention_arrays.values())
    return max(layers, key=lambda one: one.cycles, default=None)
