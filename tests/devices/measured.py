"""Devices measured in a plain loop over pulses and times, by equations alone: no code of a fit or a cell."""

from dataclasses import dataclass

import numpy as np

from memsim.devices.fitting.measurements import PulseCurves, RetentionCurves

MICRO = 1e-6


@dataclass(frozen=True)
class Pulsed:
    """A population of pulsed devices, conductances in microsiemens; steps are those at `middle`."""

    soft: bool  #: steps vanish at each device's own bounds, else they lose `bend` towards the common ones
    middle: float
    up: float
    down: float
    gain: float  #: spread of both steps [1]
    apart: float  #: spread that parts them [1]
    high: float
    low: float
    bounds: tuple[float, float] = (0.0, 0.0)  #: spread of high and low
    bend: tuple[float, float] = (1.0, 1.0)
    bends: tuple[float, float] = (0.0, 0.0)  #: spread of bend
    cycle: float = 0.3
    level: float = 0.3
    start: float = 6.0
    starts: float = 0.5
    log_normal: bool = False

    def measure(self, seed: int, devices: int, pulses: int, turns: int = 1) -> PulseCurves:
        """Pulses up, then as many down, `turns` times; a reading first and after each pulse."""
        rng = np.random.default_rng(seed)
        xi = rng.standard_normal((7, devices))
        larger, odds = max(self.up, self.down), (self.up - self.down) / max(self.up, self.down)
        gain = np.exp(self.gain * xi[0]) if self.log_normal else 1 + self.gain * xi[0]
        up = larger * (gain + self.apart * xi[1] + min(odds, 0))
        down = larger * (gain - self.apart * xi[1] - max(odds, 0))
        high, low = self.high + self.bounds[0] * xi[2], self.low + self.bounds[1] * xi[3]
        bends = [
            bend + spread * xi[4 + i]
            for i, (bend, spread) in enumerate(zip(self.bend, self.bends, strict=True))
        ]
        g = self.start + self.starts * xi[6]
        seen, directions = [g + self.level * rng.standard_normal(devices)], [0]
        for d in ([1] * pulses + [-1] * pulses) * turns:
            xi = rng.standard_normal(devices)
            if d > 0:
                g = g + up * (1 - bends[0] * (g - self.middle) / (high - self.middle)) * (1 + self.cycle * xi)
            else:
                g = g - down * (1 - bends[1] * (self.middle - g) / (self.middle - low)) * (
                    1 + self.cycle * xi
                )
            g = np.clip(g, low, high)
            seen.append(g + self.level * rng.standard_normal(devices))
            directions.append(d)
        names = tuple(f"d{i:02}" for i in range(devices))
        direction = np.repeat(np.array(directions, np.int8)[:, None], devices, 1)
        return PulseCurves(names, MICRO * np.abs(seen), direction)

    def truth(self, window: dict[str, float]) -> dict[str, float]:
        """What a card says of these devices; window: the numbers of the fit that were not fitted."""
        out = {
            "step_up [S]": MICRO * self.up, "step_down [S]": MICRO * self.down, "step_spread": self.gain,
            "asymmetry_spread": self.apart, "cycle_noise": self.cycle, "write_noise [S]": MICRO * self.level,
        }  # fmt: skip
        if self.soft:
            out |= {"g_max [S]": MICRO * self.high, "g_min [S]": MICRO * self.low}
            return out | {
                f"g_{side}_spread [S]": MICRO * s for side, s in zip(("max", "min"), self.bounds, strict=True)
            }
        ends = {"up": (window["g_max [S]"], self.high), "down": (window["g_min [S]"], self.low)}
        for i, (side, (seen, own)) in enumerate(ends.items()):
            reach = (seen / MICRO - self.middle) / (own - self.middle)
            out[f"nonlinearity_{side}"] = reach * self.bend[i]
            out[f"nonlinearity_{side}_spread"] = reach * self.bends[i]
        return out


RERAM = Pulsed(
    soft=True, middle=25, up=1.2, down=1.0, gain=0.15, apart=0.05, high=45, low=5, bounds=(4, 2), starts=0.5
)
"""Soft bounds: resistive memory."""

ECRAM = Pulsed(
    soft=False, middle=14, up=0.25, down=0.3, gain=0.1, apart=0.05, high=34, low=-6, bend=(0.4, 0.7),
    bends=(0.1, 0.1), level=0.1,
)  # fmt: skip
"""Steps that change little over the window: electrochemical memory."""


@dataclass(frozen=True)
class Drifting:
    """A population of drifting devices: (1 + t/t_0)^-nu, a walk over ln(t + t_0), noise of the spectrum 1/f
    between 1 / (t + t_0 + t_read) and 1 / (2 t_read), summed over frequencies, and noise of each reading.
    """

    exponent: float = 0.06
    spread: float = 0.015
    t_0: float = 20.0
    flicker: float = 0.004
    read: float = 0.005
    walk: float = 0.0
    times: tuple[float, ...] = (0, 1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)

    def measure(self, seed: int, devices: int) -> RetentionCurves:
        """Conductances near 20 uS, read at every time."""
        rng = np.random.default_rng(seed)
        nu = self.exponent + self.spread * rng.standard_normal(devices)
        g = 20 * (1 + 0.1 * rng.standard_normal(devices))
        t = np.array(self.times, float)[:, None]
        steps = np.sqrt(np.diff(np.log(t + self.t_0), axis=0, prepend=np.log(t[:1] + self.t_0)))
        walk = np.cumsum(steps * rng.standard_normal((len(t), devices)), 0)
        clean = g * ((t + self.t_0) / self.t_0) ** -nu
        noise = self.flicker * self.waves(rng, devices) + self.walk * walk
        noisy = clean * np.exp(noise + self.read * rng.standard_normal((len(t), devices)))
        names = tuple(f"p{i:02}" for i in range(devices))
        return RetentionCurves(names, np.repeat(t, devices, 1), MICRO * noisy)

    def waves(self, rng: np.random.Generator, devices: int) -> np.ndarray:
        """B (T, N): waves of random phase, 200 for each factor e of frequency, where they are in the band."""
        t, t_read = np.array(self.times, float)[:, None], 250e-9
        edges = np.log(2 * t_read), np.log(t[-1, 0] + self.t_0 + t_read)
        count = int(200 * (edges[1] - edges[0]))
        period = np.exp(edges[0] + (edges[1] - edges[0]) * (rng.random(count) + np.arange(count)) / count)
        share = np.sqrt((edges[1] - edges[0]) / count) * (period <= t + self.t_0 + t_read)
        angle = 2 * np.pi * ((t / period) % 1.0)
        up, across = rng.standard_normal((2, count, devices))
        return (share * np.cos(angle)) @ up + (share * np.sin(angle)) @ across

    def truth(self, mean: float, g_max: float) -> dict[str, float]:
        """What a card says of these devices; read noise at g_max goes with the root of the conductance."""
        return {
            "drift_exponent": self.exponent, "drift_exponent_spread": self.spread, "t_0 [s]": self.t_0,
            "flicker_noise": self.flicker, "read_noise": self.read * (mean / g_max) ** 0.5,
        }  # fmt: skip


PCM = Drifting()
"""Phase-change memory."""
