"""What all pulsed laws share: packing of the device values, the four verbs, the whole-stack rewrite.

A law brings its device values, the constants its kernel wants, and the kernel itself. Lanes of a cell's
random block belong to effects (0 reset, 1 write or read noise, 2 and up the pulses), so switching one
effect off leaves every other number as it was; the jump of soft bounds goes on with the normal of the reset.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memsim.devices.cell import Description, Fabric, PulsedCell, PulsedState, Unsupported
from memsim.devices.numerics.compile import inlined, match_threads
from memsim.devices.numerics.philox import BLOCK, nearly_normals
from memsim.devices.numerics.simd import clip
from memsim.devices.numerics.stream import Indices, Stream, counters, stream
from memsim.devices.pulses.line_pulses import LinePulses, Pulses, look_up, source_of

_NOTHING = np.zeros((1, 1, 1), np.float32)


@dataclass(frozen=True, kw_only=True)
class KernelCell(PulsedCell):
    """A pulsed cell whose law is one kernel over (array, block of cells, write)."""

    @abstractmethod
    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        """Device-to-device values, float32 (*K, *shape)."""

    @abstractmethod
    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        """The kernel's constants for each device, in the kernel's order."""

    @abstractmethod
    def _evolve(self, out: np.ndarray, start: np.ndarray, fresh: bool, *rest: Any, visible: bool) -> None:
        """Run the kernel: reset (if fresh) or take `start`, pulse, add the noise of the visible state."""

    def _description(self, *, states: float, low: float, high: float) -> Description:
        return Description(
            name=self.name, technology=self.technology, kind="pulsed", states=states, low=low, high=high,
            unit=self.unit, n_max=self.n_max, one_sided=self.one_sided, effects=self.effects,
            unsupported=dict(self.missing), source=self.source,
        )  # fmt: skip

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        return self.assemble(self._values(tuple(shape), rng), rng.keys.shape)

    def assemble(self, values: dict[str, Tensor], places: Sequence[int] = ()) -> Fabric:
        """A fabric of given device values (say, read from an aihwkit tile), float32 (*places, *cells)."""
        constants = torch.stack([c.reshape(-1, *c.shape[len(places) :]) for c in self._constants(values)], 1)
        constants = constants.flatten(2)
        blocks = -(-constants.shape[2] // BLOCK)
        padded = torch.nn.functional.pad(constants, (0, blocks * BLOCK - constants.shape[2]))
        packed = padded.unflatten(2, (blocks, BLOCK)).transpose(1, 2).contiguous().numpy()
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
        rest = torch.zeros((*fabric.places, 1, 1, *fabric.cells))
        w, visible = (self._run(fabric, None, rest, rng, None, None, visible=v) for v in (False, True))
        return PulsedState(fabric=fabric, w=_only_write(w, fabric), visible=_only_write(visible, fabric))

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        fabric, shape = state.fabric, state.w.shape
        up, down = (torch.as_tensor(n).expand(shape) for n in (n_up, n_down))
        if min(float(up.min()), float(down.min())) < 0:
            raise ValueError("n_up and n_down count pulses: neither can be negative")
        if self.one_sided and bool(down.any()):
            raise Unsupported(f"{self.name} has no pulses down: a pulse only ever raises it")
        w = state.w
        for step, n in enumerate((up, -down)):
            w = self._run(fabric, w, _one_write(n, fabric), rng, None, [step], visible=False)
            w = _only_write(w, fabric)
        none = torch.zeros((*fabric.places, 1, 1, *fabric.cells))
        visible = self._run(fabric, w, none, rng, None, [2], visible=True)
        return PulsedState(fabric=fabric, w=w, visible=_only_write(visible, fabric))

    def _run(
        self, fabric: Fabric, start: Tensor | None, pulses: Pulses, rng: Stream, image: Indices | None,
        step: Indices | None, *, visible: bool,
    ) -> Tensor:  # fmt: skip
        images, steps = counters(image, "image"), counters(step, "step")
        wanted = (*fabric.places, len(images), len(steps), *fabric.cells)
        if tuple(pulses.shape) != wanted or rng.keys.shape != fabric.places:
            raise ValueError(
                f"pulses {tuple(pulses.shape)} and streams {rng.keys.shape} do not fit arrays {fabric.places}"
                f" of {fabric.cells} cells, {len(images)} images and {len(steps)} steps,"
                f" which take {wanted}"
            )
        counts = pulses.table if isinstance(pulses, LinePulses) else pulses
        if self.one_sided and counts.numel() and float(counts.min()) < 0:
            raise Unsupported(f"{self.name} has no pulses down: a pulse only ever raises it")
        keys, writes = rng.keys.reshape(-1), len(images) * len(steps)
        out = np.empty((len(keys), writes, math.prod(fabric.cells)), np.float32)
        begin = _NOTHING if start is None else start.contiguous().numpy().reshape(len(keys), -1, out.shape[2])
        if start is not None and begin.shape[1] not in (1, writes):
            raise ValueError(f"start {tuple(start.shape)}: a state for each of {writes} writes, or for all")
        source = source_of(pulses, len(keys), writes)
        match_threads()
        self._evolve(out, begin, start is None, fabric.packed, source, keys, images, steps, visible=visible)
        return torch.from_numpy(out).reshape(wanted)


def _one_write(n: Tensor, fabric: Fabric) -> Tensor:
    return n.reshape(*fabric.places, 1, 1, *fabric.cells)


def _only_write(w: Tensor, fabric: Fabric) -> Tensor:
    return w.reshape(*fabric.places, *fabric.cells)


@inlined
def load(n, pulses, array, write, block):
    """Fill `n` with one block of counts, as it is beyond the array's end; returns the largest, rounded up."""
    look_up(n, pulses, array, write, block * BLOCK)
    most = np.int32(0)
    for i in range(BLOCK):
        most = max(most, np.int32(np.ceil(abs(n[i]))))
    return most


@inlined
def copy_in(w, start, array, write, block):
    """Begin from given states instead of a reset: those of this write, or the one state all begin from."""
    part = start[array, min(write, start.shape[1] - 1), block * BLOCK : (block + 1) * BLOCK]
    for i in range(len(part)):
        w[i] = part[i]


@inlined
def copy_out(out, w, array, write, block):
    """Store one block of states."""
    part = out[array, write, block * BLOCK : (block + 1) * BLOCK]
    for i in range(len(part)):
        part[i] = w[i]


@inlined
def begin(w, n, seen, z, p, start, fresh, pulses, array, write, block, key, image, step, reset, noise):
    """Begin one write of a block: counts, noise of what a read sees, and a reset or the given state; returns
    the largest count.

    The last three rows of p are upper bound, lower bound and reset level; reset and noise their spreads [w].
    """
    most, last = load(n, pulses, array, write, block), len(p) - 1
    nearly_normals(z, key, block, step, image, 0, 1 if noise == np.float32(0.0) else 2)
    for i in range(BLOCK):
        seen[i] = noise * z[1, i]
    if fresh:
        for i in range(BLOCK):
            w[i] = clip(p[last, i] + reset * z[0, i], p[last - 1, i], p[last - 2, i])
    else:
        copy_in(w, start, array, write, block)
    return most


@inlined
def finish(out, w, seen, array, write, block):
    """Store one block of states as a read sees them."""
    for i in range(BLOCK):
        w[i] += seen[i]
    copy_out(out, w, array, write, block)
