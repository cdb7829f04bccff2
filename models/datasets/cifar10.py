"""CIFAR-10 (Krizhevsky 2009) from one .npz file, or from the two packed parts that the GPU training reads."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.damage import readable
from memsim.models.standalone.pictures import PARTS, TRAIN, read_npz, read_parts

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILE = "cifar10.npz"
FORMS = f"{FILE} (x_train, y_train, x_test, y_test, bytes with channels last), or {' and '.join(PARTS)}"
Part = tuple[np.ndarray, np.ndarray]


def from_files(folder: Path) -> tuple[Part, Part] | None:
    """Read the parts to learn from and to test, images uint8 (n, 32, 32, 3) and labels (n).

    None where neither form lies in the folder; ValueError, naming the file, where it does not hold CIFAR-10.
    """
    packed = [folder / name for name in PARTS]
    with readable("CIFAR-10 in the folder", folder):
        if (folder / FILE).is_file():
            images, labels = read_npz(folder / FILE)
        elif all(path.is_file() for path in packed):
            images, labels = read_parts(packed)
        else:
            return None
    return (images[:TRAIN], labels[:TRAIN]), (images[TRAIN:], labels[TRAIN:])
