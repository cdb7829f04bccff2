"""The account of a comparison: what its report is made from, as values that run.json keeps.

A report is drawn from an account alone, after a run and again from its folder, and so is the same both times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

import memsim
from memsim.energy.break_even import Balance
from memsim.energy.line import Line
from memsim.energy.work import Attention, Matrix, Neurons, Other, TwoSignals
from memsim.prices.events import SILENT_PULSES, SILENT_TIES
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports.findings import map_errors
from memsim.studies.running import provenance
from memsim.studies.running.comparison_file import Kept
from memsim.studies.running.finite import finite, not_finite, restored

if TYPE_CHECKING:
    from memsim.studies.evaluation.comparison import Comparison

WORKS = {kind.__name__: kind for kind in (Matrix, Attention, Neurons, TwoSignals, Other)}
BINS = 60  #: of a histogram of conductances
OF = {
    "clipped conversions": ("adc", "conversions"),
    "floored conductances": ("reset", "device writes"),
    SILENT_TIES: ("pulse", "pulses"),
    SILENT_PULSES: ("pulse", "pulses"),
}
"""The event of which a note counts a share, and what a report calls it."""


@final
@dataclass(frozen=True, kw_only=True)
class Account:
    """Everything that the report of a comparison shows."""

    setting: Setting
    card: memsim.ChipCard
    summary: Mapping[str, Any]  #: what ``memsim compare --json`` prints
    worth: Sequence[dict[str, Any]] = ()  #: rows of what attention is worth, if they were asked for
    notes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  #: as `notes_of` gives them
    sample: Mapping[str, Any] = field(default_factory=dict)  #: as `sample_of` gives it
    balance: Balance | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  #: versions the comparison ran with

    @classmethod
    def of(cls, comparison: Comparison, worth: Sequence[dict[str, Any]] | None = None) -> Account:
        """Return the account of a comparison that was just run."""
        return cls(
            setting=comparison.setting, card=comparison.card, summary=comparison.summary(), worth=worth or (),
            notes={} if comparison.chip is None else notes_of(comparison.chip.ledger),
            sample=sample_of(comparison.sample), balance=comparison.balance,
            environment=provenance.versions(),
        )  # fmt: skip

    @classmethod
    def read(cls, kept: Kept) -> Account:
        """Return the account that a comparison's folder holds; ValueError where its run kept none."""
        found = dict(kept.account)
        if not found:
            raise ValueError(
                f"{kept.folder} was written by a version of memsim that did not record what a report needs "
                "(its report.html stays as it is); run the comparison again"
            )
        summary = restored(kept.summary, found.pop("not finite"))
        worth, balance = summary.pop("worth", ()), found.pop("balance")
        card = memsim.ChipCard.parse(dict(kept.setting.card), origin=str(kept.folder / "run.json"))
        if balance is not None:
            lines = [Line(*line) for line in balance["lines"]]
            works = [WORKS[kind](**fields) for kind, fields in balance["works"]]
            balance = Balance(lines=lines, works=works, card=card)
        return cls(setting=kept.setting, card=card, summary=summary, worth=worth, balance=balance, **found)

    @property
    def result(self) -> dict[str, Any]:
        """The summary with the worth of attention: what result.json holds."""
        return dict(self.summary) | ({"worth": list(self.worth)} if self.worth else {})

    def json(self) -> dict[str, Any]:
        """Return what run.json holds of the account beside setting and result."""
        balance = self.balance
        return {
            "not finite": not_finite(self.result),
            "notes": finite(self.notes),
            "sample": finite(self.sample),
            "environment": dict(self.environment),
            "balance": None if balance is None else {
                "lines": [list(vars(line).values()) for line in balance.lines],
                "works": [[type(work).__name__, asdict(work)] for work in balance.works],
            },
        }  # fmt: skip


def notes_of(ledger: memsim.Ledger) -> dict[str, dict[str, float]]:
    """Return the number of events without a price for an image and chip, and of how many events they are."""
    totals: dict[str, float] = {}
    for (_, what), number in ledger.notes.items():
        totals[what] = totals.get(what, 0.0) + number / max(ledger.images, 1)
    return {
        what: {"number": number} | ({"of": ledger.number(OF[what][0])} if what in OF else {})
        for what, number in totals.items()
    }


def sample_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report draws of single devices and images, from all that was sampled.

    maps: of the first and the last layer with attention, at the last step, digital and written (H, N, N),
    to five decimals; map errors: a row for each layer; conductances: histograms of both devices of a pair.
    """
    out: dict[str, Any] = {}
    digital, written = sample.get("digital_maps", {}), sample.get("crossbar_maps", {})
    if layers := [layer for layer in digital if layer in written]:
        out["image"] = np.round(np.asarray(sample["image"], dtype=float), 5).tolist()
        out["map errors"] = map_errors(digital, written)
        out["maps"] = [
            _maps(name, digital[name], written[name]) for name in dict.fromkeys((layers[0], layers[-1]))
        ]
    if sample.get("before") and sample.get("after"):
        out["conductances"] = histogram(sample["before"], sample["after"])
    return out


def _maps(layer: str, digital: Any, written: Any) -> dict[str, Any]:
    step = digital.shape[1] - 1
    both = {"digital": digital, "written": written}
    last = {name: np.asarray(maps, dtype=float)[:, step] for name, maps in both.items()}
    return {"layer": layer, "step": step} | {name: np.round(one, 5).tolist() for name, one in last.items()}


def histogram(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many devices have which conductance, of G+ and of G-, before and after.

    before, after: conductances [S] of each layer, (2, ...) or flattened, all G+ before all G-.  top: end of
    the last of `BINS` equal bins, which begin at 0 [S].
    """
    pooled = {"before": _sides(before), "after": _sides(after)}
    top = max(max(float(values.max()) for sides in pooled.values() for values in sides), 1e-9) * 1.0001
    edges = np.linspace(0, top, BINS + 1)
    counted = {
        name: [np.histogram(values, edges)[0].tolist() for values in sides] for name, sides in pooled.items()
    }
    return {"top [S]": top} | counted


def _sides(states: Mapping[str, Any]) -> list[np.ndarray]:
    return [np.concatenate([np.asarray(g).reshape(2, -1)[side] for g in states.values()]) for side in (0, 1)]
