"""Speed, as ratios against a peer in the same run: never a timed test, always both sides at their best."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from scipy.stats import ks_2samp

import memsim
from memsim import models
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.weight_array import WeightArray
from memsim.devices.pulses import bridge
from memsim.energy.ledger import Ledger
from memsim.run import Address, Run
from memsim.studies.speed.bench_drift import drift
from memsim.studies.speed.bench_image import NETWORKS, image
from memsim.studies.speed.bench_ledger import ledger
from memsim.studies.speed.bench_memory import memory
from memsim.studies.speed.bench_program import program
from memsim.studies.speed.bench_threads import threads as sharing
from memsim.studies.speed.bench_train import training
from memsim.studies.speed.bench_wires import wires
from memsim.studies.speed.bench_write import write
from memsim.studies.speed.timing import interleaved

LAYERS, HEADS, STEPS, TOKENS, HEAD_DIM = 4, 8, 4, 64, 32
"""The attention of one image of the benchmark network: 128 arrays of 64 x 64."""

N_MAX = 16
WIDTH, ROWS = 384, 4096


FRESH_NOISE = ("read-noise", "thermal-noise", "shot-noise")
"""Effects that are new in every read."""


def _run(card: memsim.ChipCard) -> Run:
    run = Run(card=card, chips=(0,), seed=0, ledger=Ledger(card))
    run.begin(1)
    run.ledger.open = False  # the peer counts nothing
    return run


def attention(cell: str, threads: int | None = None, repeats: int = 7) -> dict[str, Any]:
    """Time the attention arrays of an image, written and read: all at once, and aihwkit's tiles one by one.

    Same devices, same windows, same pulse counts.  aihwkit's side is its batched update (one call writes an
    array), the fastest way found.  Either side has one thread or one for each core, whichever is faster for
    it (or on as many as are given): ``threads`` of ours and of the other.  ``statistics`` compares what
    both wrote.
    """
    choices = {1, os.cpu_count() or 1} if threads is None else {threads}
    torch.set_num_threads(max(choices))
    card = memsim.ChipCard.load("default").replace(attention={"cell": cell, "n_max": N_MAX}).without("adc")
    run = _run(card)
    leaf = models.STDPAttention(heads=LAYERS * HEADS, head_dim=HEAD_DIM)
    array = AttentionArray("bench", leaf, run)
    spikes = torch.Generator().manual_seed(0)
    shape = (STEPS, 1, LAYERS * HEADS, TOKENS, HEAD_DIM)
    q, k, v = ((torch.rand(shape, generator=spikes) < p).float() for p in (0.12, 0.28, 0.15))
    count_q, count_k = array.by_array(q.sum(-1)), array.by_array(k.sum(-1))
    values, at = array.by_array(v), Address(run.images, range(STEPS))
    array.write(count_q, count_k, at)  # draws the devices, compiles
    fabrics = array.written.devices(LAYERS * HEADS, TOKENS).fabrics()
    tiles = [
        [bridge.TileArray(array.design.cell, fabric, (0, head), N_MAX) for fabric in fabrics]
        for head in range(LAYERS * HEADS)
    ]
    pulses = array.design.table.pulses(count_q, count_k).cells()[0, :, 0]  # (arrays, T, N, N)
    drives = values[0, :, 0].transpose(-1, -2).contiguous()  # (arrays, T, D, N): value spikes by feature

    def ours(threads: int) -> torch.Tensor:
        torch.set_num_threads(threads)
        run.begin(1)
        return array(q, k, v)

    def theirs(threads: int) -> list[torch.Tensor]:
        torch.set_num_threads(threads)
        return [
            _write_and_read(pair, pulses[head, step], drives[head, step])
            for head, pair in enumerate(tiles)
            for step in range(STEPS)
        ]

    with torch.no_grad():
        sides = (("ours", ours), ("other", theirs))
        every = interleaved({f"{n} {c}": partial(side, c) for c in choices for n, side in sides}, repeats)
        written = theirs(min(choices))
        fast = array.write(count_q, count_k, at)[0][0, :, 0].flatten()
    slow = _as_weights(torch.stack(written).flatten(), array)
    (mine, seconds), (peer, other) = (_fastest(every, name) for name in ("ours", "other"))
    return {
        "ratio": other / seconds,
        "ours [s]": seconds,
        "other [s]": other,
        "other": "aihwkit tiles one by one, batched update",
        "cell": cell,
        "arrays": LAYERS * HEADS * STEPS,
        "mean_pulses": float(pulses.abs().float().mean()),
        "threads": [mine, peer],
        "statistics": _same_law(fast.double(), slow.double()),
    }


def _as_weights(w: torch.Tensor, array: AttentionArray) -> torch.Tensor:
    """Return the weights A - offset that states w of tiles hold, by the rules of an attention array."""
    design = array.design
    if not design.cell.one_sided:
        rest, unit, _ = design.conductance
        w = w.clamp(min=-rest / unit) - design.table.w_rest
    return w * (design.amplitude / design.table.w_span)


def _fastest(every: Mapping[str, float], side: str) -> tuple[int, float]:
    """Threads and seconds of the fastest run of a side."""
    name = min((name for name in every if name.startswith(side)), key=every.__getitem__)
    return int(name.split()[1]), every[name]


def _write_and_read(
    tiles: list[bridge.TileArray], pulses: torch.Tensor, drives: torch.Tensor
) -> torch.Tensor:
    """Write one array, or the pair of a one-sided cell, on aihwkit's tiles; returns the w that was
    written.
    """
    written = []
    for sign, tile in zip((1, -1), tiles, strict=False):
        tile.reset()
        tile.write(pulses if len(tiles) == 1 else (sign * pulses).clamp(min=0))
        tile.forward(drives)
        written.append(sign * tile.weights())
    return written[0] if len(tiles) == 1 else written[0] + written[1]


def _same_law(ours: torch.Tensor, other: torch.Tensor) -> dict[str, float]:
    """Compare two samples of weights written on the same devices: means, spreads, Kolmogorov-Smirnov."""
    error = float(((ours.var() + other.var()) / len(ours)).sqrt())
    difference = float(ours.mean() - other.mean())
    span = float(other.quantile(0.999) - other.quantile(0.001))
    test: Any = ks_2samp(ours.numpy(), other.numpy())
    return {
        "mean_difference": difference,
        "mean_difference_in_se": difference / error,
        "mean_difference_of_range": difference / span,
        "spread_ratio": float(ours.std() / other.std()),
        "ks": float(test.statistic),
        "ks_noise_floor": 1.358 * (2 / len(ours)) ** 0.5,
    }


def projection(threads: int = 2, repeats: int = 15) -> dict[str, Any]:
    """Time a layer of width 384 on 4096 rows of spikes, PCM weights a day old, ADC on, against nn.Linear and
    AnalogLinear.

    ``ratio`` is our time over nn.Linear's (smaller is better) with noise fixed for each chip;
    ``ratio_read_noise`` with fresh read noise on every conversion; ``ratio_aihwkit`` is AnalogLinear's time
    over nn.Linear's.
    """
    from memsim.card.to_rpu_config import inference_config
    from memsim.engines.aihwkit import programmed_layer

    torch.set_num_threads(threads)
    card = memsim.ChipCard.load("default")
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(WIDTH, WIDTH, generator=generator) / WIDTH**0.5
    spikes = (torch.rand(1, 1, 1, ROWS, WIDTH, generator=generator) < 0.15).float()
    linear = torch.nn.Linear(WIDTH, WIDTH, bias=False)
    linear.weight.data.copy_(matrix.T)
    quiet, noisy = (_aged_array(matrix, spikes, c) for c in (card.without(*FRESH_NOISE), card))
    bound = float((spikes @ (matrix / matrix.abs().amax(0))).abs().max())
    analog = programmed_layer(
        matrix, inference_config(card, card.weight_cell, input_bits=8, output_bits=8, output_bound=bound)
    )
    analog.drift_analog_weights(86400.0)
    rows = spikes[0, 0, 0]
    with torch.no_grad():
        seconds = interleaved(
            {
                "linear": lambda: linear(rows),
                "quiet": lambda: quiet.read(spikes),
                "noisy": lambda: noisy.read(spikes),
                "aihwkit": lambda: analog(rows),
            },
            repeats,
        )
    return {
        "ratio": seconds["quiet"] / seconds["linear"],
        "ratio_read_noise": seconds["noisy"] / seconds["linear"],
        "ratio_aihwkit": seconds["aihwkit"] / seconds["linear"],
        "ours [s]": seconds["quiet"],
        "ours_read_noise [s]": seconds["noisy"],
        "other [s]": seconds["linear"],
        "aihwkit [s]": seconds["aihwkit"],
        "other": "nn.Linear, float32",
        "threads": threads,
    }


def _aged_array(matrix: torch.Tensor, spikes: torch.Tensor, card: memsim.ChipCard) -> WeightArray:
    run = _run(card)
    array = WeightArray("bench", matrix, run)
    array.program()
    run.begin(len(run.images), run.images, calibrating=True)  # type: ignore[arg-type]
    array.read(spikes)
    run.begin(len(run.images), run.images)  # type: ignore[arg-type]
    array.advance_to(86400.0)
    return array


CELLS = ("reram-om", "reram-es", "ecram-li", "pcm-nandakumar2020")

BENCHES: dict[str, Callable[..., dict[str, Any]]] = {
    **{f"attention {cell}": partial(attention, cell) for cell in CELLS},
    "projection": projection,
    "drift": drift,
    "write": write,
    "wires": wires,
    "program": program,
    **{f"image {network}": partial(image, network) for network in NETWORKS},
    "ledger": ledger,
    "train": training,
    "memory": memory,
    "threads": sharing,
}
"""Every benchmark by name; its first word names all that begin with it."""
