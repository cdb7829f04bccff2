"""What studies of written memory share: sequence networks, trained on the spot, with memories on lines.

    shared   network (mixer, task, settings of it, training steps and seed), chips, images (test sequences),
             lines (`Settings` of the line arrays), only (weights stay digital), card, seed

A network is trained once in a process, in 10 to 20 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import memsim
from memsim.memory.clock import Clock
from memsim.memory.line_design import LineDesign
from memsim.memory.line_options import Settings
from memsim.memory.on_lines import put_on_lines
from memsim.models.mixers.network import SequenceConfig, SequenceNet
from memsim.models.sequences import registry
from memsim.models.sequences.task import Batch
from memsim.models.sequences.training import SequenceRecipe, train
from memsim.studies.evaluation.marks import DIGITAL, marks
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump

SEQUENCES = 100  #: test sequences where the setting has no number
CALIBRATION = 32  #: training sequences that set the converters' ranges
ABOUT = "Sequence networks are trained on the spot, with the default recipe of memsim.models.sequences."


def refuse_networks(setting: Setting, study: str) -> None:
    """Raise ValueError where a network or data set is named, which these studies bring themselves."""
    for option, value, usual in (
        ("--net", setting.net, None), ("--model", setting.model, Setting().model),
        ("--dataset", setting.dataset, None),
    ):  # fmt: skip
        if value != usual:
            raise ValueError(f"study {study} trains sequence networks of its own: {option} has no effect")


def card_of(setting: Setting, study: str) -> memsim.ChipCard:
    """The card of a study on lines, without wires, which memories do not have.

    Raises ValueError as `refuse_networks`, and for what memories do not simulate.
    """
    refuse_networks(setting, study)
    card = memsim.ChipCard.parse(dict(setting.card))
    card = card.without("wires") if "wires" in card.effects else card
    LineDesign(name=f"study {study}", card=card, heads=1, keys=1, values=1, capacity=1)
    return card


def network(
    mixer: str, task: str, steps: int, seed: int = 0, batch: int = 32, **settings: Any
) -> dict[str, Any]:
    """A network as a task holds it; settings: of the task it learns."""
    return {
        "mixer": mixer, "task": task, "settings": settings, "steps": steps, "batch": batch, "seed": seed,
        "change": {},
    }  # fmt: skip


def on_lines(
    setting: Setting,
    chips: Sequence[int],
    form: Mapping[str, Any],
    *,
    card: memsim.ChipCard | None = None,
    only: bool = True,
) -> dict[str, Any]:
    """The ``shared`` of a task; card: instead of the setting's; only: weights stay digital."""
    return {
        "network": dict(form), "engine": "memsim", "chips": list(chips), "only": only,
        "images": setting.images or SEQUENCES, "seed": setting.seed,
        "card": dict(setting.card) if card is None else dump(card),
    }  # fmt: skip


def trained(form: Mapping[str, Any]) -> SequenceNet:
    """The trained network of a task, made once in a process."""
    return _trained(json.dumps(form, sort_keys=True))


@lru_cache(maxsize=64)
def _trained(text: str) -> SequenceNet:
    form = json.loads(text)
    task = registry.build(form["task"], **form["settings"])
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(form["seed"])
        net = SequenceNet(SequenceConfig(mixer=form["mixer"], vocabulary=task.vocabulary))
        return train(net, task, SequenceRecipe(steps=form["steps"], batch=form["batch"]), seed=form["seed"])


@dataclass
class Trial:
    """A trained network with its test sequences and its digital answers."""

    shared: Mapping[str, Any]
    net: SequenceNet
    test: Batch
    digital: Tensor  #: logits (B, T, V)


def prepare(shared: Mapping[str, Any], data: str = "data") -> Trial:
    """Train the network, and run it digitally."""
    form = shared["network"]
    net, task = trained(form), registry.build(form["task"], **form["settings"])
    test = task.sample(shared["images"], shared["seed"], "test")
    with torch.no_grad():
        return Trial(shared, net, test, net(test.tokens))


def chip_of(trial: Trial, settings: Settings) -> memsim.Chip:
    """The network on this task's chips, its memories on lines, programmed."""
    shared, form = trial.shared, trial.shared["network"]
    card = memsim.ChipCard.parse(dict(shared["card"]))
    if shared["only"]:
        card = card.replace(digital=["*"])
    task = registry.build(form["task"], **form["settings"])
    tokens = task.sample(CALIBRATION, form["seed"], "calibration").tokens
    with catch_warnings():
        simplefilter("ignore", memsim.NotMapped)
        chip = memsim.to_crossbar(
            trial.net, card, chips=shared["chips"], seed=shared["seed"], calibration=tokens
        )
    put_on_lines(chip, settings)
    return chip.program()


def measure(prepared: Trial, own: Mapping[str, Any]) -> Result:
    """Answers of the chips; own: rate [tokens/s], and options of `Settings`."""
    options = dict(own)
    chip = chip_of(prepared, Settings(clock=Clock(options.pop("rate [1/s]")), **options))
    with torch.no_grad():
        logits = chip(prepared.test.tokens, image=range(len(prepared.test.tokens)))
    return answers(logits.float(), prepared.digital, prepared.test)


def answers(logits: Tensor, digital: Tensor, test: Batch) -> Result:
    """Share of right answers and cross-entropy of each chip; logits (S, B, T, V), digital (B, T, V)."""
    asked = test.asked
    right = torch.stack([test.right(one.argmax(-1))[asked] for one in logits])
    usual = test.right(digital.argmax(-1))[asked]
    entropy = [float(cross_entropy(one[asked], test.targets[asked])) for one in logits]
    column = "accuracy [1]"
    return Result(
        per_chip={column: right.double().mean(1).tolist(), "cross-entropy [nat]": entropy},
        total={
            "images": int(asked.sum()),
            "digital accuracy [1]": float(usual.double().mean()),
            "digital cross-entropy [nat]": float(cross_entropy(digital[asked], test.targets[asked])),
            f"{column}{DIGITAL}": marks(usual),
        },
        marks={column: [marks(one) for one in right]},
    )
