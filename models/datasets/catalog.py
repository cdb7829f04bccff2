"""Data sets by name: the embedded digits, torchvision's from a data folder, any other from an .npz file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from memsim.models.datasets.cifar10 import CLASSES, FORMS, from_files
from memsim.models.datasets.damage import readable
from memsim.models.datasets.dataset import Dataset, in_parts
from memsim.models.datasets.digits import digits, digits_hard
from memsim.models.datasets.events.folder import from_folder
from memsim.models.datasets.events.frames import Frames
from memsim.models.datasets.events.made import FRAMES, cifar10_saccade, digits_saccade
from memsim.models.datasets.folds import fold
from memsim.models.datasets.npz_file import as_images, from_npz
from memsim.models.known import EMBEDDED, FOLDER, MADE, RECORDED, data_sets, fold_of

SETS: dict[str, Callable[[], Dataset]] = dict(zip(EMBEDDED, (digits, digits_hard), strict=True))
RECORDED_FRAMES = {"n-mnist": FRAMES}  #: two for each saccade, as those made of pictures
OF_PICTURES = dict(zip(MADE, (digits_saccade, cifar10_saccade), strict=True))


def names() -> list[str]:
    """List the data sets by name; `load` also takes the path of an .npz file."""
    return data_sets()


def load(name: str | Path, folder: str | Path = "data", *, frames: Frames | None = None) -> Dataset:
    """Load a data set by name, or from an .npz file; ValueError says what is missing and how to come by it.

    `folder` is where "mnist", "fashion-mnist", "cifar10" and "cifar100" lie, in torchvision's layout;
    "cifar10" may also lie there as one .npz file or in two packed parts (`cifar10.py`). "n-mnist",
    "dvs128-gesture" and "cifar10-dvs" lie in a folder of that name in it, in any layout that
    `events.from_folder` takes. Recordings, and "digits-saccade" and "cifar10-saccade", made of pictures, are
    counted in `frames` (default: 6 of equal duration for saccades, N-MNIST's too, 10 for other recordings).
    "NAME:2/5" is the second of five folds of any of them (`folds.fold`), for cross-validation.
    """
    whole, part = fold_of(str(name))
    if part is not None:
        return fold(load(whole, folder, frames=frames), *part)
    key = str(name).lower()
    if key in MADE:
        return OF_PICTURES[key](load(MADE[key], folder), frames)
    if key in RECORDED:
        return from_folder(Path(folder) / key, frames=frames or RECORDED_FRAMES.get(key), name=key)
    if frames is not None:
        raise ValueError(f"frames={frames} has no effect on {str(name)!r}, whose samples are images")
    if key in SETS:
        return SETS[key]()
    own = from_files(Path(folder)) if key == "cifar10" else None
    if own is not None:
        train, test = ((as_images(x), y.astype(np.int64)) for x, y in own)
        return in_parts(key, CLASSES, train, test, validation=len(train[1]) // 10)
    if key in FOLDER:
        return _from_folder(key, Path(folder))
    if key.endswith(".npz"):
        return from_npz(Path(name))
    raise ValueError(
        f"no data set {str(name)!r}; there are {', '.join(names())}, or the path of an .npz file"
    )


def _from_folder(name: str, folder: Path) -> Dataset:
    """Read a torchvision data set that lies in `folder`; a tenth of the training images is for validation."""
    import torchvision.datasets

    kind = getattr(torchvision.datasets, FOLDER[name])
    try:
        with readable(f"data set {name!r} in the folder", folder.resolve()):
            train, test = kind(folder, train=True), kind(folder, train=False)
    except ValueError as error:
        if "not found" not in str(error):
            raise
        fetch = f"import torchvision; torchvision.datasets.{FOLDER[name]}({str(folder)!r}, download=True)"
        more = f", in that layout or as {FORMS}" if name == "cifar10" else ""
        raise ValueError(
            f"data set {name!r} is not in the folder {folder.resolve()}; fetch it, online, with\n"
            f'  python -c "{fetch}"\nor name the folder that holds it{more}'
        ) from None
    return in_parts(name, tuple(train.classes), _arrays(train), _arrays(test), validation=len(train) // 10)


def _arrays(source) -> tuple[np.ndarray, np.ndarray]:
    """Return images (B, C, H, W) float32 in [0, 1] and int64 labels of a torchvision set."""
    return as_images(np.asarray(source.data)), np.asarray(source.targets, dtype=np.int64)
