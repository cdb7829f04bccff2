"""Kernels compiled before they are needed: one small run of each sort of network, cell and array.

numba keeps what it compiles beside the source or in its cache folder, so later runs, studies and workers of
this installation begin at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import torch

import memsim
from memsim.studies.evaluation.digital import Advance

FAULTS = {"stuck_off": 0.02, "stuck_on": 0.01, "dead_bit_lines": 0.01, "spare_columns": 2}


def compare(model: str = "s2tdpt-digits", card: str | memsim.ChipCard = "default") -> None:
    """Run two images digitally and on two chips."""
    memsim.compare(model, card, chips=2, images=2)


def changed(**sections: Any) -> memsim.ChipCard:
    """The default card with fields exchanged."""
    return memsim.ChipCard.load("default").replace(**sections)


def convolution() -> None:
    """Run a network of convolutions on random pictures."""
    pictures = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    memsim.compare("resnet18-8-fashion", "default", (pictures, torch.arange(4), pictures), chips=2)


RUNS: Mapping[str, Callable[[], None]] = {
    "default card": compare,
    "ideal cells, double precision": lambda: compare(
        card=changed(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    ),
    "electrochemical cells": lambda: compare(card=changed(attention={"cell": "ecram-li"})),
    "ReRAM weights": lambda: compare(card=changed(weights={"cell": "reram-wan2022"})),
    "faults and spares": lambda: compare(card=changed(weight_faults=FAULTS)),
    "wires not simulated": lambda: compare(card=memsim.ChipCard.load("default").without("wires")),
    "products in Hebbian order": lambda: compare(
        "s2tdpt-digits-dot", changed(attention={"order": "hebbian"})
    ),
    "products in score order": lambda: compare("s2tdpt-digits-dot", changed(attention={"order": "score"})),
    "convolutions": convolution,
}
"""Small runs that compile, between them, the kernels of the commands."""


def warm(advance: Advance, runs: Mapping[str, Callable[[], None]] = RUNS) -> dict[str, float]:
    """Make every run once; returns the seconds that each took.  advance(stage, done, total) before each."""
    found = {}
    for place, (name, run) in enumerate(runs.items()):
        advance(name, place, len(runs))
        begin = perf_counter()
        run()
        found[name] = perf_counter() - begin
    advance("done", len(runs), len(runs))
    return found
