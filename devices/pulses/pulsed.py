"""What all pulsed laws share: packing of the device values, the four verbs, the whole-stack rewrite.

A law brings its device values, the constants that its kernel takes, and the kernel itself. Lanes of a cell's
random block belong to effects (0 reset, 1 write or read noise, 2 and up the pulses), so switching one
effect off leaves every other number as it was; the jump of soft bounds goes on with the normal of the reset.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from memsim.devices.cell import Description, Fabric, PulsedCell, PulsedState, Unsupported
from memsim.devices.numerics.philox import BLOCK
from memsim.devices.numerics.plain_philox import Rows
from memsim.devices.numerics.stream import Indices, Stream, counters, stream
from memsim.devices.pulses.line_pulses import LinePulses, Pulses, source_of
from memsim.devices.pulses.writes import Writes


@dataclass(frozen=True, kw_only=True)
class KernelCell(PulsedCell):
    """A pulsed cell whose law is one operation over a stack of arrays, on the device of their fabric."""

    @abstractmethod
    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        """Device-to-device values, float32 (*K, *shape)."""

    @abstractmethod
    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        """Return the kernel's constants for each device, in the kernel's order."""

    @abstractmethod
    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        """Reset or begin, pulse, add the noise of the visible state: float32 (arrays, writes, cells)."""

    def _description(self, *, states: float, low: float, high: float) -> Description:
        return Description(
            name=self.name, technology=self.technology, kind="pulsed", states=states, low=low, high=high,
            unit=self.unit, n_max=self.n_max, one_sided=self.one_sided, effects=self.effects,
            unsupported=dict(self.missing), source=self.source,
        )  # fmt: skip

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        return self.assemble(self._values(tuple(shape), rng), rng.keys.shape)

    def assemble(self, values: dict[str, Tensor], places: Sequence[int] = ()) -> Fabric:
        """Return a fabric of given device values (say, read from an aihwkit tile), float32 (*places,
        *cells).
        """
        constants = torch.stack([c.reshape(-1, *c.shape[len(places) :]) for c in self._constants(values)], 1)
        constants = constants.flatten(2)
        blocks = -(-constants.shape[2] // BLOCK)
        padded = torch.nn.functional.pad(constants, (0, blocks * BLOCK - constants.shape[2]))
        packed = padded.unflatten(2, (blocks, BLOCK)).transpose(1, 2).contiguous()
        return Fabric(values=values, places=tuple(places), packed=packed)

    def from_hidden(self, hidden: dict[str, Tensor]) -> dict[str, Tensor]:
        """This cell's device-to-device values among the hidden parameters of an aihwkit tile.

        Raises ValueError for parameters that lack some.
        """
        wanted = tuple(self._values((1,), stream(0)))
        missing = [name for name in wanted if name not in hidden]
        if missing:
            raise ValueError(f"{self.name}: these hidden parameters lack {', '.join(missing)}")
        return {name: hidden[name].clone() for name in wanted}

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        return self._run(fabric, start, pulses, rng, image, step, visible=visible)

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        rest = torch.zeros((*fabric.places, 1, 1, *fabric.cells), device=fabric.device)
        w, visible = (self._run(fabric, None, rest, rng, None, None, visible=v) for v in (False, True))
        return PulsedState(fabric=fabric, w=_only_write(w, fabric), visible=_only_write(visible, fabric))

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        fabric, shape = state.fabric, state.w.shape
        up, down = (torch.as_tensor(n, device=fabric.device).expand(shape) for n in (n_up, n_down))
        if min(float(up.min()), float(down.min())) < 0:
            raise ValueError("n_up and n_down count pulses: neither can be negative")
        if self.one_sided and bool(down.any()):
            raise Unsupported(f"{self.name} has no pulses down: a pulse only ever raises it")
        w = state.w
        for step, n in enumerate((up, -down)):
            w = self._run(fabric, w, _one_write(n, fabric), rng, None, [step], visible=False)
            w = _only_write(w, fabric)
        none = torch.zeros((*fabric.places, 1, 1, *fabric.cells), device=fabric.device)
        visible = self._run(fabric, w, none, rng, None, [2], visible=True)
        return PulsedState(fabric=fabric, w=w, visible=_only_write(visible, fabric))

    def _run(
        self, fabric: Fabric, start: Tensor | None, pulses: Pulses, rng: Stream, image: Indices | None,
        step: Indices | None, *, visible: bool,
    ) -> Tensor:  # fmt: skip
        images, steps = counters(image, "image"), counters(step, "step")
        each = fabric.cells
        wanted = (*fabric.places, len(images), len(steps), *each)
        if tuple(pulses.shape) != wanted or rng.keys.shape != fabric.places:
            raise ValueError(
                f"pulses {tuple(pulses.shape)} and streams {rng.keys.shape} do not fit arrays {fabric.places}"
                f" of {each} cells, {len(images)} images and {len(steps)} steps,"
                f" which take {wanted}"
            )
        counts = pulses.table if isinstance(pulses, LinePulses) else pulses
        if self.one_sided and counts.numel() and float(counts.min()) < 0:
            raise Unsupported(f"{self.name} has no pulses down: a pulse only ever raises it")
        device, cells = fabric.packed.device, math.prod(each)
        rows = Rows.of(rng.keys, images, steps, cells, device=device)
        source = source_of(pulses, *rows.shape[:2], device=device)
        begin = None if start is None else _states(start, rows)
        return self._evolve(fabric.packed, Writes(begin, source, rows), visible=visible).reshape(wanted)


def _states(start: Tensor, rows: Rows) -> Tensor:
    """Return states to begin from as (arrays, writes, cells). Raises ValueError where they are those of other
    arrays.
    """
    if start.numel() % max(rows.shape[0] * rows.cells, 1):
        raise ValueError(
            f"start {tuple(start.shape)} does not fit {rows.shape[0]} arrays of {rows.cells} cells"
        )
    return start.to(rows.keys.device, torch.float32).reshape(rows.shape[0], -1, rows.cells)


def _one_write(n: Tensor, fabric: Fabric) -> Tensor:
    return n.reshape(*fabric.places, 1, 1, *fabric.cells)


def _only_write(w: Tensor, fabric: Fabric) -> Tensor:
    return w.reshape(*fabric.places, *fabric.cells)
