"""Programming and ageing a large network: its devices a second against those of a bare write, and memory."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

import memsim
from memsim import devices
from memsim.studies.speed.bench_write import SIDE
from memsim.studies.speed.timing import interleaved

DAY = 86400.0
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def program(threads: int = 1, repeats: int = 3, net: str = "resnet18") -> dict[str, Any]:
    """Time programming one chip with a network of torchvision's (random weights), aged to a day, on the
    default card without converters; against ``cell.write`` of as many devices, 23 million for resnet18.

    ``ratio`` is our time over the write's.  ``memory`` is how far a process grows meanwhile, in copies of the
    chip's devices (4 bytes each), beside the network and its arrays; not known where there is no /proc.
    """
    torch.set_num_threads(threads)
    chip, number = _chip(net)
    cell = chip.card.weight_cell
    target = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * cell.g_max
    seconds = interleaved(
        {
            "ours": lambda: chip.program().advance_to(DAY),
            "other": lambda: cell.write(target, rng=devices.stream(0, "bench")),
        },
        repeats,
    )
    other = seconds["other"] * number / target.numel()
    return {
        "ratio": seconds["ours"] / other,
        "ours [s]": seconds["ours"],
        "other [s]": other,
        "other": "cell.write of as many devices, a million at a time",
        "devices": number,
        "ours [devices/s]": number / seconds["ours"],
        "other [devices/s]": number / other,
        "memory": _memory(threads, net),
        "threads": threads,
    }


def _chip(net: str) -> tuple[memsim.Chip, int]:
    """Return a chip of its own with a network, and how many devices it has: a pair for each weight."""
    from torchvision.models import get_model

    torch.manual_seed(0)
    network = get_model(net)
    card = memsim.ChipCard.load("default").without("adc", "dac")
    weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
    number = 2 * card.weights.devices_per_weight * weights
    return memsim.to_crossbar(network, card, chips=1), number


def _memory(threads: int, net: str) -> float | None:
    """Return by how many copies of the devices a process of its own grows at its peak."""
    code = f"from memsim.studies.speed.bench_program import grow; grow({net!r})"
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "MALLOC_MMAP_THRESHOLD_": "65536",  # what is freed is given back: growth is not hidden in old pages
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def grow(net: str) -> None:
    """Program and age a chip, and print by how many copies of its devices the process grew at most."""
    chip, number = _chip(net)
    small = memsim.to_crossbar(nn.Sequential(nn.Linear(8, 8)), chip.card, chips=1)
    small.program().advance_to(DAY)  # compiles
    gc.collect()
    if not _CLEAR.exists():
        print(json.dumps(None))
        return
    _CLEAR.write_text("5")  # the peak is counted from here
    before = _kilobytes("VmRSS")
    chip.program().advance_to(DAY)
    print(json.dumps((_kilobytes("VmHWM") - before) * 1024 / (4 * number)))


def _kilobytes(field: str) -> int:
    """Return a number of this process' status."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])
