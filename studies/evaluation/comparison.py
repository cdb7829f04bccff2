"""One network, run twice: digitally and on a stack of simulated chips; everything that differs, measured."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.arrays.writing.array_wear import ArrayWear
from memsim.arrays.writing.write_events import SILENT_PULSES, SILENT_TIES
from memsim.energy import baselines
from memsim.energy.area import areas, utilisation
from memsim.energy.break_even import Balance
from memsim.energy.digital_work import DigitalWork
from memsim.energy.lifetime import life
from memsim.energy.work import Work, spike_rate
from memsim.mapping.layers import attention_layers
from memsim.models.datasets.catalog import load as load_data
from memsim.models.measures import accuracy, cross_entropy, margin, score
from memsim.models.training.train import CALIBRATION
from memsim.studies.evaluation.intervals import over_chips
from memsim.studies.evaluation.taps import SpikeStatistics, Taps

BATCH = 16
"""Images in one pass; results do not depend on it."""

HARDER = {"digits": "digits-hard"}
"""The harder test set that stands beside a plain one."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to compare."""

    model: str = "s2tdpt-digits"
    card: memsim.ChipCard
    engine: str = "memsim"
    chips: int = 8
    images: int | None = None  #: first so many test images; all where None
    time: float = 86400.0  #: seconds since the weights were programmed [s]
    seed: int = 0
    dataset: str | None = None  #: another data set than the one the network was trained on
    data: str = "data"  #: folder of the data sets that are not embedded


@dataclass
class TestSet:
    """Both executions on one test set; chips S, images B."""

    name: str
    labels: Tensor
    digital: list[Tensor] = field(default_factory=list)  #: logits (B, classes) of each batch
    crossbar: list[Tensor] = field(default_factory=list)  #: logits (S, B, classes) of each batch

    def summary(self) -> dict[str, Any]:
        """Accuracy with intervals, cross-entropy and margin of both, and their agreement."""
        digital = torch.cat(self.digital)
        out: dict[str, Any] = {"digital": score(digital, self.labels)}
        if not self.crossbar:
            return out
        crossbar = torch.cat(self.crossbar, 1)
        per_chip = [accuracy(logits, self.labels) for logits in crossbar]
        mean, low, high = over_chips(per_chip)
        out["crossbar"] = {
            "accuracy": {"mean": mean, "low": low, "high": high, "per_chip": per_chip},
            "cross_entropy": cross_entropy(crossbar, self.labels),
            "margin": margin(crossbar, self.labels),
        }
        out["agreement"] = accuracy(crossbar, digital.argmax(-1))
        return out


@dataclass
class Comparison:
    """What a comparison found; ``summary`` is what ``memsim compare --json`` prints."""

    request: Request
    net: nn.Module
    chip: memsim.Chip | None
    sets: dict[str, TestSet]
    spikes: SpikeStatistics
    works: list[Work]  #: what the digital network did for one image
    images: int
    sample: dict[str, Any]  #: what the report draws: attention maps, conductances

    @property
    def on_arrays(self) -> list[Work]:
        """The digital counts of the layers that are arrays on the chip."""
        arrays = {} if self.chip is None else {**self.chip.weight_arrays, **self.chip.attention_arrays}
        return [work for work in self.works if work.name in arrays]

    @property
    def balance(self) -> Balance | None:
        """Crossbars against the digital baselines; None where the crossbars have no energy, or do nothing."""
        card = self.request.card
        if self.chip is None or not priced(self.request.engine, card):
            return None
        if not (self.chip.ledger.number("adc") and spike_rate(self.works)):
            return None
        return Balance(lines=self.chip.ledger.lines(), works=self.works, card=card)

    def summary(self) -> dict[str, Any]:
        """The public result; a measure that was not taken is absent, never 0."""
        request = self.request
        plain, *harder = (s.summary() for s in self.sets.values())
        out: dict[str, Any] = {
            "model": request.model,
            "dataset": next(iter(self.sets)),
            "engine": request.engine,
            "images": self.images,
            "seed": request.seed,
            "digital": plain["digital"],
            "energy": baselines.energies(self.works, request.card),
            "spike_rate": self.spikes.rate,
        }
        out.update({f"harder ({name})": s for name, s in zip(list(self.sets)[1:], harder, strict=True)})
        if self.chip is None:
            return out
        ledger, arrays = self.chip.ledger, self.chip.attention_arrays
        out |= {
            "chips": len(self.chip.chips),
            "card": request.card.name,
            "weights": str(request.card.weights.cell),
            "attention_cell": str(request.card.attention.cell),
            "off": sorted(request.card.off),
            "time_after_write [s]": request.time,
            "crossbar": plain["crossbar"],
            "agreement": plain["agreement"],
            "spike_rate_crossbar": self.spikes.crossbar_rate,
            "spike_mismatch": self.spikes.mismatch,
            "kappa": {n: a.kappa for n, a in (*self.chip.weight_arrays.items(), *arrays.items()) if a.kappa},
        }
        if priced(request.engine, request.card):
            moved = baselines.total(baselines.buffers(self.works, request.card))
            out["energy"] |= {"crossbar": ledger.energy, "crossbar_memory": ledger.energy + moved}
            out["breakdown"], out["latency [s/image]"] = ledger.breakdown(), ledger.latency
            out["interval [s/image]"] = ledger.interval
            out["area [m2]"] = areas(self.on_arrays, request.card)
        if self.on_arrays:
            out["utilisation"] = utilisation(self.on_arrays, request.card)
        if arrays:
            out["attention"] = self._attention(self.chip)
        return out

    def _attention(self, chip: memsim.Chip) -> dict[str, Any]:
        """Writes, pulses and cycles of an image, and how many images the cells live, where it is known."""
        ledger, cell = chip.ledger, chip.card.attention_cell
        worn = most_worn(chip)
        assert worn is not None
        out: dict[str, Any] = {
            "writes_per_image": ledger.noted("written cells"),
            "pulses_per_image": ledger.number("pulse"),
            "silent_tie_pulses_per_image": ledger.noted(SILENT_TIES),
            "silent_pulses_per_image": ledger.noted(SILENT_PULSES),
            "cycles_per_image": worn.cycles,
            "silent_cycles_per_image": worn.silent_cycles,
        }
        if cell.endurance_range and out["cycles_per_image"]:
            lived = life(cell.technology, cell.endurance_range, out["cycles_per_image"])
            out["lifetime_images"] = {"low": lived.low, "high": lived.high}
        return out


