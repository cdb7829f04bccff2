"""The contrast-threshold pixel of an event camera: it answers changes of the logarithm of its light."""

from dataclasses import dataclass
from math import log, pi
from typing import Any, final

import numpy as np

WHITE, LINEAR = 255.0, 20.0  #: intensity of white; below LINEAR the answer is linear, not logarithmic
LEAST = 0.01  #: of any pixel's threshold


@final
@dataclass(frozen=True, kw_only=True)
class Pixel:
    """Constants of the pixels of a sensor (v2e's "clean" setting by default), without noise of time or shot.

    A pixel keeps a level M. Light L above it by n thresholds gives n ON events and M rises by n thresholds;
    light below it gives OFF events. `threshold` is in units of ln(intensity), ON and OFF alike; each pixel's
    own is drawn once, normal with standard deviation `spread`, from `seed`, and is at least 0.01. `cutoff`
    [Hz] is the bandwidth of a white pixel (None: no low-pass); it falls with the light, as (I + 20)/275.
    `leak` [Hz] is the rate of ON events without any change of light. Source: Hu, Liu & Delbruck, v2e, CVPR
    workshops 2021.
    """

    threshold: float = 0.2
    spread: float = 0.02
    cutoff: float | None = None
    leak: float = 0.0
    seed: int = 0

    def __post_init__(self):
        if not self.threshold >= LEAST:
            raise ValueError(f"threshold = {self.threshold}: at least {LEAST}, in units of ln(intensity)")
        if not 0 <= self.spread < self.threshold:
            raise ValueError(f"spread = {self.spread}: from 0 to below the threshold, {self.threshold}")
        if self.cutoff is not None and not self.cutoff > 0:
            raise ValueError(f"cutoff = {self.cutoff} Hz must be positive; None is no low-pass")
        if not self.leak >= 0:
            raise ValueError(f"leak = {self.leak} Hz must not be negative")

    @property
    def record(self) -> dict[str, Any]:
        """The constants, as plain values."""
        return {
            "model": "lin-log contrast threshold (v2e)", "threshold [ln]": self.threshold,
            "spread [ln]": self.spread, "cutoff [Hz]": self.cutoff, "leak [Hz]": self.leak, "seed": self.seed,
        }  # fmt: skip

    def thresholds(self, shape: tuple[int, int]) -> np.ndarray:
        """Draw each pixel's threshold (h, w), the same for every recording of the sensor."""
        rng = np.random.Generator(np.random.Philox(self.seed))
        drawn = self.threshold + self.spread * rng.standard_normal(shape)
        return np.maximum(drawn, LEAST)

    def changes(self, intensity: np.ndarray, dt: float) -> np.ndarray:
        """Count events (K, ..., h, w) between the K + 1 pictures of light (K + 1, ..., h, w): ON > 0 > OFF.

        intensity: 0 to 1, linear in light; dt [s]: time between two pictures. The pixels have settled on the
        first picture.
        """
        levels = log_light(intensity)
        if self.cutoff is not None:
            levels = self._filtered(levels, intensity, dt)
        theta = self.thresholds((intensity.shape[-2], intensity.shape[-1]))
        return self.count(levels, theta, drift=self.leak * dt)

    def count(self, levels: np.ndarray, theta: np.ndarray, drift: float = 0.0) -> np.ndarray:
        """Count events between levels (K + 1, ..., h, w); `drift` is how many thresholds leak in a step.

        M is kept as whole thresholds above the first level, so that light which comes back to where it was
        gives back exactly as many events, whatever the rounding.
        """
        kept = np.zeros(levels.shape[1:])
        out = np.empty((len(levels) - 1, *levels.shape[1:]), dtype=np.int16)
        for k, level in enumerate(levels[1:], 1):
            out[k - 1] = np.trunc((level - levels[0]) / theta + drift * k - kept)
            kept += out[k - 1]
        return out

    def _filtered(self, levels: np.ndarray, intensity: np.ndarray, dt: float) -> np.ndarray:
        """Pass levels through the pixel's first-order low-pass, which is slow in the dark."""
        assert self.cutoff is not None
        out = np.empty_like(levels)
        out[0] = levels[0]
        for k in range(1, len(levels)):
            speed = (intensity[k] * WHITE + LINEAR) / (WHITE + LINEAR) * dt * 2 * pi * self.cutoff
            out[k] = out[k - 1] + np.minimum(speed, 1.0) * (levels[k] - out[k - 1])
        return out


def log_light(intensity: np.ndarray) -> np.ndarray:
    """Return ln(I) of I = 255 x intensity, below I = 20 the line through 0 that meets it."""
    light = np.asarray(intensity) * WHITE
    return np.where(light <= LINEAR, light * (log(LINEAR) / LINEAR), np.log(np.maximum(light, LINEAR)))
