"""Data sets by name: bundled ones, torchvision's, and a user's own .npz files."""

from memsim.models.datasets.catalog import load, names
from memsim.models.datasets.dataset import Dataset

__all__ = ["Dataset", "load", "names"]
