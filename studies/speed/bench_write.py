"""Programming speed: devices a second and core, against aihwkit's noise model in the same run."""

from __future__ import annotations

from typing import Any

import torch
from aihwkit.inference import PCMLikeNoiseModel

from memsim import devices
from memsim.studies.speed.timing import interleaved

SIDE = 1024


def write(threads: int = 1, repeats: int = 9) -> dict[str, Any]:
    """Time programming a million devices of pcm-joshi2020, with error and drift exponent of each, float32.

    aihwkit's side is apply_programming_noise on half as many weights, each a pair of devices, its mapping
    included.  ``statistics`` compares the relative spread of the written devices at 0.4 to 0.6 of the range.
    """
    torch.set_num_threads(threads)
    cell = devices.get("pcm-joshi2020")
    x = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    target = x * cell.g_max  # type: ignore[attr-defined]
    weights = x[: SIDE // 2] * 2 - 1
    model = PCMLikeNoiseModel(g_max=25.0)
    seconds = interleaved(
        {
            "ours": lambda: cell.write(target, rng=devices.stream(0, "bench")),
            "other": lambda: model.apply_programming_noise(weights),
        },
        repeats,
    )
    mid = (x > 0.4) & (x < 0.6)
    written = cell.write(target, rng=devices.stream(0, "bench")).programmed
    other = model.apply_programming_noise_to_conductance(target * 1e6) * 1e-6
    return {
        "ratio": seconds["other"] / seconds["ours"],
        "ours [s]": seconds["ours"],
        "other [s]": seconds["other"],
        "other": "aihwkit PCMLikeNoiseModel.apply_programming_noise, as many devices",
        "devices": SIDE * SIDE,
        "ours [devices/s/core]": SIDE * SIDE / seconds["ours"] / threads,
        "other [devices/s/core]": SIDE * SIDE / seconds["other"] / threads,
        "threads": threads,
        "statistics": {"spread_ratio": float((written - target)[mid].std() / (other - target)[mid].std())},
    }
