"""A whole network on chips against the same network in torch: seconds for each chip and image."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import memsim
from memsim import models
from memsim.models import known
from memsim.studies.speed.timing import interleaved

CHIPS, IMAGES, SIDE = 8, 16, 64
NETWORKS = ("s2tdpt-digits", "s2tdpt-fashion", "resnet18")
"""Bundled networks, and one of torchvision's with random weights and pictures, SIDE x SIDE pixels."""


def image(network: str, threads: int = 1, repeats: int = 9) -> dict[str, Any]:
    """Time a batch through all chips of the default card, calibrated and with its ledger closed, and through
    the digital network.

    ``ratio`` is our time for each chip, lines without resistance, over the digital network's; ``ratio with
    wires`` that of the unchanged default card.
    """
    torch.set_num_threads(threads)
    net, images = _network(network)
    card, sides = memsim.ChipCard.load("default"), {"other": lambda: net(images)}
    for name, one in (("ours", card.without("wires")), ("wired", card)):
        chip = memsim.to_crossbar(net, one, chips=CHIPS, calibration=images).program()
        chip.ledger.open = False
        sides[name] = partial(chip, images)
    with torch.no_grad():
        seconds = interleaved(sides, repeats)
    return {
        "ratio": seconds["ours"] / CHIPS / seconds["other"],
        "ratio with wires": seconds["wired"] / CHIPS / seconds["other"],
        "ours [s]": seconds["ours"] / CHIPS,
        "other [s]": seconds["other"],
        "other": "the digital network, the same images",
        "chips": CHIPS,
        "images": len(images),
        "threads": threads,
    }


def _network(name: str) -> tuple[nn.Module, Tensor]:
    """Return a network ready to run, and IMAGES images for it."""
    if name in known.trained():
        net = models.load(name).eval()
        assert net.calibration_images is not None
        return net, net.calibration_images[:IMAGES]
    from torchvision.models import get_model

    torch.manual_seed(0)
    return get_model(name).eval(), torch.rand(IMAGES, 3, SIDE, SIDE)
