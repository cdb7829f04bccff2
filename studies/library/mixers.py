"""Mixers: accuracy of every sequence mixer and of controls on every task, over several training seeds.

All networks are digital, to find what a rule can learn without device errors.  The chips of other studies are
training seeds here: --chips 3 trains every network three times.  Tasks are tested at the length of the
training, and some also at another length.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.sequences import ABOUT, SEQUENCES, network, refuse_networks
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports import draw
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

if TYPE_CHECKING:
    from torch import Tensor

    from memsim.models.sequences.task import Batch

title = "Every sequence mixer on every task"

COUNTS = "counts of two symbols"
CONTROLS = ("none", "uniform", "last", "recency", "random-keys")
"""Mixers whose reads do not depend on content, as baselines."""

LEFT_OUT = (
    "landmark-top2", "stick-breaking-stopped", "stick-breaking-rest", "softmax-plain", "mamba-1",
    "forgetting-volatile", "forgetting-drift",
)  # fmt: skip
"""Variants of other mixers, which the tables leave out."""

ASKED: dict[str, tuple[str, int, dict[str, Any], dict[str, Any]]] = {
    "last write wins, 32": ("last-write-wins", 600, {}, {}),
    "last write wins, 64": ("last-write-wins", 600, {}, {"length": 64, "pairs": 12}),
    "needle, 32": ("needle", 300, {}, {}),
    "needle, 256": ("needle", 300, {}, {"length": 256, "shortest": 256}),
    "needle, 512": ("needle", 300, {}, {"length": 512, "shortest": 512}),
    "MQAR, 32": ("mqar", 600, {}, {}),
    "MQAR, 128": ("mqar", 600, {}, {"length": 128, "pairs": 12}),
    "induction": ("induction", 200, {}, {}),
    "selective copying": ("selective-copying", 200, {}, {}),
    "automata": ("automata", 60, {}, {}),
    "characters": ("documentation", 60, {}, {}),
    "passkey, 96": ("passkey", 200, {"length": 96}, {}),
    "passkey, 256": ("passkey", 200, {"length": 96}, {"length": 256}),
}
"""Tests by name: task, training steps, settings of the training, and settings of the test that differ."""

NOTE = (
    "Means over training seeds with 95 % intervals (Student's t over seeds). For each seed every network is "
    "trained and tested again. Automata: a symbol that the automaton allows counts as correct. Networks are "
    "small and training is short, so do not rank mixers whose intervals overlap."
)


def methods(setting: Setting) -> str:
    """Return a paragraph on the methods."""
    return (
        f"{ABOUT} They have width 48, two heads and two layers, and are trained on batches of 32 new "
        "sequences; columns that are named after chips are over training seeds. “Counts” predicts the "
        "symbol that so far followed the last two symbols most often, and needs no training."
    )


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every mixer and test, for each block of seeds."""
    from memsim.models.mixers import registry as mixers

    refuse_networks(setting, "mixers")
    names = [name for name in mixers.names() if name not in LEFT_OUT]
    asked = itertools.groupby(ASKED.items(), key=lambda item: item[1][:3])  # tests that share one training
    trainings = [(training, [(question, of[3]) for question, of in some]) for training, some in asked]
    for seeds in blocks(setting.chips):
        for (task, steps, settings), questions in trainings:
            for mixer in [*names, COUNTS]:
                form = network(mixer, task, steps, setting.seed, **settings)
                shared = {
                    "network": form, "engine": "memsim", "chips": seeds,
                    "images": setting.images or SEQUENCES, "seed": setting.seed,
                }  # fmt: skip
                kind = "control" if mixer in (*CONTROLS, COUNTS) else "mixer"
                for question, test in questions:
                    labels = {"mixer": mixer, "kind": kind, "asked": question}
                    own = {"test": {**settings, **test}}
                    yield Task(study="mixers", labels=labels, shared=shared, own=own)


