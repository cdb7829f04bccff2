"""AEDAT 2.0, the format of CIFAR10-DVS (Li et al. 2017): addresses and times after lines of comment."""

from pathlib import Path

import numpy as np

from memsim.models.datasets.events.formats import event_format
from memsim.models.datasets.events.recording import Events, Size, checked

SENSOR = (128, 128)


@event_format("aedat2", suffix=".aedat", begins=b"#!AER-DAT2")
def read_aedat2(path: Path, sensor: Size | None = None) -> Events:
    """Read pairs of 32 bits, address and time [us], big-endian, as the DVS128 wrote them for CIFAR10-DVS.

    Address: polarity bit 0, a = bits 1 to 7, b = bits 8 to 14. As in SpikingJelly the picture is turned
    upright: x = 127 - b, y = 127 - a, p = 1 - bit 0. Times that go back are sorted, since this camera's
    driver wrote such. ValueError, naming the file, where it is cut off, or an address has too many bits.
    Source: Li, Liu, Ji, Li & Shi, Front. Neurosci. 11:309 (2017); SpikingJelly 2.0, datasets/cifar10_dvs.py.
    """
    raw, at = path.read_bytes(), 0
    while raw[at : at + 1] == b"#":
        end = raw.find(b"\n", at)
        at = end + 1 if end >= 0 else len(raw)
    if (len(raw) - at) % 8:
        raise ValueError(
            f"recording {path}: {len(raw) - at} bytes after the comment, no multiple of the 8 of an event: "
            "it is truncated"
        )
    word, t = np.frombuffer(raw, ">u4", offset=at).reshape(-1, 2).astype(np.int64).T
    if bool((word >> 15).any()):
        n = int(np.flatnonzero(word >> 15)[0])
        raise ValueError(
            f"recording {path}: event {n} has address {int(word[n]):#x}, a DVS128 gives 15 bits; "
            "it is damaged"
        )
    order = np.argsort(t, kind="stable")
    word, t = word[order], t[order]
    x, y = 127 - (word >> 8 & 0x7F), 127 - (word >> 1 & 0x7F)
    return checked(path, sensor or SENSOR, t, x, y, 1 - (word & 1))
