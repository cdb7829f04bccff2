"""Data sets by name: bundled ones, torchvision's, and a user's own .npz files."""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.models.datasets.catalog import load, names
    from memsim.models.datasets.dataset import Dataset

_MODULES = {"catalog": ("load", "names"), "dataset": ("Dataset",)}

__all__ = ["Dataset", "load", "names"]

__getattr__, __dir__ = lazily(__name__, _MODULES)
