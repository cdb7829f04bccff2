"""Arrays of tonic: structured .npy files with fields x, y, t, p, and its copy of DVS128 Gesture."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.damage import readable
from memsim.models.datasets.events.formats import event_format
from memsim.models.datasets.events.recording import Events, Size, checked
from memsim.models.datasets.events.spikingjelly import NEEDS_SENSOR

GESTURE = (128, 128)


@event_format("tonic", suffix=".npy")
def read_tonic(path: Path, sensor: Size | None = None) -> Events:
    """Read a structured array (fields t [us], x, y, p in any order), or columns x, y, p, t [ms].

    Columns are tonic's copy of DVS128 Gesture, whose sensor of 128 x 128 is their default; a structured array
    does not say its sensor. ValueError, naming the file, for anything else; nothing is unpickled.
    """
    with readable("recording", path):
        array = np.load(path, allow_pickle=False)
    if array.dtype.names is not None:
        if set("txyp") - set(array.dtype.names):
            raise ValueError(f"recording {path} has fields {array.dtype.names}, needed are t, x, y, p")
        if sensor is None:
            raise ValueError(f"recording {path}: {NEEDS_SENSOR}")
        return checked(path, sensor, *(array[name] for name in "txyp"))
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"recording {path} has shape {array.shape} of {array.dtype}; "
            "needed are fields t, x, y, p, or columns x, y, p, t [ms]"
        )
    x, y, p, t = array.T
    return checked(path, sensor or GESTURE, np.round(t * 1000.0), x, y, p)
