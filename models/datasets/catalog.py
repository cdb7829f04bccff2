"""Data sets by name: the embedded digits, torchvision's from a data folder, any other from an .npz file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from memsim.models.datasets.dataset import Dataset, in_parts
from memsim.models.datasets.digits import digits, digits_hard
from memsim.models.known import EMBEDDED, FOLDER, data_sets

SETS: dict[str, Callable[[], Dataset]] = dict(zip(EMBEDDED, (digits, digits_hard), strict=True))


def names() -> list[str]:
    """Data sets by name; `load` takes the path of an .npz file besides."""
    return data_sets()


def load(name: str | Path, folder: str | Path = "data") -> Dataset:
    """A data set by name, or from an .npz file; ValueError says what is missing and how to come by it.

    `folder` is where "mnist", "fashion-mnist", "cifar10" and "cifar100" lie, in torchvision's layout.
    """
    key = str(name).lower()
    if key in SETS:
        return SETS[key]()
    if key in FOLDER:
        return _from_folder(key, Path(folder))
    if key.endswith(".npz"):
        return _from_npz(Path(name))
    raise ValueError(
        f"no data set {str(name)!r}; there are {', '.join(names())}, or the path of an .npz file"
    )


def _from_folder(name: str, folder: Path) -> Dataset:
    """A torchvision data set that lies in `folder`; a tenth of the training images is for validation."""
    import torchvision.datasets

    kind = getattr(torchvision.datasets, FOLDER[name])
    try:
        train, test = kind(folder, train=True), kind(folder, train=False)
    except RuntimeError:
        fetch = f"import torchvision; torchvision.datasets.{FOLDER[name]}({str(folder)!r}, download=True)"
        raise ValueError(
            f"data set {name!r} is not in the folder {folder.resolve()}; fetch it, online, with\n"
            f'  python -c "{fetch}"\nor name the folder that holds it'
        ) from None
    return in_parts(name, tuple(train.classes), _arrays(train), _arrays(test), validation=len(train) // 10)


def _arrays(source) -> tuple[np.ndarray, np.ndarray]:
    """Images (B, C, H, W) float32 in [0, 1] and int64 labels of a torchvision set."""
    return _as_images(np.asarray(source.data)), np.asarray(source.targets, dtype=np.int64)


def _from_npz(path: Path) -> Dataset:
    """x_train, y_train, x_test, y_test of an .npz file; bytes are divided by 255, (B, H, W) gets C = 1."""
    keys = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in keys if key not in file]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}; it must hold {', '.join(keys)}")
            x_train, y_train, x_test, y_test = (file[key] for key in keys)
    except (OSError, ValueError) as error:
        raise ValueError(f"data set {path} cannot be read: {error}") from None
    train, test = (
        (_as_images(x), np.asarray(y).astype(np.int64).reshape(-1))
        for x, y in ((x_train, y_train), (x_test, y_test))
    )
    classes = tuple(str(label) for label in range(int(max(train[1].max(), test[1].max())) + 1))
    return in_parts(path.stem, classes, train, test, validation=max(1, len(train[1]) // 10))


def _as_images(x: np.ndarray) -> np.ndarray:
    """(B, H, W), (B, H, W, 1 or 3) or (B, C, H, W), bytes or floats -> (B, C, H, W) float32."""
    if x.ndim == 4 and x.shape[-1] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    x = x[:, None] if x.ndim == 3 else x
    return (x / np.float32(255)).astype(np.float32) if x.dtype == np.uint8 else x.astype(np.float32)