def prepare(shared: Mapping[str, Any], data: str = "data") -> Mapping[str, Any]:
    """Return the shared values; networks are cached within the process."""
    return shared


def measure(prepared: Mapping[str, Any], own: Mapping[str, Any]) -> Result:
    """Train one network for each seed and test it."""
    import torch

    from memsim.models.sequences import registry
    from memsim.studies.evaluation.sequence_trials import answers

    form, found = prepared["network"], []
    for seed in prepared["chips"]:
        test = registry.build(form["task"], **own["test"]).sample(
            prepared["images"], prepared["seed"] + seed, "test"
        )
        with torch.no_grad():
            logits = _logits({**form, "seed": form["seed"] + seed}, test)
        found.append(answers(logits[None], logits, test))
    columns = found[0].per_chip
    return Result(per_chip={name: [one.per_chip[name][0] for one in found] for name in columns})


def _logits(form: Mapping[str, Any], test: Batch) -> Tensor:
    from torch.nn.functional import one_hot

    from memsim.models.sequences.counts import counted
    from memsim.studies.evaluation.sequence_trials import trained

    if form["mixer"] != COUNTS:
        return trained(form)(test.tokens)
    vocabulary = max(int(test.tokens.max()), int(test.targets.max())) + 1
    guessed = counted(test.tokens, 2, vocabulary)
    return one_hot(guessed, vocabulary).float()


def by_mixer(points: Sequence[Point]) -> dict[str, dict[str, Point]]:
    """Return points by mixer, with controls last, then by test."""
    out: dict[str, dict[str, Point]] = {}
    for point in sorted(points, key=lambda point: point.labels["kind"] == "control"):
        out.setdefault(point.labels["mixer"], {})[point.labels["asked"]] = point
    return out


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of accuracy and cross-entropy by mixer and test."""
    if not points:
        return {}
    asked, out = [name for name in ASKED if any(p.labels["asked"] == name for p in points)], {}
    for file, column in {"accuracy": "accuracy [1]", "cross-entropy": "cross-entropy [nat]"}.items():
        rows = [
            [_shown(mixer), *(draw.cell(of[a].estimate(column), column) if a in of else "" for a in asked)]
            for mixer, of in by_mixer(points).items()
        ]
        what = draw.MEASURES[column]
        title = f"{_begun(what)} by mixer and task"
        out[file] = Table(title=title, header=["", *asked], rows=rows, note=NOTE)
    return out


def _begun(text: str) -> str:
    """Return a text with its first letter as a capital; the rest stays the same."""
    return text[:1].upper() + text[1:]


def _shown(mixer: str) -> str:
    return f"{mixer} (control)" if mixer in CONTROLS else mixer


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure for each test."""
    out = {}
    for question in ASKED:
        shown = {_shown(m): of[question] for m, of in by_mixer(points).items() if question in of}
        if shown:
            name = question.replace(",", "").replace(" ", "-")
            out[name] = draw.forest(
                shown, caption=f"{_begun(question)}: means over training seeds with 95 % intervals."
            )
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return a sentence for each test on the mixers that are significantly better than the best control."""
    column, said = "accuracy [1]", []
    for question in ASKED:
        here = {m: of[question] for m, of in by_mixer(points).items() if question in of}
        controls = [p for m, p in here.items() if m in CONTROLS]
        others = {m: p for m, p in here.items() if p.labels["kind"] == "mixer"}
        if not controls or not others:
            continue
        best = max(controls, key=lambda p: p.estimate(column).mean)
        above = [m for m, p in others.items() if _above(p, best, len(others))]
        said.append(
            f"{_begun(question)}: significantly above the best control ({_shown(best.labels['mixer'])}): "
            f"{', '.join(above) or 'none'}."
        )
    return said or (["No test has both a mixer and a control yet."] if points else [])


def _above(point: Point, control: Point, of: int) -> bool:
    gain = point.against(control, "accuracy [1]", of=of)
    return gain is not None and gain.low > 0
