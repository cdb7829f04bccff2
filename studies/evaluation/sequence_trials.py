"""Trials of sequence networks: they are trained, placed on chips with their memories on lines, and tested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

import memsim
from memsim.memory.clock import Clock
from memsim.memory.line_options import Settings
from memsim.memory.on_lines import put_on_lines
from memsim.models.mixers.network import SequenceConfig, SequenceNet
from memsim.models.sequences import registry
from memsim.models.sequences.task import Batch
from memsim.models.sequences.training import SequenceRecipe, train
from memsim.studies.evaluation.marks import DIGITAL, marks
from memsim.studies.evaluation.result import Result

CALIBRATION = 32  #: number of sequences for the calibration of converter ranges


def trained(form: Mapping[str, Any]) -> SequenceNet:
    """Return the network that `form` describes, trained; results are cached within the process."""
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
    """Trained network with its test sequences and its digital results."""

    shared: Mapping[str, Any]
    net: SequenceNet
    test: Batch
    digital: Tensor  #: logits (B, T, V)


def prepare(shared: Mapping[str, Any], data: str = "data") -> Trial:
    """Train the network and run it digitally on the test sequences."""
    form = shared["network"]
    net, task = trained(form), registry.build(form["task"], **form["settings"])
    test = task.sample(shared["images"], shared["seed"], "test")
    with torch.no_grad():
        return Trial(shared, net, test, net(test.tokens))


def chip_of(trial: Trial, settings: Settings) -> memsim.Chip:
    """Return the network of a trial on its chips, with its memories on lines, programmed."""
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
    """Run the chips and return their results; own: rate [1/s] of tokens, and options of `Settings`."""
    options = dict(own)
    chip = chip_of(prepared, Settings(clock=Clock(options.pop("rate [1/s]")), **options))
    with torch.no_grad():
        logits = chip(prepared.test.tokens, image=range(len(prepared.test.tokens)))
    return answers(logits.float(), prepared.digital, prepared.test)


def answers(logits: Tensor, digital: Tensor, test: Batch) -> Result:
    """Return accuracy and cross-entropy [nat] of each chip, for logits (S, B, T, V) and digital (B, T, V)."""
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
