"""A weight array that learns: its devices are changed by pulses, and it is read like any weight array.

    W = range x share      range: the weight represented by a device state w_span above its reset state

``update`` converts a requested change of the weights into pulses, applies them, and returns the nominal
change of these pulses.  While ``listens`` is set, reads also make the gradient of each chip's weights
available in ``handle``, called H below:

    y_t = read(x_t) + trace(x)_t H,  H = 0,   trace(x)_t = x_t + decay trace(x)_t-1

dE/dH is then the sum over time of the outer products of error and trace.  With decay = 0 it is the gradient
of backpropagation with a straight-through estimator for devices and converters; with the decay of the neurons
it is that of e-prop (`memsim.learning.eprop`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from memsim import devices
from memsim.arrays.held_matrix import HeldMatrix
from memsim.arrays.ranges import Ranges
from memsim.arrays.reading.noise import carries_noise
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.weight_array import WeightArray
from memsim.arrays.weight_devices import Sensed, means
from memsim.learning.eprop import traces
from memsim.learning.learning_events import LearningEvents
from memsim.learning.pulse_plan import PulsePlan
from memsim.learning.pulsed_devices import PulsedDevices
from memsim.run import Address, Run

Rounding = Literal["stochastic", "nearest", "down"]
UNIT = 10e-6  #: conductance range of an ideal cell [S]


@dataclass(frozen=True, kw_only=True)
class LearningDesign:
    """Settings of the arrays that learn.

    span: part of a device's range that represents the largest weight, see `PulsePlan`, above 0 and at most 1.
    room: range divided by the largest initial weight, 1 to 100.  refresh: part of a device's range above
    which a pair of one-directional devices is refreshed, 0.05 to 1.  Raises ValueError outside these ranges.
    """

    span: float = 0.5
    room: float = 1.5
    refresh: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.span <= 1:
            raise ValueError(f"span = {self.span}: above 0 and at most 1 is allowed")
        for name, low, high in (("room", 1.0, 100.0), ("refresh", 0.05, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} = {getattr(self, name)}: {low:g} to {high:g} is allowed")


class LearningArray(WeightArray):
    """Arrays of one layer on every chip, made of the cells of the card's `[attention]` section.

    The state is in buffers, so ``state_dict`` holds what was learned; it can be loaded into an array of the
    same chips that has been programmed.  Raises ValueError for grouped convolutions and for settings of the
    card that it does not simulate.
    """

    exact_SRC: Tensor | None  #: weights of ideal cells
    updates: Tensor  #: number of updates requested; part of the key of the random numbers for rounding

    def __init__(self, name: str, blocks: Tensor, run: Run, design: LearningDesign | None = None) -> None:
        _check(name, run)
        super().__init__(name, blocks, run)
        if self.groups > 1:
            raise ValueError(f"{name}: grouped convolutions are not learned on arrays; leave it digital")
        self.how = design or LearningDesign()
        self.plan = PulsePlan(card=run.card, span=self.how.span)
        self.range = self.how.room * float(self.blocks.abs().max()) or 1.0
        self.cell: Any = self._standing()
        self.work = LearningEvents(name, run.card, run.ledger)
        self.listens, self.decay = False, 0.0
        self.vectors = 0  #: input vectors of one image in the last pass with `listens` set
        self.handle: Tensor | None = None
        self.pulsed: PulsedDevices | None = None
        self.register_buffer("exact_SRC", None)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_load_state_dict_post_hook(lambda module, _: module._look())

    def _standing(self) -> Any:
        """Return a weight cell of the same range, which defines the scales, energies and times of reads."""
        told = self.run.card.attention_cell
        if self.plan.exact:
            return devices.registry.get("ideal")
        _, unit, _ = self.plan.siemens
        return devices.WeightCell(
            name=told.name, technology=told.technology, source=told.source, g_max=unit * self.plan.span_w
        )

    @property
    def _matrix(self) -> HeldMatrix:
        """Return a matrix filled with the range, because the scales must not follow the weights."""
        ranges = torch.full_like(self.blocks, self.range)
        tiles = self.tiles, self.column_tiles
        return HeldMatrix(ranges, self.run.card, self.cell, self.run.dtype, tiles, None, self.rng)

    def renew(self) -> None:
        shape, chips = (self.rows, self.columns), len(self.run.chips)
        self._name_streams()
        self.time = 0.0
        self.updates.zero_()
        if self.plan.exact:
            self.exact_SRC = self.blocks.repeat(chips, 1, 1).to(self.run.dtype)
        else:
            self.pulsed = PulsedDevices(self.plan, shape, self.rng, self.work, self.how.refresh)
            self.pulsed.program(self.blocks / self.range, 0.0)
        super().renew()

    @torch.no_grad()
    def update(self, change: Tensor, *, rounding: Rounding = "stochastic") -> Tensor:
        """Change the weights by pulses and return the nominal change of these pulses, both (S, R, C).

        rounding of the number of pulses: "stochastic" has the right mean; "nearest"; "down" rounds towards
        zero.  An ideal cell takes the change without rounding.  The actual change differs from the nominal
        one by the state and the variation of each device.  Raises ValueError for a change of another shape or
        that is not finite, and RuntimeError for an array that is not programmed.
        """
        wanted = (len(self.run.chips), self.rows, self.columns)
        if tuple(change.shape) != wanted:
            raise ValueError(
                f"{self.name}: the change has shape {tuple(change.shape)}; (chips, rows, columns) = {wanted}"
                " is needed"
            )
        if not torch.isfinite(change).all():
            raise ValueError(
                f"{self.name}: the change contains NaN or infinity; is the learning rate too large?"
            )
        if self.time != self.time:
            raise RuntimeError(f"{self.name}: not programmed; call chip.program() first")
        self.work.asked(len(self.run.chips))
        if self.pulsed is None:
            assert self.exact_SRC is not None
            self.exact_SRC = self.exact_SRC + change.to(self.exact_SRC)
            sent = change
        else:
            chance = self.pulsed.chance(int(self.updates)) if rounding == "stochastic" else None
            counts = self.plan.counts(change / self.range, rounding, chance)
            self.pulsed.move(counts, self.time)
            sent = self.plan.stands(counts) * self.range
        self.updates += 1
        self._look()
        return sent.to(change)

    @torch.no_grad()
    def pulse(self, up: Tensor, down: Tensor) -> None:
        """Apply given numbers of identical pulses (S, R, C): first those up, then those down.

        Raises ValueError for counts below 0, not finite or of another shape, for ideal cells, which take no
        pulses, and for cells whose pulses go in one direction only.
        """
        wanted = (len(self.run.chips), self.rows, self.columns)
        if self.pulsed is None or self.plan.cell.one_sided:
            raise ValueError(
                f"{self.name}: the cell {self.plan.cell.name} does not take pulses in both directions"
            )
        for name, counts in (("up", up), ("down", down)):
            if tuple(counts.shape) != wanted or not (counts.isfinite() & (counts >= 0)).all():
                raise ValueError(
                    f"{self.name}: {name} must hold finite numbers of pulses, 0 or more, of shape {wanted}"
                )
        self.pulsed.move(up.float(), self.time)
        self.pulsed.move(-down.float(), self.time)
        self._look()

    def weights(self) -> Tensor:
        """Return the weights that the devices represent now (S, R, C), in the unit of the layer."""
        if self.pulsed is None:
            assert self.exact_SRC is not None
            return self.exact_SRC
        return self.pulsed.share(self.time) * self.range

    def conductance(self) -> Tensor:
        """Return the conductances of all devices now (S, D, R, C) [S].

        For ideal cells it is the weight scaled to siemens, with its sign, and D = 1.
        """
        if self.pulsed is None:
            return self.weights()[:, None] * self.scale_C[0]
        return self.pulsed.siemens(self.time)

    def _look(self) -> None:
        """Sense the devices after a write; drift is compensated relative to this from now on."""
        self._begin(self._sense(0, 0.0))

    def _sense(self, cycle: int, age: float) -> Sensed:
        difference = (self.weights() * self.scale_C[0]).to(self.run.dtype)
        if self.pulsed is None:
            total = difference.abs()
        else:
            reference = self.plan.siemens[2]
            total = (self.pulsed.siemens(self.time).sum(1) + reference).to(self.run.dtype)
        noisy = carries_noise(self.cell, self.run.card)
        rows = total.double().sum(-1)
        return Sensed(difference, total if noisy else None, rows, **means(difference, len(self.run.chips)))

    def forget_ranges(self) -> None:
        """Discard the calibrated ranges of the converters; call ``chip.calibrate`` next."""
        self.ranges, self._prepared = Ranges(self.name, self.dac.serial), {}

    def listen(self, decay: float = 0.0) -> None:
        """Make reads pass gradients to ``handle``, with traces that decay by this factor per step [1]."""
        self.listens, self.decay = True, decay
        shape = (len(self.run.chips), self.rows, self.columns)
        self.handle = torch.zeros(shape, dtype=self.run.dtype, requires_grad=True)

    def read(
        self, drive: Tensor, at: Address | None = None, unrolling: Unrolling | None = None,
        blocks: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        numbers = super().read(drive, at, unrolling)
        if not (self.listens and torch.is_grad_enabled()) or self.run.now.calibrating:
            return numbers
        assert self.handle is not None
        trace = traces(drive.detach().to(self.handle), self.decay)
        trace = trace if unrolling is None else unrolling.vectors(trace)
        self.vectors = trace.shape[0] * trace.shape[3]
        form = "tsbpr,src->tsbpc" if unrolling is None else "tsbpr,src->tsbcp"
        return numbers + torch.einsum(form, trace, self.handle)


def _check(name: str, run: Run) -> None:
    """Raise ValueError for settings of the card that arrays that learn do not simulate."""
    card, section = run.card, run.card.weights
    off = {
        f"weights.coding = {section.coding.kind!r}": section.coding.plain,
        f"weights.devices_per_weight = {section.devices_per_weight}": section.devices_per_weight == 1,
        f"weights.wires = {section.wires!r}": section.wires == "none" or not card.on("wires"),
        "weight_faults": not (card.weight_faults.made and card.on("faults")),
        f"weights.reference = {section.reference!r}": section.reference == "written",
        "weights.reprogram_every": section.reprogram_every is None,
        f"weights.bias_rows = {section.bias_rows}": section.bias_rows == 0,
    }
    for setting, simulated in off.items():
        if not simulated:
            raise ValueError(
                f"{name}: arrays that learn do not simulate {setting}; use its default or switch it off"
            )
