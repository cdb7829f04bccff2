"""The drift study's speed against a plain aihwkit loop over the same network, chips and times.

aihwkit's side is what its users write: convert_to_analog, then for each chip program, for each time drift and
evaluate.  Attention is digital on both sides, since aihwkit has none; converter bits, noise, drift and global
compensation are the card's on both (aihwkit's output range is fixed, ours is set on training images: its time
does not depend on it).  Each side takes the batch size that is fastest for it.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.models.measures import accuracy
from memsim.studies.library.drift import TIMES
from memsim.studies.speed.timing import seconds_of

BATCHES = {"ours": (16, 32, 64), "other": (64, 150, 450)}
"""Images in one pass that each side is tried with; ours takes CHIPS times as many at once."""

CHIPS = 4


def drift(threads: int = 2, chips: int = CHIPS, model: str = "s2tdpt-digits") -> dict[str, Any]:
    """Return seconds for each evaluated chip and time, ours and aihwkit's; ``ratio`` is theirs over ours.

    ``where`` tells what our time goes into, as shares; ``accuracy`` what both sides found, by time: the same
    law, other devices.
    """
    torch.set_num_threads(threads)
    net, data = models.load(model), models.datasets.load(models.load(model).record["dataset"])
    images, labels = data.x_test, data.y_test
    card = memsim.ChipCard.load("default").replace(digital=["*.core"])
    sides = {"ours": _ours(net, card, chips), "other": _theirs(net, card)}
    best: dict[str, tuple[float, int]] = {}
    with torch.no_grad():
        for name, side in sides.items():
            for batch in BATCHES[name]:
                side(images[: 2 * batch], batch, TIMES[:1])  # compiles, fills caches
                seconds = seconds_of(lambda s=side, b=batch: s(images, b, TIMES[3:4])) / side.chips
                best[name] = min(best.get(name, (float("inf"), 0)), (seconds, batch))
        found, seconds = {}, {}
        for name, side in sides.items():
            start = time.perf_counter()
            rounds = chips // side.chips
            logits = [side(images, best[name][1], TIMES) for _ in range(rounds)]
            seconds[name] = (time.perf_counter() - start) / (chips * len(TIMES))
            found[name] = [
                mean([accuracy(x, labels) for one in logits for x in one[t]]) for t in range(len(TIMES))
            ]
        where = _where(sides["ours"], images, best["ours"][1])
    return {
        "ratio": seconds["other"] / seconds["ours"],
        "ours [s]": seconds["ours"],
        "other [s]": seconds["other"],
        "other": "aihwkit: convert_to_analog, program, drift, evaluate; attention digital on both sides",
        "chips": chips,
        "times": len(TIMES),
        "images": len(images),
        "threads": threads,
        "batch": {name: batch for name, (_, batch) in best.items()},
        "accuracy": found,
        "where": where,
    }


class _Side:
    """One execution: call(images, batch, times) -> logits (chips, B, classes) for each time, fresh."""

    def __init__(self, chips: int, net: nn.Module, program: Callable, age: Callable, run: Callable) -> None:
        self.chips, self.net, self.program, self.age, self.run = chips, net, program, age, run

    def __call__(self, images: Tensor, batch: int, times: tuple[float, ...]) -> list[Tensor]:
        self.program()
        out = []
        for t in times:
            self.age(t)
            out.append(torch.cat([self.run(x) for x in images.split(batch)], 1))
        return out


def _ours(net: nn.Module, card: memsim.ChipCard, chips: int) -> _Side:
    chip = memsim.to_crossbar(net, card, chips=chips)
    return _Side(chips, chip.net, chip.program, chip.advance_to, chip)


def _theirs(net: models.Network, card: memsim.ChipCard) -> _Side:
    from aihwkit.nn.conversion import convert_to_analog

    from memsim.card.to_rpu_config import inference_config

    bits = card.weights.adc_bits
    config = inference_config(
        card, card.weight_cell, input_bits=card.weights.dac_bits, output_bits=bits, output_bound=20.0
    )
    analog: Any = convert_to_analog(copy.deepcopy(net), config, verbose=False).eval()

    def age(t: float) -> None:
        for layer in analog.analog_layers():
            layer.drift_analog_weights(t)

    def program() -> None:
        for layer in analog.analog_layers():
            layer.program_analog_weights()

    return _Side(1, analog, program, age, lambda x: analog(x)[None])


def _where(side: _Side, images: Tensor, batch: int) -> dict[str, float]:
    """Return shares of the time that one evaluation takes us: ageing, and each kind of module; programming,
    once for all times of a chip, is not among them.
    """
    seconds: dict[str, float] = defaultdict(float)
    started: dict[nn.Module, float] = {}

    def leave(module: nn.Module, _: object, __: object) -> None:
        seconds[type(module).__name__] += time.perf_counter() - started[module]

    side.program()
    side.age(TIMES[4])
    leaves = [m for m in side.net.modules() if not list(m.children())]
    hooks = [
        m.register_forward_pre_hook(lambda m, _: started.update({m: time.perf_counter()})) for m in leaves
    ]
    hooks += [m.register_forward_hook(leave) for m in leaves]
    start = time.perf_counter()
    side.age(TIMES[3])
    seconds["ageing"] = time.perf_counter() - start
    for x in images.split(batch):
        side.run(x)
    whole = time.perf_counter() - start
    for hook in hooks:
        hook.remove()
    shares = {name: value / whole for name, value in sorted(seconds.items(), key=lambda item: -item[1])}
    return shares | {"between modules": 1 - sum(shares.values())}
