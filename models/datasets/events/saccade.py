"""Micro-saccades before pictures: a camera that moves along a triangle, as the one that recorded N-MNIST."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any, Literal, final

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate, pad

from memsim.models.datasets.events.pixel import Pixel
from memsim.models.datasets.events.recording import Events

CHUNK = 128  #: pictures at once; bounds the memory
MICROSECONDS = 1e6
GREY = (0.299, 0.587, 0.114)  #: of red, green and blue (ITU-R BT.601)


@final
@dataclass(frozen=True, kw_only=True)
class Saccade:
    """A motion, and how a picture stands before the sensor.

    Three straight moves of `duration` [s] each along an isosceles triangle `amplitude` pixels wide and high,
    rendered `rate` times a second, bilinear between pixels. The picture is enlarged `scale` times; around it
    is black, or its edge goes on. The screen's black has `black` times the light of its white. The sensor is
    `side` x `side` pixels. The shape of N-MNIST's motion: Orchard et al., Front. Neurosci. 9:437 (2015); its
    amplitude and the screen's black are assumptions.
    """

    side: int = 34
    scale: int = 3
    border: Literal["black", "edge"] = "black"
    black: float = 0.15
    amplitude: float = 4.0
    duration: float = 0.1
    rate: float = 200.0

    def __post_init__(self):
        for name, least in (("side", 1), ("scale", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} = {getattr(self, name)}: {least} or more")
        if self.border not in ("black", "edge"):
            raise ValueError(f"border = {self.border!r}: choose 'black' or 'edge'")
        if not 0 <= self.black < 1:
            raise ValueError(f"black = {self.black}: from 0 to below 1, a fraction of the light of white")
        if not 0 < self.amplitude <= self.side:
            raise ValueError(f"amplitude = {self.amplitude} pixels: above 0, at most side = {self.side}")
        if not (self.duration > 0 and self.rate * self.duration >= 1):
            raise ValueError(
                f"rate = {self.rate} Hz and duration = {self.duration} s: at least one picture in each move"
            )

    @property
    def record(self) -> dict[str, Any]:
        """The constants, as plain values."""
        return {
            "motion": "three straight moves along an isosceles triangle", "side [pixels]": self.side,
            "scale": self.scale, "border": self.border, "black": self.black,
            "amplitude [pixels]": self.amplitude, "duration of a move [s]": self.duration,
            "rendered [Hz]": self.rate,
        }  # fmt: skip

    def path(self) -> np.ndarray:
        """Return the picture's place (K + 1, 2), rows and columns moved [pixels], from (0, 0) back to it."""
        corners = np.array([[0, 0], [1, 0.5], [0, 1], [0, 0]]) * self.amplitude
        moves = round(self.duration * self.rate)
        part = np.arange(1, moves + 1)[:, None] / moves
        legs = [start + (end - start) * part for start, end in pairwise(corners)]
        return np.concatenate([corners[:1], *legs])

    def light(self, pictures: Tensor) -> np.ndarray:
        """Render pictures (B, C, h, w) in [0, 1] as light on the sensor (K + 1, B, side, side), float32."""
        canvas, reach = self._canvas(pictures), self._reach
        seen = np.empty((len(self.path()), len(pictures), self.side, self.side), dtype=np.float32)
        for k, move in enumerate(self.path()):
            whole = np.floor(move).astype(int)
            down, right = (float(part) for part in move - whole)
            top, left = reach - whole - 1
            view = canvas[:, top : top + self.side + 1, left : left + self.side + 1]
            rows = down * view[:, :-1] + (1 - down) * view[:, 1:]
            seen[k] = right * rows[:, :, :-1] + (1 - right) * rows[:, :, 1:]
        return seen

    @property
    def _reach(self) -> int:
        """Pixels around the sensor that a motion may bring into view."""
        return ceil(self.amplitude) + 1

    def _canvas(self, pictures: Tensor) -> np.ndarray:
        """Enlarge grey pictures and lay them into the middle of sensor and surroundings (B, H, W)."""
        colour = pictures.shape[1] == 3
        grey = (pictures * pictures.new_tensor(GREY)[:, None, None]).sum(1) if colour else pictures.mean(1)
        mode = "constant" if self.border == "black" else "replicate"
        large = pad(grey[:, None], (1, 1, 1, 1), mode=mode)
        large = interpolate(large, scale_factor=self.scale, mode="bilinear", align_corners=False)
        size = self.side + 2 * self._reach
        rows, columns = (size - n for n in large.shape[-2:])
        sides = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        light = self.black + (1 - self.black) * pad(large, sides, mode=mode)
        return light[:, 0].numpy()

    def record_events(self, pictures: Tensor, pixel: Pixel) -> Iterator[Events]:
        """Yield the recording of each picture (B, C, h, w) in [0, 1], in order.

        Several events of a pixel between two rendered pictures are spread evenly over that time.
        ValueError, naming the picture, where one gives no event.
        """
        for start in range(0, len(pictures), CHUNK):
            light = self.light(pictures[start : start + CHUNK])
            yield from self._events(pixel.changes(light, 1 / self.rate), start)

    def _events(self, counts: np.ndarray, first: int) -> Iterator[Events]:
        """Yield recordings of counts (K, B, h, w), ON > 0 > OFF; the first picture's number is `first`."""
        step, picture, y, x = np.nonzero(counts)
        number = counts[step, picture, y, x]
        times = np.abs(number)
        source = np.repeat(np.arange(len(times)), times)
        nth = np.arange(len(source)) - np.repeat(np.cumsum(times, dtype=np.int64) - times, times)
        t = ((step[source] + (nth + 1) / times[source]) / self.rate * MICROSECONDS).astype(np.int64)
        order = np.lexsort((t, picture[source]))
        source, t = source[order], t[order]
        edges = np.searchsorted(picture[source], np.arange(counts.shape[1] + 1))
        for n, (low, high) in enumerate(pairwise(edges)):
            if low == high:
                raise ValueError(
                    f"picture {first + n} gives no event: it has no contrast above the threshold"
                )
            own = source[low:high]
            yield Events(t=t[low:high], x=x[own], y=y[own], p=number[own] > 0, sensor=(self.side, self.side))
