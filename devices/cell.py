"""A cell: one device technology, four verbs (write, pulse, relax, read), effects switched off or scaled one
by one.

A cell is one device. Pairs, arrays and currents are memsim's business. A verb that a cell does not have
raises :class:`Unsupported` with the reason; :meth:`Cell.describe` lists them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from memsim.devices import missing_verbs
from memsim.devices.check import MAX_STRENGTH, check
from memsim.devices.endurance import Endurance, of_technology
from memsim.devices.numerics.stream import Indices, Stream, stream
from memsim.devices.pulses.line_pulses import Pulses


class Unsupported(Exception):
    """A verb this cell does not have; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What `memsim devices` prints and the conformance suite checks."""

    name: str
    technology: str
    kind: str  #: "weight", "pulsed" or "weight, pulsed"
    states: float  #: distinguishable states over the range; inf for a continuous one
    low: float  #: lowest state of a nominal device, in `unit`
    high: float  #: highest state of a nominal device, in `unit`
    unit: str  #: "S", or "1" for aihwkit's unitless w
    n_max: int  #: pulses of a full write; 0 for cells that take none
    one_sided: bool  #: pulses move it up only
    effects: tuple[str, ...]
    unsupported: dict[str, str]  #: verb -> reason
    source: str

    @property
    def line(self) -> str:
        """One line for a listing."""
        how = f"{self.states:.3g} states" if self.states < float("inf") else "continuous"
        moves = {True: ", up only", False: ""}[self.one_sided]
        return f"{self.name:30} {self.technology:8} {self.kind:14} {how}{moves}; {self.source}"


@dataclass(frozen=True, kw_only=True)
class Cell(ABC):
    """A device technology with a source."""

    name: str  #: technology-source
    technology: str  #: PCM, ReRAM, ECRAM, ideal
    source: str  #: the publication the numbers come from, and the model they were taken through
    own_endurance: float | None = None  #: write cycles until it fails, where they were measured [cycles]
    off: frozenset[str] = frozenset()  #: effects replaced by their ideal
    strengths: tuple[tuple[str, float], ...] = ()  #: factors on effects, by name; 1 where none is given [1]

    effects: ClassVar[tuple[str, ...]] = ()  #: every effect it has (a property where it depends on numbers)
    missing: ClassVar[dict[str, str]] = {}  #: verb -> why this cell does not have it
    exact: ClassVar[bool] = False  #: takes any value without error

    def __post_init__(self) -> None:
        strengths = {effect: float(factor) for effect, factor in self.strengths}
        unknown = sorted({*self.off, *strengths} - set(self.effects))
        if unknown:
            known = ", ".join(self.effects) or "none"
            raise ValueError(f"{self.name} has no effect {', '.join(map(repr, unknown))}; it has: {known}")
        for effect, factor in strengths.items():
            if not 0.0 <= factor <= MAX_STRENGTH:
                raise ValueError(f"strength of {effect!r} = {factor:g}: 0 to {MAX_STRENGTH:g} is allowed")
        kept = tuple(sorted((effect, factor) for effect, factor in strengths.items() if factor != 1.0))
        object.__setattr__(self, "strengths", kept)  # equal cells compare and hash as equal

    def without(self, *effects: str) -> "Cell":
        """Return the same cell with these effects replaced by their ideal. Raises ValueError for an
        unknown name.
        """
        return replace(self, off=self.off | frozenset(effects))

    def only(self, *effects: str) -> "Cell":
        """Return the same cell with these effects on and all others off. Raises ValueError for an unknown
        name.
        """
        self.without(*effects)
        return replace(self, off=frozenset(self.effects) - frozenset(effects))

    def scaled(self, strengths: Mapping[str, float]) -> "Cell":
        """Return the same cell with these effects `factor` times as strong, sigma -> factor sigma; 0 is off,
        1 the source's.

        Drift has its exponent multiplied, nu -> factor nu. A factor replaces an earlier one, and an effect
        that is off stays off. Pulsed laws were held against their loops over pulses up to a factor of 2; the
        closed forms of reram-om and reram-es say what is lost beyond. Raises ValueError for an unknown name
        and for factors outside 0 .. 10.
        """
        return replace(self, strengths=tuple({**dict(self.strengths), **strengths}.items()))

    def strength(self, effect: str) -> float:
        """Return the factor on an effect [1]: 0 where it is off or the cell has not got it, 1 where it is
        not scaled.
        """
        if effect in self.off or effect not in self.effects:
            return 0.0
        return dict(self.strengths).get(effect, 1.0)

    def on(self, effect: str) -> bool:
        """Return whether this cell has the effect, and it is not switched off."""
        return self.strength(effect) > 0.0

    @property
    def endurance_range(self) -> Endurance | None:
        """Write cycles until it fails: measured, or published for its technology; None without wear."""
        own = self.own_endurance
        return Endurance(own, own, self.source) if own else of_technology(self.technology)

    @abstractmethod
    def describe(self) -> Description:
        """Return everything a listing or a conformance test needs."""

    def write(self, target: Tensor, *, rng: Stream) -> Any:
        """Write a target conductance; see :mod:`memsim.devices.weights.weight_cell`."""
        raise self._unsupported("write")

    def pulse(self, state: Any, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream) -> Any:
        """Apply identical pulses; see :class:`PulsedCell`."""
        raise self._unsupported("pulse")

    def relax(self, state: Any, t: float, *, rng: Stream | None = None) -> Any:
        """Let time pass."""
        raise self._unsupported("relax")

    def read(self, state: Any, *, rng: Stream | None = None) -> Tensor:
        """Return what a read sees."""
        raise self._unsupported("read")

    def _unsupported(self, verb: str) -> Unsupported:
        return Unsupported(f"{self.name} has no {verb}: {self.missing.get(verb, 'no source models it')}")


@dataclass(frozen=True, eq=False)
class Fabric:
    """Device-to-device values of physical arrays, drawn once: float32 tensors of shape (*places, *cells)."""

    values: dict[str, Tensor]  #: named as in aihwkit's hidden parameters where it has them
    places: tuple[int, ...]  #: shape K of the streams it was drawn from
    packed: Tensor = field(repr=False)  #: the law's constants, float32 (arrays, blocks, constants, BLOCK)

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def take(self, place: tuple[int, ...]) -> "Fabric":
        """Return the one array at `place`."""
        values = {name: value[place] for name, value in self.values.items()}
        flat = int(np.ravel_multi_index(place, self.places)) if self.places else 0
        return Fabric(values=values, places=(), packed=self.packed[flat : flat + 1])

    def to(self, device: torch.device | str) -> "Fabric":
        """Return the same devices, with their values on `device`, where their laws then run."""
        values = {name: value.to(device) for name, value in self.values.items()}
        return replace(self, values=values, packed=self.packed.to(device))

    @property
    def device(self) -> torch.device:
        """Where its values are."""
        return self.packed.device

    @property
    def cells(self) -> tuple[int, ...]:
        """Shape of one array."""
        return tuple(next(iter(self.values.values())).shape[len(self.places) :])


@dataclass(frozen=True, eq=False)
class PulsedState:
    """The arrays between two verbs."""

    fabric: Fabric
    w: Tensor  #: the state that pulses move, float32 (*K, *cells)
    visible: Tensor  #: what a read sees: w with its write or read noise


@dataclass(frozen=True, kw_only=True)
class PulsedCell(Cell):
    """A cell moved by identical pulses, from a reset.

    State and read-out are aihwkit's unitless w, or a conductance [S] where `unit` says so. Effects (those
    it has): device-spread, cycle-noise, write-noise, reset-noise, read-noise.
    """

    n_max: int  #: pulses of a full write, 1 to 1e4
    unit: str = "1"
    conductances: tuple[float, float] | None = None  #: g_mid, g_unit; G = g_mid + w g_unit, where known [S]
    pulse_voltage: float | None = None  #: height of a pulse, where known [V]
    pulse_time: float | None = None  #: length of a pulse, where known [s]
    one_sided: ClassVar[bool] = False  #: moves up only
    missing: ClassVar[dict[str, str]] = missing_verbs.PULSED

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, self.name, n_max=(1, 10_000))

    @abstractmethod
    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        """Draw the device-to-device values of arrays (*K, *shape); spread off: nominal devices."""

    @abstractmethod
    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        """Reset every device of the arrays, noise included."""

    @abstractmethod
    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        """Apply n_up pulses up, then n_down down; integers or fractions, broadcast to (*K, *cells)."""

    @abstractmethod
    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        """Reset, abs(pulses) pulses in their sign's direction, read: float32 (*K, B, T, *cells).

        `pulses` (*K, B, T, *cells), whole or with a fractional last step, of cells or by lines; `image`
        (B,) and `step` (T,) address the noise. start: states to pulse from instead of a reset, for each
        write or (*K, *cells) for all; visible: what a read sees, or the states that pulses move (of every
        device), which a later call takes as its start. One kernel for the whole stack.
        """

    def read(self, state: PulsedState, *, rng: Stream | None = None) -> Tensor:
        """Return the visible state (*K, *cells): w and the noise of its last write, which stays until the
        next.
        """
        return state.visible

    @property
    def read_law(self) -> tuple[float, float]:
        """Spread r0 + r1 w of a single read at state w, at its strength [as w]; none here.

        `visible` states hold it once, as one read; arrays, which read many times, draw it for each.
        """
        return 0.0, 0.0

    @property
    def reset_spread(self) -> float:
        """Spread of a reset at its strength [as w]; 0 where it is not known."""
        return 0.0

    def response(self, n_max: int | None = None) -> Tensor:
        """Return the mean w after n = -n_max .. n_max pulses from reset, over devices and noise; shape (2
        n_max + 1,).

        For a cell that moves up only: that of a pair, sign(n) (m(abs n) - m(0)). The same devices and
        noise serve every n, so the table is smooth; it is made once from 2^16 devices of a fixed stream.
        """
        return _response(self, self.n_max if n_max is None else n_max)


@lru_cache(maxsize=64)
def _response(cell: PulsedCell, n_max: int) -> Tensor:
    fabric = cell.fabricate((1 << 16,), rng=stream(0, "response", "spread"))
    n = torch.arange(0 if cell.one_sided else -n_max, n_max + 1, dtype=torch.int16)
    rng = stream(0, "response", "noise")
    rows = [
        cell.rewrite(fabric, k.expand(1, 1, 1 << 16).contiguous(), rng=rng, image=None, step=None)
        .double()
        .mean()
        for k in n
    ]
    mean = torch.stack(rows).float()
    if not cell.one_sided:
        return mean
    rise = mean - mean[0]
    return torch.cat([-rise[1:].flip(0), rise])
