"""A recording of an event camera: when, where, and whether it became brighter or darker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

TYPES = {"t": np.int64, "x": np.int16, "y": np.int16, "p": np.uint8}
LATEST = 2**53  #: latest time [us], 285 years: whole numbers are exact up to there in floats, too
Size = tuple[int, int]
"""Height and width of a sensor, in pixels."""


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Events:
    """Events in order of time: four arrays of one length, and the size of the sensor.

    t: microseconds, from 0 on, never falling. x, y: column and row, from 0 at the upper left. p: 1 where a
    pixel became brighter (ON), 0 where it became darker (OFF). `sensor` is (height, width). Whole numbers of
    any type are taken and kept as int64, int16, int16 and uint8. ValueError, naming the field, on unequal
    lengths, on no event, on times that go back, on a place outside the sensor, on another polarity.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    sensor: Size

    def __post_init__(self):
        given = {name: np.asarray(getattr(self, name)) for name in TYPES}
        lengths = {name: len(a) if a.ndim == 1 else a.shape for name, a in given.items()}
        if len(set(lengths.values())) != 1 or given["t"].ndim != 1:
            raise ValueError(
                f"t, x, y and p must be arrays of one length, one entry an event; given {lengths}"
            )
        if not len(given["t"]):
            raise ValueError("it holds no event")
        sized = isinstance(self.sensor, (tuple, list)) and len(self.sensor) == 2
        if not sized or not all(isinstance(n, (int, np.integer)) for n in self.sensor):
            raise ValueError(f"sensor = {self.sensor!r:.60}: (height, width) in pixels, two whole numbers")
        height, width = self.sensor
        if not (0 < height <= 2**15 and 0 < width <= 2**15):
            raise ValueError(f"sensor = {self.sensor}: pass (height, width) in pixels, each from 1 to 32768")
        for name, most in (("t", LATEST), ("x", width - 1), ("y", height - 1), ("p", 1)):
            object.__setattr__(self, name, _whole(name, given[name], most, self.sensor).astype(TYPES[name]))
        back = np.flatnonzero(np.diff(self.t) < 0)
        if len(back):
            n = int(back[0])
            raise ValueError(
                f"times go back at event {n + 1}, from {self.t[n]} to {self.t[n + 1]} us; "
                "are the bytes in another order, or must the events be sorted?"
            )

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        height, width = self.sensor
        return f"Events({len(self)} in {self.t[0]}..{self.t[-1]} us, {height} x {width} pixels)"

    def between(self, start: int, stop: int) -> "Events":
        """Cut out the events with start <= t < stop [us]; ValueError where there is none."""
        part = slice(*np.searchsorted(self.t, [start, stop]))
        if part.start >= part.stop:
            raise ValueError(f"no event from {start} to {stop} us; it has {self!r}")
        cut = {name: getattr(self, name)[part] for name in TYPES}
        return Events(**cut, sensor=self.sensor)


def _whole(name: str, values: np.ndarray, most: int, sensor: Size) -> np.ndarray:
    """Refuse numbers that are not whole, or outside 0..most."""
    if values.dtype.kind not in "biuf" or (
        values.dtype.kind == "f" and not np.array_equal(values, np.floor(values))
    ):
        raise ValueError(f"{name} ({values.dtype}) must hold whole numbers")
    low, high = values.min(), values.max()
    if low < 0 or high > most:
        allowed = "0 and up, to 2^53 us" if name == "t" else f"0..{most}"
        slip = " (polarities of -1 and 1 are 0 and 1 here)" if name == "p" else ""
        size = f" of the sensor, {sensor[0]} x {sensor[1]}" if name in ("x", "y") else ""
        raise ValueError(f"{name} reaches from {low} to {high}, allowed is {allowed}{size}{slip}")
    return values


def checked(path: Path, sensor: Size, t: Any, x: Any, y: Any, p: Any) -> Events:
    """Make the events of a file; ValueError begins with its path."""
    try:
        return Events(t=t, x=x, y=y, p=p, sensor=sensor)
    except ValueError as error:
        raise ValueError(f"recording {path}: {error}") from None
