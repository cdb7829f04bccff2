"""N-MNIST and N-Caltech101 (Orchard et al. 2015): five bytes an event, the ATIS sensor."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.events.formats import event_format
from memsim.models.datasets.events.recording import Events, Size, checked

SENSOR = (34, 34)
OVERFLOW_Y, OVERFLOW = 240, 2**13  #: a word of this row counts the clock's overflows; each adds this many us


@event_format("n-mnist", suffix=".bin")
def read_n_mnist(path: Path, sensor: Size | None = None) -> Events:
    """Read x, y, polarity (bit 7) with time bits 22 to 16, time bits 15 to 8, time bits 7 to 0 [us].

    A word of row 240 is no event: the clock of the ATIS passed 2^13 us without one. The default sensor is
    N-MNIST's, 34 x 34. ValueError, naming the file, where it is empty or no whole number of events.
    Source: Orchard, Jayawant, Cohen & Thakor, Front. Neurosci. 9:437 (2015).
    """
    raw = np.fromfile(path, dtype=np.uint8)
    if not len(raw):
        raise ValueError(f"recording {path} is empty (0 bytes)")
    if len(raw) % 5:
        raise ValueError(
            f"recording {path} has {len(raw)} bytes, no multiple of the 5 of an event: it is truncated"
        )
    x, y, top, middle, low = raw.reshape(-1, 5).T.astype(np.int64)
    t = (top & 0x7F) << 16 | middle << 8 | low
    marks = y == OVERFLOW_Y
    t, kept = t + OVERFLOW * np.cumsum(marks), ~marks
    return checked(path, sensor or SENSOR, t[kept], x[kept], y[kept], top[kept] >> 7)
