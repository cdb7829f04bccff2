"""Names of networks and data sets, known before torch is imported: a command refuses a slip at once."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"

EMBEDDED = ("digits", "digits-hard")
"""Data sets that come with memsim's dependencies."""

FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}
"""Data sets that lie in a folder, and torchvision's names of them."""

MADE = {"digits-saccade": "digits", "cifar10-saccade": "cifar10"}
"""Event frames made of the pictures of another data set."""

RECORDED = ("n-mnist", "dvs128-gesture", "cifar10-dvs")
"""Recordings of event cameras, which lie in a folder."""


def trained() -> list[str]:
    """List the bundled, trained networks."""
    return sorted(path.stem for path in BUNDLED.glob("*.safetensors"))


def data_sets() -> list[str]:
    """List the data sets by name."""
    return [*EMBEDDED, *FOLDER, *MADE, *RECORDED]
