"""DVS128 Gesture (Amir et al. 2017): the original folder of long recordings, and tonic's cut copy."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from memsim.models.datasets.damage import readable
from memsim.models.datasets.events.aedat3 import read_trials
from memsim.models.datasets.events.frames import Frames
from memsim.models.datasets.events.recording import Events, Size
from memsim.models.datasets.events.tonic import read_tonic

CLASSES = (
    "hand clapping", "right hand wave", "left hand wave", "right arm clockwise",
    "right arm counter-clockwise", "left arm clockwise", "left arm counter-clockwise", "arm roll",
    "air drums", "air guitar", "other gestures",
)  # fmt: skip
LISTS = ("trials_to_train.txt", "trials_to_test.txt")
LONGEST = 255  #: characters of a file's name
TONIC = ("ibmGestureTrain", "ibmGestureTest")
Part = tuple[np.ndarray, np.ndarray]


def is_gesture(folder: Path) -> bool:
    """Whether a folder is the original set or tonic's copy."""
    return (folder / LISTS[0]).is_file() or (folder / TONIC[0]).is_dir()


def trials(folder: Path, frames: Frames, sensor: Size | None) -> tuple[tuple[str, ...], Part, Part]:
    """Return the classes, and frames (B, T, 2, h, w) with labels (B) of the training and the test part.

    ValueError, naming the file, where a list, a recording or a table is missing or wrong.
    """
    if sensor is not None and sensor != (128, 128):
        raise ValueError(f"sensor = {sensor}: DVS128 Gesture was recorded with 128 x 128 pixels")
    original = (folder / LISTS[0]).is_file()
    train, test = (
        _part(where, _original(where) if original else _tonic(where), frames)
        for where in (folder / name for name in (LISTS if original else TONIC))
    )
    return CLASSES, train, test


def _part(where: Path, found: Iterator[tuple[Path, Events, int]], frames: Frames) -> Part:
    """Stack the frames and labels of one part."""
    pairs = [(frames.of_file(path, events), label) for path, events, label in found]
    if not pairs:
        raise ValueError(f"events: {where} names no recording")
    if len({stack.shape for stack, _ in pairs}) > 1:
        raise ValueError(f"events: trials of {where} give frames of unlike number: say how many steps")
    return np.stack([stack for stack, _ in pairs]), np.array([label for _, label in pairs], dtype=np.int64)


def _original(listed: Path) -> Iterator[tuple[Path, Events, int]]:
    """Yield the trials of the recordings that a list names."""
    if not listed.is_file():
        raise ValueError(f"events: the list {listed} is missing")
    with readable("list of recordings", listed):
        lines = listed.read_text("utf-8-sig").split()
    for line in lines:
        recording = listed.parent / line
        if len(line) > LONGEST or not recording.is_file():
            raise ValueError(f"events: {listed} names {line:.80}, which is not there")
        table = recording.with_name(f"{recording.stem}_labels.csv")
        for events, label in read_trials(recording, table):
            if label >= len(CLASSES):
                raise ValueError(f"table of trials {table}: class {label + 1}; there are 1 to {len(CLASSES)}")
            yield recording, events, label


def _tonic(folder: Path) -> Iterator[tuple[Path, Events, int]]:
    """Yield the trials of tonic's copy, whose files are called by their label: user01_led/0.npy."""
    for path in sorted(folder.glob("*/*.npy")):
        if not path.stem.isdecimal() or int(path.stem) >= len(CLASSES):
            raise ValueError(f"events: {path} is not called by a label from 0 to {len(CLASSES) - 1}")
        yield path, read_tonic(path), int(path.stem)
