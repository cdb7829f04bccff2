"""One network, run twice: digitally and on a stack of simulated chips; everything that differs, measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import memsim
from memsim.card.cautions import cautions
from memsim.energy import baselines
from memsim.energy.area import areas, utilisation
from memsim.energy.band import Band, Verdict, ends
from memsim.energy.break_even import Balance, rival
from memsim.energy.lifetime import life
from memsim.energy.line import total
from memsim.energy.moving import buffers
from memsim.energy.nodes import node, other_nodes
from memsim.energy.whole_tiles import whole
from memsim.energy.work import Rewritten, Work, spike_rate
from memsim.models.measures import score
from memsim.prices.events import SILENT_PULSES, SILENT_TIES
from memsim.studies.evaluation import by_layer
from memsim.studies.evaluation.digital import spike_rates
from memsim.studies.evaluation.execution import Measured, most_worn
from memsim.studies.evaluation.intervals import Estimate
from memsim.studies.evaluation.marks import marks
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting


@final
@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found; ``summary`` is what ``memsim compare --json`` prints, ``result`` what a task
    of a study gives for the same run.
    """

    setting: Setting
    card: memsim.ChipCard
    measured: Measured
    sample: dict[str, Any] = field(default_factory=dict)  #: attention maps and conductances, for a report
    beside: Comparison | None = None  #: of engine aihwkit: the same card on engine memsim
    lacking: tuple[str, ...] = ()  #: effects of the card that are off because aihwkit has none of them
    inputs: Mapping[str, str] = field(default_factory=dict)  #: digests of the network and of the data

    def __repr__(self) -> str:
        name, engine = self.setting.title, self.setting.engine
        if self.chip is None:
            return f"Comparison({name!r}, digital {self.digital_accuracy:.2%})"
        found = f"digital {self.digital_accuracy:.2%}, {len(self.chip.chips)} chips {self.accuracy.mean:.2%}"
        return f"Comparison({name!r}, {found}, engine {engine!r})"

    @property
    def chip(self) -> memsim.Chip | None:
        """The chips; None for engine digital."""
        return self.measured.trial.chip

    @property
    def result(self) -> Result:
        """Values by chip, and what the chips have in common."""
        return self.measured.result

    @property
    def digital_accuracy(self) -> float:
        """Share of inputs the digital network answers rightly [1]."""
        part = self.measured.trial.digital.plain
        return float((part.logits.argmax(-1) == part.labels).double().mean())

    @property
    def accuracy(self) -> Estimate:
        """The same on the chips, a mean with its 95 % interval over chips; ValueError for engine digital."""
        return self._estimate("accuracy [1]")

    @property
    def agreement(self) -> Estimate:
        """Share of inputs the chips answer as the digital network does [1]; ValueError for engine digital."""
        return self._estimate("agreement [1]")

    def _estimate(self, column: str) -> Estimate:
        if self.chip is None:
            raise ValueError("engine digital ran no chips")
        return self.point.estimate(column)

    @property
    def point(self) -> Point:
        """What the chips gave, as a point of a study."""
        assert self.chip is not None
        found, chips = self.result.json(), list(self.measured.trial.chips)
        return Point(labels={}, chips=chips, per_chip=found["per_chip"], total=found["total"],
                     series=found["series"], marks=found.get("marks", {}))  # fmt: skip

    @property
    def record(self) -> dict[str, Any]:
        """What is compared with another comparison: digests, chips, every answer of both runs."""
        trial = self.measured.trial
        return {
            **self.inputs,
            "chips": [] if self.chip is None else list(trial.chips),
            "result": self.result.json(),
            "digital": {
                name: marks(part.logits.argmax(-1) == part.labels)
                for name, part in trial.digital.sets.items()
            },
        }

    @property
    def works(self) -> list[Work]:
        """What the digital network did for one image."""
        return self.measured.trial.digital.works

    @property
    def on_arrays(self) -> list[Work]:
        """The digital counts of the layers that are arrays on the chip."""
        arrays = {} if self.chip is None else {**self.chip.weight_arrays, **self.chip.attention_arrays}
        return [work for work in self.works if work.name in arrays]

    @property
    def built(self) -> list[Work | Rewritten]:
        """The layers that are arrays on the chip, with those that are rewritten: what takes area."""
        return [] if self.chip is None else by_layer.built(self.chip, self.works)

    @property
    def energy(self) -> dict[str, float]:
        """Energy of an image [J]: the digital baselines, the crossbars without and with memory; what was not
        counted is absent.
        """
        found = baselines.energies(self.works, self.card) if self.works else {}
        if self.chip is not None and self.measured.counted:
            found["crossbar"] = self.chip.ledger.energy
            found["crossbar_memory"] = found["crossbar"] + self._in_memory
        return found

    @property
    def _in_memory(self) -> float:
        """Energy of an image [J] that any execution takes for memory."""
        return total(buffers(self.works, self.card))

    @property
    def bands(self) -> dict[str, Band]:
        """The crossbars' energies of an image [J] from bottom-up parts to a published chip's column; {} where
        none was counted.
        """
        if self.chip is None or not self.measured.counted:
            return {}
        found = ends(self.chip.ledger.lines(), self.card).band
        return {"crossbar": found, "crossbar_memory": found.plus(self._in_memory)}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Against each digital baseline, which takes less energy: "crossbars", "digital" or "not decided"."""
        energy, bands = self.energy, self.bands
        names = [name for name in baselines.BASELINES if f"digital_{name}" in energy] if bands else []
        return {f"digital_{name}": bands[rival(name)].against(energy[f"digital_{name}"]) for name in names}

    @property
    def notes(self) -> dict[str, float]:
        """What costs nothing and must be known, for each image: clipped conversions, floored conductances."""
        ledger = None if self.chip is None else self.chip.ledger
        names = [] if ledger is None else dict.fromkeys(what for _, what in ledger.notes)
        return {what: ledger.noted(what) for what in names} if ledger is not None else {}

    @property
    def mapping(self) -> dict[str, Any]:
        """How many arrays there are, the shares [1] of parameters and operations on them, and which layers
        stay digital, with the reason; {} for engine digital.
        """
        if self.chip is None:
            return {}
        report = self.chip.mapping
        return {
            "weight arrays": len(self.chip.weight_arrays),
            "attention arrays": len(self.chip.attention_arrays),
            "parameters on arrays [1]": report.share("parameters"),
            "operations on arrays [1]": report.share("operations"),
            "digital": {line.layer: line.reason for line in report if line.place != "array"},
        }

    @property
    def balance(self) -> Balance | None:
        """Crossbars against the digital baselines; None where the crossbars have no energy, or do nothing."""
        if self.chip is None or not self.measured.counted:
            return None
        if not (self.chip.ledger.number("adc") and spike_rate(self.works)):
            return None
        return Balance(lines=self.chip.ledger.lines(), works=self.works, card=self.card)

    def summary(self) -> dict[str, Any]:
        """Return the public result; a measure that was not taken is absent, never 0."""
        trial, setting = self.measured.trial, self.setting
        sets = {name: self._set(name) for name in trial.digital.sets}
        out: dict[str, Any] = {
            "model": setting.title,
            "dataset": trial.digital.name,
            "engine": setting.engine,
            "images": len(trial.digital.plain.labels),
            "seed": setting.seed,
        }
        out |= sets.pop(trial.digital.name)
        out |= {f"harder ({name})": found for name, found in sets.items()}
        rates = spike_rates(trial.digital.plain.spikes)
        out |= {"energy": self.energy} if self.energy else {}
        out |= self._decided() if self.energy else {}
        out |= {"spike_rate": rates} if rates else {}
        if self.beside is not None:
            name, theirs = trial.digital.name, self.beside
            out["beside"] = {"engine": "memsim"} | theirs._set(name)
            out["beside"] |= {f"harder ({one})": theirs._set(one) for one in sets}
            out["lacking"] = list(self.lacking)
        return out if self.chip is None else out | self._chips(self.chip)

    def _decided(self) -> dict[str, Any]:
        """Return the bands of the crossbars' energies, what they decide, and the nodes of the prices."""
        bands = {key: band._asdict() for key, band in self.bands.items()}
        found: dict[str, Any] = {"energy_band": bands, "energy_verdict": self.verdicts} if bands else {}
        mixed = other_nodes(self.card)
        return found | {"node": node(self.card)} | ({"other_nodes": mixed} if mixed else {})

    def _set(self, name: str) -> dict[str, Any]:
        """Return the accuracy with intervals, cross-entropy and margin of both executions, and their
        agreement.
        """
        part, prefix = self.measured.trial.digital.sets[name], ""
        out: dict[str, Any] = {"digital": score(part.logits, part.labels)}
        if self.chip is None:
            return out
        prefix = "" if name == self.measured.trial.digital.name else "harder "
        columns = {key: list(values) for key, values in self.result.per_chip.items()}
        name, point = f"{prefix}accuracy [1]", self.point
        loss = point.loss(name)
        assert loss is not None  # execution keeps every answer
        out["crossbar"] = {
            "accuracy": _interval(point.estimate(name)) | {"per_chip": columns[name]},
            "change": _interval(loss),
            "cross_entropy": _mean(columns[f"{prefix}cross-entropy [nat]"]),
            "margin": _mean(columns[f"{prefix}margin [1]"]),
        }
        return out | {"agreement": _mean(columns[f"{prefix}agreement [1]"])}

    def _chips(self, chip: memsim.Chip) -> dict[str, Any]:
        """Return what a summary has of the chips."""
        ledger, arrays, spikes = chip.ledger, chip.attention_arrays, self.measured.spikes
        out: dict[str, Any] = {
            "chips": len(chip.chips),
            "card": self.card.name,
            "weights": str(self.card.weights.cell),
            "off": sorted(self.card.off),
            "time_after_write [s]": self.setting.time,
            "mapping": self.mapping,
            "kappa": {n: a.kappa for n, a in (*chip.weight_arrays.items(), *arrays.items()) if a.kappa > 0},
            "wires": self._wires(chip),
        }
        if spikes.steps:
            out["spike_rate_crossbar"] = spikes.share(spikes.spikes)
            out["spike_mismatch"] = spikes.share(spikes.differ)
        if self.measured.counted:
            out["breakdown"], out["latency [s/image]"] = ledger.breakdown(), ledger.latency
            out["interval [s/image]"] = ledger.interval
            if self.on_arrays:
                out["area [m2]"] = areas(self.built, self.card)
                out["area of whole tiles [m2]"] = areas(whole(self.built, self.card), self.card)
            out["layers"], out["ledger"] = by_layer.layers(chip, self.built), by_layer.ledger(chip)
        if self.on_arrays:
            out["utilisation"] = utilisation(self.on_arrays, self.card)
        if self.notes:
            out["notes"] = self.notes
        if found := cautions(self.card, attention=bool(arrays)):
            out["cautions"] = found
        if faults := {name: defects.summary for name, defects in chip.faults.items()}:
            out["faults"] = faults
        if arrays:
            out |= {"attention_cell": str(self.card.attention.cell), "attention": self._attention(chip)}
        return out

    def _wires(self, chip: memsim.Chip) -> dict[str, Any]:
        """Return what is simulated of the lines of either kind of array, a segment of them, and how long they
        settle at most, beside the shortest read.
        """
        card, sections = self.card, []
        if chip.weight_arrays:
            sections.append(("weights", card.weights))
        if chip.attention_arrays:
            sections.append(("attention", card.attention))
        on = card.on("wires")
        out: dict[str, Any] = {name: section.wires if on else "none" for name, section in sections}
        if math.isnan(card.segment().resistance):
            return out
        out["segment [ohm]"] = card.segment().resistance
        if self.setting.engine == "memsim" and not card.ideal:
            arrays = (*chip.weight_arrays.values(), *chip.attention_arrays.values())
            out["settling [s]"] = max((a.settling for a in arrays if a.settling > 0), default=0.0)
            out["read_time [s]"] = min((section.read_time for _, section in sections), default=0.0)
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


def _interval(found: Estimate) -> dict[str, Any]:
    """Return an estimate as the summary has it: `low` and `high` on these images, `task` over chips and
    images.
    """
    ends = {} if found.task is None else {"task": {"low": found.task.low, "high": found.task.high}}
    return {"mean": found.mean, "low": found.low, "high": found.high} | ends


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