def priced(engine: str, card: memsim.ChipCard) -> bool:
    """Whether the crossbars' events have prices: no hardware has the energy of ideal cells, and aihwkit's own
    layers report no events.
    """
    return engine == "memsim" and not card.ideal


def most_worn(chip: memsim.Chip) -> ArrayWear | None:
    """The attention layer whose devices go through most cycles for an image; None without any."""
    layers = (array.wear for array in chip.attention_arrays.values())
    return max(layers, key=lambda one: one.cycles, default=None)


def compare(request: Request, advance: Callable[[str, int, int], None] = lambda *_: None) -> Comparison:
    """Run a comparison; ``advance(stage, done, total)`` is told how far it is."""
    net = models.load(request.model)
    data = load_data(request.dataset or net.record["dataset"], request.data)
    reference = copy.deepcopy(net).to(torch.float64 if request.card.ideal else torch.float32).eval()
    chip = None
    if request.engine != "digital":
        chip = memsim.to_crossbar(
            net,
            request.card,
            chips=request.chips,
            seed=request.seed,
            engine=request.engine,
            calibration=None if data.name == net.record["dataset"] else data.x_train[:CALIBRATION],
        )
        advance("programming chips", 0, 1)
        chip.program()
        before = _conductances(chip)
        chip.advance_to(request.time)
        chip.ledger.clear()
    names = [data.name, *([HARDER[data.name]] if data.name in HARDER else [])]
    sets, spikes, work = {}, SpikeStatistics(), DigitalWork(reference)
    for name in names:
        source = data if name == data.name else load_data(name)
        count = len(source.x_test) if request.images is None else min(request.images, len(source.x_test))
        sets[name] = TestSet(name, source.y_test[:count])
        plain = name == data.name
        if plain:
            images = count
        if chip is not None:
            chip.ledger.open = plain
        for start in range(0, count, BATCH):
            ids = range(start, min(start + BATCH, count))
            x = source.x_test[start : ids.stop]
            one_batch(sets[name], reference, chip, x, ids, spikes if plain else None, work if plain else None)
            advance(name, ids.stop, count)
    sample = (
        {}
        if chip is None
        else {"before": before, "after": _conductances(chip), **_maps(reference, chip, data)}
    )
    return Comparison(request, net, chip, sets, spikes, work.works, images, sample)


@torch.no_grad()
def one_batch(
    into: TestSet,
    reference: nn.Module,
    chip: memsim.Chip | None,
    x: Tensor,
    ids: range,
    spikes: SpikeStatistics | None,
    work: DigitalWork | None,
) -> None:
    """Both executions of one batch of images."""
    real = next(reference.parameters()).dtype
    with Taps(reference) as digital:
        if work is None:
            into.digital.append(reference(x.to(real)))
        else:
            with work:
                into.digital.append(reference(x.to(real)))
    if chip is None:
        if spikes is not None:
            spikes.add(digital.spikes, digital.spikes, 1)
        return
    with Taps(chip.net) as crossbar:
        into.crossbar.append(chip(x, image=ids))
    if spikes is not None:
        spikes.add(digital.spikes, crossbar.spikes, len(chip.chips))


def _conductances(chip: memsim.Chip) -> dict[str, Tensor]:
    """Conductances [S] of the first chip's weight arrays, both devices of every pair."""
    if chip.run.card.ideal or not all(hasattr(a, "conductance") for a in chip.weight_arrays.values()):
        return {}
    return {name: array.conductance()[0].flatten().clone() for name, array in chip.weight_arrays.items()}


@torch.no_grad()
def _maps(reference: nn.Module, chip: memsim.Chip, data: Any) -> dict[str, Any]:
    """Attention weights A_ij of the first test image, digital and on the first chip: (H, T, N, N) a layer."""
    x = data.x_test[:1]
    was_open, chip.ledger.open = chip.ledger.open, False
    keep: dict[str, Tensor] = {}
    written = {}

    def listen(name: str):
        def hook(leaf: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
            keep[name] = leaf.weights(*inputs[:2])[:, 0].movedim(0, 1)  # type: ignore[operator]

        return hook

    hooks = [m.register_forward_hook(listen(n)) for n, m in attention_layers(reference)]
    reference(x.to(next(reference.parameters()).dtype))
    for hook in hooks:
        hook.remove()
    for array in chip.attention_arrays.values():
        array.recording = True
    chip(x, image=[0])
    for name, array in chip.attention_arrays.items():
        assert array.recorded is not None
        written[name], array.recording = array.recorded[0, 0], False
    chip.ledger.open = was_open
    return {"digital_maps": keep, "crossbar_maps": written, "image": x[0]}
