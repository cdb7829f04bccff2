"""Written memory: a context of lines on arrays, against plain torch and against aihwkit's tiles."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch
from torch import Tensor

import memsim
from memsim.energy.ledger import Ledger
from memsim.memory.line_array import LineArray
from memsim.memory.line_options import Settings
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.rules.softmax import SOFTMAX
from memsim.run import Run
from memsim.studies.speed.bench_train import least

LINES, HEADS, CHIPS, WIDTH = 1024, 8, 8, 64
TOKENS = 24
"""Tokens of one chip and head that aihwkit's side runs; its time is multiplied to all of them."""


class Inputs(NamedTuple):
    """Queries, keys and values (S, H, T, D), chip-major."""

    q: Tensor
    k: Tensor
    v: Tensor


def memory(threads: int = 1, repeats: int = 5) -> dict[str, Any]:
    """Time a softmax memory of 1,024 tokens, 8 heads, 8 chips: every token writes a line and reads all before
    it.

    Ours: pcm-joshi2020 with programming error, drift by the age of each line at a thousand tokens a second,
    1/f and read noise, 8-bit converters.  ``ratio`` is our time over that of the same attention in plain
    torch, chip by chip and token by token from keys and values that are kept (smaller is better);
    ``ratio_at_once`` over torch's causal attention of all tokens at once, chip by chip; ``ratio_aihwkit``
    aihwkit's time over ours, its side an analog tile for the keys and one for the values of each head, to
    which every token writes one line, which drift, and which are read.  Seconds are of the processor, the
    least of `repeats` in turn.
    """
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    shape = (CHIPS, HEADS, LINES, WIDTH)
    x = Inputs(*(torch.randn(shape, generator=generator) for _ in range(3)))
    ours, error = _ours(x)
    with torch.no_grad():
        seconds = least(
            {"ours": ours, "other": lambda: _step_by_step(x), "once": lambda: _at_once(x)}, repeats
        )
        aihwkit = _aihwkit(x) * LINES * HEADS * CHIPS
    return {
        "ratio": seconds["ours"] / seconds["other"],
        "ratio_at_once": seconds["ours"] / seconds["once"],
        "ratio_aihwkit": aihwkit / seconds["ours"],
        "ours [s]": seconds["ours"],
        "other [s]": seconds["other"],
        "at once [s]": seconds["once"],
        "aihwkit [s]": aihwkit,
        "other": "plain torch chip by chip, token by token, keys and values kept",
        "lines": LINES,
        "heads": HEADS,
        "chips": CHIPS,
        "relative error": error,
        "threads": threads,
    }


def _ours(x: Inputs) -> tuple[Any, float]:
    """Return a call that runs the context on arrays, and by how much its answer is off, relative."""
    card = memsim.ChipCard.load("default").without("wires")
    run = Run(card=card, chips=tuple(range(CHIPS)), seed=0, ledger=Ledger(card))
    run.ledger.open = False  # the peers count nothing
    array = LineArray("bench", LineMemory(SOFTMAX, WIDTH**-0.5), run, Settings())

    def call() -> Tensor:
        run.begin(1)
        return array(*x)

    with torch.no_grad():
        run.begin(1, calibrating=True)
        exact = array(*x)
        found = call()
    return call, float((found - exact).norm() / exact.norm())


def _step_by_step(x: Inputs) -> Tensor:
    """Return attention as a decoder runs it: one token after the other, each chip by itself."""
    out = torch.empty_like(x.v)
    for chip in range(CHIPS):
        keys, values = torch.empty(HEADS, LINES, WIDTH), torch.empty(HEADS, LINES, WIDTH)
        for t in range(LINES):
            keys[:, t], values[:, t] = x.k[chip, :, t], x.v[chip, :, t]
            z = keys[:, : t + 1] @ x.q[chip, :, t, :, None] * WIDTH**-0.5
            out[chip, :, t] = (z.softmax(1).mT @ values[:, : t + 1])[:, 0]
    return out


def _at_once(x: Inputs) -> list[Tensor]:
    """Return causal attention of all tokens, each chip by itself."""
    attention = torch.nn.functional.scaled_dot_product_attention
    return [attention(q, k, v, is_causal=True) for q, k, v in zip(*x, strict=True)]


def _aihwkit(x: Inputs) -> float:
    """Processor seconds of one token on one head's two tiles: write a line, drift, match, blend."""
    from memsim.card.to_rpu_config import inference_config
    from memsim.engines.aihwkit import programmed_layer

    whole = {"tile_rows": LINES, "tile_columns": LINES, "compensation": "none"}
    card = memsim.ChipCard.load("default").without("wires").replace(weights=whole)
    config = inference_config(card, card.weight_cell, input_bits=8, output_bits=8, output_bound=20.0)
    model: Any = config.noise_model
    q, k, v = (part[0, 0] / part.abs().max() for part in x)
    keys, values = programmed_layer(k.T, config), programmed_layer(v, config)
    held = [[torch.zeros_like(numbers), model.apply_programming_noise(numbers)[1]] for numbers in (k, v)]
    begun = time.process_time()
    for t in range(TOKENS):
        drive = q[t : t + 1]
        for layer, numbers, (weights, exponents) in zip((keys, values), (k, v), held, strict=True):
            weights[t : t + 1], drawn = model.apply_programming_noise(numbers[t : t + 1])
            for all_of, new in zip(exponents, drawn, strict=True):
                all_of[t : t + 1] = new
            aged = model.apply_drift_noise(weights, exponents, (t + 1) * 1e-3)
            (tile,) = layer.analog_tiles()
            tile.tile.set_weights(aged if layer is keys else aged.T.contiguous())
            drive = layer(drive)
            drive = drive.softmax(-1) if layer is keys else drive
    return (time.process_time() - begun) / TOKENS
