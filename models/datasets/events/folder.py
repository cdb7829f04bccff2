"""Folders of recordings as a data set: one folder a class, with a test part of its own or none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from memsim.models.datasets.dataset import Dataset, in_parts
from memsim.models.datasets.events.formats import event_formats, read
from memsim.models.datasets.events.frames import Frames
from memsim.models.datasets.events.gesture import is_gesture, trials
from memsim.models.datasets.events.recording import Size
from memsim.models.datasets.events.spikingjelly import is_frames, read_frames

PARTS = (("Train", "Test"), ("train", "test"))
FIRST = 0.9  #: share of each class that is learned where a set has no test part, the first ones by name


class Sample(NamedTuple):
    """One file of a folder and the number of its class."""

    path: Path
    label: int


def from_folder(
    folder: str | Path, *, frames: Frames | None = None, sensor: Size | None = None, name: str | None = None
) -> Dataset:
    """Load recordings as event frames (B, T, 2, h, w), a tenth of the training part for validation.

    Layouts: Train/CLASS/FILE and Test/CLASS/FILE (N-MNIST, SpikingJelly); CLASS/FILE, of which the first 90 %
    of each class, by name, are for training, as SpikingJelly and SEW-ResNet divide CIFAR10-DVS; the original
    and tonic's DVS128 Gesture. Files are those of `event_formats()`, or SpikingJelly's frames.

    frames: default: Frames(). sensor: (height, width), for formats that do not say it. `Dataset.record` holds
    how the frames were made. ValueError names the file or folder that is wrong, and how.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"events: no such folder {folder.resolve()}")
    if frames is not None and not isinstance(frames, Frames):
        raise TypeError(f"frames is a {type(frames).__name__}; a Frames(...) of memsim's is needed")
    if is_gesture(folder):
        classes, train, test = trials(folder, frames or Frames(), sensor)
        division, made = "its own", (frames or Frames()).record
    else:
        classes, parts, division = _samples(folder)
        ready = parts[0][0].path.suffix == ".npz" and is_frames(parts[0][0].path)
        if ready and frames is not None:
            raise ValueError(f"events: {folder} holds frames already: frames={frames} has no effect")
        if ready and sensor is not None:
            raise ValueError(
                f"events: {folder} holds frames, whose size is known: sensor={sensor} has no effect"
            )
        train, test = (
            _stack(_frames_of(part, None if ready else frames or Frames(), sensor)) for part in parts
        )
        made = {"from": "SpikingJelly's frames"} if ready else (frames or Frames()).record
    record = {"frames": made, "division": division}
    if len(train[1]) < 2:
        raise ValueError(
            f"events: {folder} has 1 recording for training, 2 are needed: one is for validation"
        )
    held = max(1, len(train[1]) // 10)
    return in_parts(name or folder.name, classes, train, test, validation=held, record=record)


def _frames_of(
    samples: list[Sample], frames: Frames | None, sensor: Size | None
) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield each file's frames and label; frames=None where the files hold them already."""
    for path, label in samples:
        if frames is not None:
            yield str(path), frames.of_file(path, read(path, sensor=sensor)), label
        elif path.suffix.lower() == ".npz":
            yield str(path), read_frames(path), label
        else:
            raise ValueError(f"events: {path} is a recording among files of frames; keep them apart")


def _stack(found: Iterator[tuple[str, np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Stack frames (B, T, 2, h, w) and labels (B); ValueError names the first file of another shape."""
    stacks: list[np.ndarray] = []
    labels: list[int] = []
    for where, frames, label in found:
        if stacks and frames.shape != stacks[0].shape:
            raise ValueError(
                f"events: {where} gives frames {frames.shape}, the files before it {stacks[0].shape}; "
                "frames of a window [s] need a number of steps"
            )
        stacks.append(frames)
        labels.append(label)
    return np.stack(stacks), np.asarray(labels, dtype=np.int64)


def _samples(folder: Path) -> tuple[tuple[str, ...], list[list[Sample]], str]:
    """List the classes, the samples of the training and of the test part, and how they were divided."""
    for train, test in PARTS:
        if (folder / train).is_dir():
            if not (folder / test).is_dir():
                raise ValueError(f"events: {folder / train} is there, {folder / test} is not")
            classes = _classes(folder / train)
            strange = set(_classes(folder / test)) - set(classes)
            if strange:
                raise ValueError(f"events: {folder / test} has classes {sorted(strange)} that {train} lacks")
            for name in classes:
                if not _recordings(folder / train / name):
                    raise ValueError(f"events: {folder / train / name} holds no recording")
            return classes, [_files(folder / part, classes) for part in (train, test)], "its own"
    classes = _classes(folder)
    parts: list[list[Sample]] = [[], []]
    for label, name in enumerate(classes):
        own = [Sample(path, label) for path in _recordings(folder / name)]
        cut = int(len(own) * FIRST)
        if not cut:
            raise ValueError(f"events: {folder / name} has {len(own)} recordings, 2 of a class are needed")
        parts[0] += own[:cut]
        parts[1] += own[cut:]
    return classes, parts, f"the first {FIRST:.0%} of each class, by name, are for training"


def _classes(folder: Path) -> tuple[str, ...]:
    """List the folders of classes, numbers by value."""
    names = [path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    if not names:
        raise ValueError(f"events: {folder.resolve()} has no folder for each class, as in {folder / '0'}/")
    return tuple(sorted(names, key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name)))


def _files(folder: Path, classes: tuple[str, ...]) -> list[Sample]:
    """List a part's samples, class by class."""
    there = [(folder / name, label) for label, name in enumerate(classes) if (folder / name).is_dir()]
    found = [Sample(path, label) for inner, label in there for path in _recordings(inner)]
    if not found:
        raise ValueError(f"events: {folder.resolve()} holds no recording")
    return found


def _recordings(folder: Path) -> list[Path]:
    """List the recordings in a folder; what a name's number says comes before its letters."""
    suffixes = {one.suffix for one in event_formats().values()}

    def key(path: Path) -> tuple[Any, ...]:
        number = path.stem.rpartition("_")[2]
        return (len(number), path.stem) if number.isdigit() else (0, path.stem)

    return sorted((path for path in folder.iterdir() if path.suffix.lower() in suffixes), key=key)
