"""What counting costs: a comparison's pass with ledger and digital network counted, and uncounted."""

from __future__ import annotations

import time
from contextlib import nullcontext
from statistics import median
from typing import Any

import torch

import memsim
from memsim import models
from memsim.energy import baselines
from memsim.energy.digital_work import DigitalWork
from memsim.studies.evaluation.digital import PASS
from memsim.studies.evaluation.taps import SpikeCounts, Taps

CHIPS = 8
"""As many as `memsim compare` takes by default."""

BATCH = PASS // CHIPS
"""Images of one pass."""


def ledger(threads: int = 1, repeats: int = 15) -> dict[str, Any]:
    """Time one batch of `memsim compare` on the digits network, counted and uncounted in turn.

    ``ratio`` is processor time counted over uncounted, the median of single pairs; ``reading [s]`` the time
    to read every component and baseline once.
    """
    torch.set_num_threads(threads)
    net = models.load("s2tdpt-digits").eval()
    chip = memsim.to_crossbar(net, "default", chips=CHIPS).program()
    images = net.calibration_images
    assert images is not None
    images, work, ids = images[:BATCH], DigitalWork(net), range(BATCH)

    @torch.no_grad()
    def run(counted: bool) -> float:
        chip.ledger.open = counted
        start = time.process_time()
        with Taps(net) as digital, work if counted else nullcontext():
            net(images)
        with Taps(chip.net) as written:
            chip(images, image=ids)
        SpikeCounts(CHIPS).add(written.bits(CHIPS * BATCH), digital.bits(BATCH), ids)
        return time.process_time() - start

    for counted in (True, False):  # compiles
        run(counted)
    pairs = [(run(True), run(False)) if n % 2 else (run(False), run(True))[::-1] for n in range(repeats)]
    start = time.process_time()
    read = (chip.ledger.breakdown(), baselines.energies(work.works, chip.card))
    reading = time.process_time() - start
    return {
        "ratio": median(counted / plain for counted, plain in pairs),
        "ours [s]": median(counted for counted, _ in pairs),
        "other [s]": median(plain for _, plain in pairs),
        "other": "the same batch with the ledger closed and the digital network unwatched",
        "reading [s]": reading,
        "lines read": sum(map(len, read)),
        "chips": CHIPS,
        "images": BATCH,
        "threads": threads,
    }
