"""The stand-alone program imports its files by plain names: its folder is on the path for these tests."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "models" / "standalone"
FILES = ("job", "pictures", "augment", "checkpoint", "network", "training", "train", "pcm")


@pytest.fixture(scope="package")
def program() -> Iterator[SimpleNamespace]:
    """Its modules by name; their plain names are free again afterwards."""
    own = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: import_module(name) for name in FILES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in own:
            sys.modules.pop(name, None)


@pytest.fixture(scope="package")
def made() -> tuple[np.ndarray, np.ndarray]:
    """Made pictures uint8 (48, 32, 32, 3), smooth as photographs are, and labels (48)."""
    rng = np.random.Generator(np.random.Philox(3))
    coarse = rng.integers(0, 256, (48, 8, 8, 3), dtype=np.uint8)
    images = coarse.repeat(4, 1).repeat(4, 2)
    return (images + rng.integers(0, 3, images.shape, dtype=np.uint8)), (np.arange(48) % 10).astype(np.uint8)
