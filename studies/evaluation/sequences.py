"""Common parts of studies of written memory: sequence networks are trained when needed and tested on lines.

    shared   network (mixer, task, its settings, training steps, batch and seed), chips, images (number of
    test
             sequences), only (whether weights stay digital), card, seed
    own      rate [1/s] of tokens, and options of `Settings`

A network is trained once in each process, in 10 to 20 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import memsim
from memsim.studies.evaluation.setting import Setting, dump

if TYPE_CHECKING:  # torch is imported only where tasks are measured; reports do not need it
    from memsim.studies.evaluation.result import Result
    from memsim.studies.evaluation.sequence_trials import Trial

SEQUENCES = 100  #: default number of test sequences
ABOUT = "The study trains its own sequence networks with the default recipe of memsim.models.sequences."
UNWIRED = "Word and bit lines have no resistance here, regardless of the card."


def refuse_networks(setting: Setting, study: str) -> None:
    """Raise ValueError if a network or data set is named, because these studies train their own networks."""
    for option, value, usual in (
        ("--net", setting.net, None), ("--model", setting.model, Setting().model),
        ("--dataset", setting.dataset, None),
    ):  # fmt: skip
        if value != usual:
            raise ValueError(f"study {study} trains sequence networks of its own: {option} has no effect")


def card_of(setting: Setting, study: str) -> memsim.ChipCard:
    """Return the card of a study on lines, without the resistance of lines, as in all of them (`UNWIRED`).

    Raises what `refuse_networks` raises, and ValueError for settings that line arrays do not simulate.
    """
    from memsim.memory.line_design import LineDesign

    refuse_networks(setting, study)
    card = memsim.ChipCard.parse(dict(setting.card))
    card = card.without("wires") if "wires" in card.effects else card
    LineDesign(name=f"study {study}", card=card, heads=1, keys=1, values=1, capacity=1)
    return card


def network(
    mixer: str, task: str, steps: int, seed: int = 0, batch: int = 32, **settings: Any
) -> dict[str, Any]:
    """Return the description of a network in a task; settings: those of the sequence task that it learns."""
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
    """Return the ``shared`` values of a task.

    card: default: that of the setting; only: weights stay digital, and only the memories are on arrays.
    """
    return {
        "network": dict(form), "engine": "memsim", "chips": list(chips), "only": only,
        "images": setting.images or SEQUENCES, "seed": setting.seed,
        "card": dict(setting.card) if card is None else dump(card),
    }  # fmt: skip


def prepare(shared: Mapping[str, Any], data: str = "data") -> Trial:
    """Train the network of a task and run it digitally."""
    from memsim.studies.evaluation import sequence_trials

    return sequence_trials.prepare(shared, data)


def measure(prepared: Trial, own: Mapping[str, Any]) -> Result:
    """Return the results of the chips; own: rate [1/s] of tokens, and options of `Settings`."""
    from memsim.studies.evaluation import sequence_trials

    return sequence_trials.measure(prepared, own)
