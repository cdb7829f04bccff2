"""The ideal cell: every target is stored exactly and stays."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from torch import Tensor

from memsim.devices.cell import Cell, Description
from memsim.devices.numerics.stream import Stream


@final
@dataclass(frozen=True, kw_only=True)
class IdealState:
    """A stored value and the time since it was written."""

    value: Tensor
    t: float = 0.0


@final
@dataclass(frozen=True, kw_only=True)
class IdealCell(Cell):
    """Stores what it is given, as weights [S] or as attention weights w [1]; good for both kinds of array.

    memsim hands it targets (`exact` is True) instead of pulse counts.
    """

    g_max: float = 25e-6  #: full scale when used as a conductance [S]
    g_min: float = 0.0
    read_noise: float = 0.0
    n_max: int = 16  #: only where a schedule takes a number of pulses
    unit: str = "1"

    one_sided: ClassVar[bool] = False
    exact: ClassVar[bool] = True
    missing: ClassVar[dict[str, str]] = {"pulse": "it is written exactly: no pulse has an error to model"}

    def write(self, target: Tensor, *, rng: Stream | None = None) -> IdealState:
        """Store `target`."""
        return IdealState(value=target)

    def relax(self, state: IdealState, t: float, *, rng: Stream | None = None) -> IdealState:
        """Return the state at time `t`, whose value does not change. Raises ValueError for `t` < 0."""
        if not t >= 0.0:
            raise ValueError(f"t={t} s: time since the write cannot be negative")
        return replace(state, t=float(t))

    def read(self, state: IdealState, *, rng: Stream | None = None) -> Tensor:
        """Return the stored value itself."""
        return state.value

    def aged(self, target: Tensor, age: float, *, rng: Stream | None = None) -> Tensor:
        """`target`, `age` seconds after it was written."""
        return self.read(self.relax(self.write(target), age))

    def chord(self, conductance: Tensor, voltage: float) -> Tensor:
        """I / V [S]: the conductance itself at every voltage."""
        return conductance

    def describe(self) -> Description:
        return Description(
            name=self.name, technology=self.technology, kind="weight, pulsed", states=float("inf"), low=-1.0,
            high=1.0, unit=self.unit, n_max=self.n_max, one_sided=False, effects=self.effects,
            unsupported=dict(self.missing), source=self.source,
        )  # fmt: skip


def ideal(**changes: Any) -> IdealCell:
    """Return the preset `ideal`."""
    numbers: dict[str, Any] = {"name": "ideal", "technology": "ideal", "source": "definition"}
    return IdealCell(**(numbers | changes))
