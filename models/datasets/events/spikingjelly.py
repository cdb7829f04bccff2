"""Folders of SpikingJelly: events (t, x, y, p) and frames (T, 2, H, W) in .npz files."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.damage import readable
from memsim.models.datasets.events.formats import event_format
from memsim.models.datasets.events.frames import LARGEST
from memsim.models.datasets.events.recording import Events, Size, checked

NEEDS_SENSOR = "the file does not say the size of its sensor: pass sensor=(height, width)"


@event_format("spikingjelly", suffix=".npz")
def read_spikingjelly(path: Path, sensor: Size | None = None) -> Events:
    """Read an .npz of events, arrays t [us], x, y, p; ValueError, naming the file, for anything else."""
    arrays = _arrays(path)
    if set("txyp") - arrays.keys():
        slip = "; these are frames, read_frames takes them" if "frames" in arrays else ""
        raise ValueError(f"recording {path} has {sorted(arrays)}, needed are t, x, y, p{slip}")
    if sensor is None:
        raise ValueError(f"recording {path}: {NEEDS_SENSOR}")
    return checked(path, sensor, *(arrays[name] for name in "txyp"))


def read_frames(path: Path) -> np.ndarray:
    """Read frames, counts of events (T, 2, H, W) with polarity p in plane p, as float32.

    ValueError, naming the file, where there are none, of another shape, negative or not finite.
    """
    arrays = _arrays(path)
    if "frames" not in arrays:
        raise ValueError(f"frames {path}: the file has {sorted(arrays)}, needed is frames")
    frames = arrays["frames"]
    if frames.dtype.kind not in "biuf":
        raise ValueError(f"frames {path}: they are {frames.dtype}, needed are numbers")
    if frames.ndim != 4 or frames.shape[1] != 2 or not frames.size:
        raise ValueError(f"frames {path} have shape {frames.shape}, needed is (T, 2, H, W)")
    if not (np.isfinite(frames).all() and frames.min() >= 0):
        raise ValueError(f"frames {path} hold NaN, infinity or negative counts")
    if frames.max() > LARGEST:
        raise ValueError(f"frames {path} hold counts up to {frames.max():g}, allowed are 2^24")
    return frames.astype(np.float32)


def is_frames(path: Path) -> bool:
    """Whether an .npz holds frames rather than events."""
    return "frames" in _arrays(path)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz; nothing is unpickled."""
    with readable("recording", path), path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
