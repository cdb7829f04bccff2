"""A pulsed cell around another: more than one device at a crosspoint, worn devices, another way to reset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim.devices.cell import Description, Fabric, PulsedCell, PulsedState
from memsim.devices.numerics.stream import Stream

_OWN = {field.name for field in fields(PulsedCell)} - {"off", "strengths"}


@dataclass(frozen=True, kw_only=True)
class Around(PulsedCell):
    """Law, effects and strengths are the device's; a subclass changes one thing about how it is used.

    Make one with :meth:`of`, which takes what a device says of itself from it: name, source, n_max, siemens.
    """

    device: PulsedCell

    @classmethod
    def of(cls, device: PulsedCell, **changes: Any) -> Self:
        """Return a cell of this kind around `device`."""
        own = {name: getattr(device, name) for name in _OWN}
        return cls(device=device, **(own | changes))

    @property
    def one_sided(self) -> bool:  # type: ignore[override]
        return self.device.one_sided

    @property
    def effects(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.device.effects

    def without(self, *effects: str) -> Self:
        return replace(self, device=self.device.without(*effects))

    def only(self, *effects: str) -> Self:
        return replace(self, device=self.device.only(*effects))

    def scaled(self, strengths: Mapping[str, float]) -> Self:
        return replace(self, device=self.device.scaled(strengths))

    def strength(self, effect: str) -> float:
        return self.device.strength(effect)

    @property
    def read_law(self) -> tuple[float, float]:
        return self.device.read_law

    @property
    def reset_spread(self) -> float:
        return self.device.reset_spread

    def describe(self) -> Description:
        return replace(self.device.describe(), name=self.name, n_max=self.n_max)

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        return self.device.fabricate(shape, rng=rng)

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        return self.device.reset(fabric, rng=rng)

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        return self.device.pulse(state, n_up, n_down, rng=rng)
