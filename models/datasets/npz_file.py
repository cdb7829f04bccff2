"""A data set from an .npz file of one's own: arrays are checked one by one, each slip has its message."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.damage import readable
from memsim.models.datasets.dataset import Dataset, agree, in_parts, not_numbers

KEYS = ("x_train", "y_train", "x_test", "y_test")


def from_npz(path: Path) -> Dataset:
    """Read x_train, y_train, x_test, y_test of an .npz file, a tenth of the training part for validation.

    Bytes are divided by 255; (B, H, W) gets one channel, and channels may be last. The data set is called by
    the file's name with its ending ("digits.npz"), so that no file is taken for a data set of the catalog.
    ValueError says which array is wrong, and how.
    """
    if not path.is_file():
        raise ValueError(
            f"data set {path} cannot be read: no such file; name it with its folder: FOLDER/FILE.npz"
        )
    with readable("data set", path), path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
        if missing := [key for key in KEYS if key not in file]:
            lacks = f"it lacks {', '.join(missing)}; it must hold {', '.join(KEYS)}"
            raise ValueError(f"data set {path} cannot be read: {lacks}")
        arrays = {key: file[key] for key in KEYS}
    parts = []
    for part in ("train", "test"):
        x = _images(f"{path.name}: x_{part}", arrays[f"x_{part}"])
        y = _labels(f"{path.name}: y_{part}", arrays[f"y_{part}"])
        agree(f"{path.name}: x_{part}", x, y)
        parts.append((x, y))
    count = 1 + max(int(y.max()) for _, y in parts)
    images = sum(len(y) for _, y in parts)
    if count > images:
        raise ValueError(
            f"{path.name}: labels reach {count - 1} with {images} images: pass class numbers, 0 and up"
        )
    classes = tuple(str(label) for label in range(count))
    return in_parts(path.name, classes, parts[0], parts[1], validation=max(1, len(parts[0][1]) // 10))


def _images(where: str, x: np.ndarray) -> np.ndarray:
    """Return images of bytes or floats as (B, C, H, W) float32."""
    if x.dtype != np.uint8 and not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"{where} has type {x.dtype}: pass bytes (uint8), or floats in [0, 1]")
    if x.ndim not in (3, 4) or not x.size:
        raise ValueError(f"{where} has shape {x.shape}: pass images (B, H, W) or (B, C, H, W)")
    return as_images(x)


def _labels(where: str, y: np.ndarray) -> np.ndarray:
    """Return labels, whole numbers (B) or (B, 1), as (B) int64."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(f"{where}: {not_numbers(y.shape)}")
    whole = y.dtype.kind in "biu" or (
        y.dtype.kind == "f" and bool((np.isfinite(y) & (y == np.floor(y))).all())
    )
    if not whole:
        slip = "np.unique(y, return_inverse=True)[1] makes them of names"
        raise ValueError(f"{where} has type {y.dtype}: pass class numbers, 0 and up; {slip}")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < 2**31:
        low, high = (int(end) if abs(end) < 2**31 else float(end) for end in (y.min(), y.max()))
        raise ValueError(f"{where} has labels from {low} to {high}: classes begin at 0, and end below 2^31")
    return y.astype(np.int64)


def as_images(x: np.ndarray) -> np.ndarray:
    """Bring (B, H, W), (B, H, W, 1 or 3) or (B, C, H, W), bytes or floats, to (B, C, H, W) float32."""
    if x.ndim == 4 and x.shape[-1] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    x = x[:, None] if x.ndim == 3 else x
    return (x / np.float32(255)).astype(np.float32) if x.dtype == np.uint8 else x.astype(np.float32)
