"""Names of networks and data sets, known before torch is imported: a command refuses a slip at once."""

from pathlib import Path

BUNDLED = Path(__file__).parent / "bundled"

EMBEDDED = ("digits", "digits-hard")
"""Data sets that come with memsim's dependencies."""

FOLDER = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}
"""Data sets that lie in a folder, and torchvision's names of them."""


def trained() -> list[str]:
    """List the bundled, trained networks."""
    return sorted(path.stem for path in BUNDLED.glob("*.safetensors"))


def data_sets() -> list[str]:
    """List the data sets by name."""
    return [*EMBEDDED, *FOLDER]
