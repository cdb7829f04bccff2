"""Frames: the events of a recording counted in steps of equal time, of equal number, or of a fixed length."""

from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, final

import numpy as np

from memsim.models.datasets.events.recording import LATEST, Events

MICROSECONDS = 1e6
LARGEST = 2**24  #: counts are exact in float32 up to there
MOST = 2**30  #: counts of one recording, four gigabytes
TYPES = (
    ("steps", (int, np.integer, NoneType), "a whole number, or None"),
    ("window", (int, float, np.number, NoneType), "seconds, or None"),
    ("clip", (int, np.integer, NoneType), "a whole number, or None"),
    ("binary", (bool,), "True or False"),
)


@final
@dataclass(frozen=True, kw_only=True)
class Frames:
    """Counts of events (T, 2, height, width), float32; plane 0 holds OFF, plane 1 ON events.

    split="time": T = `steps` frames of equal duration from the first event to the last; split="number": T
    frames of equally many events; the last frame takes the rest, as in SpikingJelly. With `window` [s] each
    frame lasts that long: `steps` of them (later events are left out, missing frames are empty), or, with
    steps=None, as many as reach the last event. `clip` bounds a count; `binary` keeps whether there was any,
    so that a first convolution on arrays is driven by one bit instead of by a DAC.
    """

    steps: int | None = 10
    split: Literal["time", "number"] = "time"
    window: float | None = None
    clip: int | None = None
    binary: bool = False

    def __post_init__(self):
        for name, kinds, words in TYPES:
            value = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise ValueError(f"{name} = {value!r:.60}: {words} is needed")
        if self.split not in ("time", "number"):
            raise ValueError(f"split = {self.split!r:.60}: choose 'time' or 'number'")
        if self.steps is None and self.window is None:
            raise ValueError("steps = None needs a window [s], the duration of a frame")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps = {self.steps}: at least one frame is needed")
        if self.steps is not None and self.steps > MOST // 2:
            raise ValueError(
                f"steps = {self.steps!r:.60}: at most {MOST // 2} frames; fewer steps are needed"
            )
        if self.window is not None and not 1 / MICROSECONDS <= self.window <= LATEST / MICROSECONDS:
            most = LATEST / MICROSECONDS
            raise ValueError(
                f"window = {self.window!r:.60} s: from 1e-6 to {most:.2g}; was it given in another unit?"
            )
        if self.window is not None and self.split == "number":
            raise ValueError(
                "window has no effect on split='number', whose frames have equal numbers of events"
            )
        if self.clip is not None and not 1 <= self.clip <= LARGEST:
            raise ValueError(f"clip = {self.clip!r:.60}: the largest count, from 1 to 2^24")
        if self.clip is not None and self.binary:
            raise ValueError("clip has no effect on binary frames, whose counts are 0 and 1")

    @property
    def record(self) -> dict[str, Any]:
        """The settings, as plain values."""
        return {
            "steps": self.steps, "split": self.split, "window [s]": self.window,
            "clip": self.clip, "binary": self.binary,
        }  # fmt: skip

    def __call__(self, events: Events) -> np.ndarray:
        """Count one recording; ValueError where it has fewer events than frames that share them by number."""
        step = self._step(events)
        steps = self.steps or int(step[-1]) + 1
        height, width = events.sensor
        if steps * 2 * height * width > MOST:
            hint = "a longer window [s], or a number of steps" if self.steps is None else "fewer steps"
            raise ValueError(
                f"{steps} frames of 2 x {height} x {width} hold more than {MOST} counts: take {hint}"
            )
        place = ((step * 2 + events.p) * height + events.y) * width + events.x
        place = place[step < steps]
        counts = np.bincount(place, minlength=steps * 2 * height * width)
        counts = counts.reshape(steps, 2, height, width).astype(np.float32)
        most = 1 if self.binary else self.clip
        return counts if most is None else np.minimum(counts, np.float32(most))

    def of_file(self, path: Path, events: Events) -> np.ndarray:
        """Count the recording of a file; ValueError, where it cannot be, begins with its path."""
        try:
            return self(events)
        except ValueError as error:
            raise ValueError(f"recording {path}: {error}") from None

    def _step(self, events: Events) -> np.ndarray:
        """Number the frame of each event (n)."""
        if self.window is not None:
            return (events.t - events.t[0]) // round(self.window * MICROSECONDS)
        assert self.steps is not None
        if self.split == "number":
            if len(events) < self.steps:
                raise ValueError(f"{len(events)} events do not fill {self.steps} frames of equal number")
            return np.minimum(np.arange(len(events)) // (len(events) // self.steps), self.steps - 1)
        duration = int(events.t[-1] - events.t[0]) // self.steps
        return np.minimum((events.t - events.t[0]) // max(1, duration), self.steps - 1)
