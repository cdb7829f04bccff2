"""The STDP window that two spike waveforms make on a device: its change against the spikes' distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
from scipy.optimize import minimize_scalar

from memsim.devices.stdp.rate_law import RateLaw, ThresholdExponential, drive
from memsim.devices.stdp.waveform import SpikePair

Lobe = Literal["potentiation", "depression"]


class LobeFit(NamedTuple):
    """Least squares of |change| = height exp(-delay / tau)."""

    tau: float  #: [s]
    height: float  #: extrapolated to delay 0, in the change's unit
    r2: float  #: share of the variance explained [1]


@final
@dataclass(frozen=True, eq=False)
class STDPWindow:
    """Changes of a weight by one spike pair, against its delay |dt|, in the unit of the law's weight."""

    delay: np.ndarray  #: |dt| (K,) [s], ascending
    potentiation: np.ndarray  #: change at dt = -delay, the presynaptic spike first (K,)
    depression: np.ndarray  #: change at dt = +delay (K,), negative where it depresses

    def height(self, lobe: Lobe) -> float:
        """Return the largest |change| of a lobe."""
        return float(np.abs(getattr(self, lobe)).max())

    def support(self, lobe: Lobe) -> float:
        """Return the largest delay [s] with a change above a millionth of the window's largest; 0 without
        any.
        """
        floor = 1e-6 * max(self.height("potentiation"), self.height("depression"))
        return float(self.delay[np.abs(getattr(self, lobe)) > floor].max(initial=0.0))

    def fit(self, lobe: Lobe, low: float = 0.0, high: float = np.inf) -> LobeFit:
        """Return an exponential through a lobe, over delays low .. high [s] beyond its peak.

        Raises ValueError where fewer than three points of the lobe lie there.
        """
        size = np.abs(getattr(self, lobe))
        chosen = (np.arange(len(size)) >= size.argmax()) & (self.delay >= low) & (self.delay <= high)
        x, y = self.delay[chosen], size[chosen]
        if np.count_nonzero(y) < 3:
            raise ValueError(
                f"{lobe} has {np.count_nonzero(y)} changes at {low:g} .. {high:g} s; 3 are needed"
            )

        def height(tau: float) -> float:
            return float(y @ np.exp(-x / tau) / np.exp(-2 * x / tau).sum())

        def loss(log_tau: float) -> float:
            tau = np.exp(log_tau)
            return float(((y / y.max() - height(tau) / y.max() * np.exp(-x / tau)) ** 2).sum())

        span = np.log(x[-1] - x[0])
        best: Any = minimize_scalar(
            loss, bounds=(span - 5, span + 5), method="bounded", options={"xatol": 1e-9}
        )
        tau = float(np.exp(best.x))
        variance = float(((y / y.max() - (y / y.max()).mean()) ** 2).sum())
        return LobeFit(tau, height(tau), 1 - loss(best.x) / variance)

    def table(self) -> dict[str, list[float]]:
        """delay [s], and both lobes over the larger height: what `models.Window` takes, with a time_unit."""
        largest = max(self.height("potentiation"), self.height("depression"))
        if largest == 0.0:
            raise ValueError("this window is zero: no spike pair moves the device; larger peaks or tails?")
        lobes = {"potentiation": self.potentiation / largest, "depression": -self.depression / largest}
        return {"delay": self.delay.tolist()} | {name: (f + 0.0).tolist() for name, f in lobes.items()}


def stdp_window(
    pair: SpikePair | None = None,
    law: RateLaw | None = None,
    delay: Sequence[float] | np.ndarray | None = None,
) -> STDPWindow:
    """Return the window of a spike pair on a device, by integrating its rate law from the state `law.start`:

        change(dt) = w(x_after) - w(x_before),   dx/dt = rate(v(t, dt), x)

    delay: |dt| [s], ascending; without it 101 of them from 0 to the pair's reach, dense where the window is
    steep. At dt = 0 equal spikes cancel and nothing is written; the peak lies where the two peaks no longer
    meet. Raises ValueError for delays that are negative or do not ascend.
    """
    pair, law = pair or SpikePair(), law or ThresholdExponential()
    at = pair.reach * np.linspace(0, 1, 101) ** 2 if delay is None else np.asarray(delay, float)
    if at.ndim != 1 or at.size == 0 or at[0] < 0 or not np.all(np.diff(at) > 0):
        raise ValueError("delay: at least one time [s], from 0 upwards, ascending")
    dt = np.concatenate([-at, at])
    before = np.full_like(dt, law.start)
    after = drive(law, before, lambda t: pair.voltage(t, dt), pair.knots(dt))
    change = law.weight(after) - law.weight(before)
    return STDPWindow(at, change[: len(at)], change[len(at) :])
