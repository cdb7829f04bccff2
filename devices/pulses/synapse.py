"""Several devices for one synapse: their mean is the weight, and a counter shares out the pulses.

Source: Boybat et al., Nat. Commun. 9, 2514 (2018), multi-memristive synapses with a global arbitration
counter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from memsim.devices.cell import Fabric, PulsedCell, PulsedState
from memsim.devices.numerics.stream import Indices, Stream, counters
from memsim.devices.pulses.around import Around
from memsim.devices.pulses.line_pulses import Pulses, every_cell

Sharing = Literal["all", "counter"]


@final
@dataclass(frozen=True, eq=False)
class SynapseState(PulsedState):
    """The arrays between two verbs; `w` (*K, devices, *cells) holds every device, `visible` their mean."""

    turn: int  #: pulses the counter has seen


@final
@dataclass(frozen=True, kw_only=True)
class Synapse(Around):
    """K devices in parallel, w = mean_k w_k; independent errors of a device shrink by sqrt(K).

        all      every device takes every pulse
        counter  pulse p goes to device (turn + p) mod K; a write of image b and step t begins at turn b + t

    n pulses by the counter move each device by n / K pulses, so a full write takes K n_max of them: as many
    in all as when every device takes n_max, in K times as many steps.  Devices are one more axis of the
    array, (K, *cells), and the first of them is the only one of one.
    """

    devices: int  #: K
    sharing: Sharing = "all"

    def fabricate(self, shape: Sequence[int], *, rng: Stream) -> Fabric:
        return self.device.fabricate((self.devices, *shape), rng=rng)

    def shares(self, pulses: Tensor, turn: Tensor, axis: int) -> Tensor:
        """Return what each device takes of `pulses`, the devices as a new axis before `axis` (negative, of
        cells); turn broadcasts against the rest.
        """
        count = pulses.unsqueeze(axis - 1)
        if self.sharing == "all":
            shape = list(count.shape)
            shape[axis - 1] = self.devices
            return count.expand(shape)
        device = torch.arange(self.devices, device=pulses.device).view(-1, *[1] * -axis)
        place = (device - turn.view(*turn.shape, *[1] * (1 - axis))) % self.devices
        many = count.abs().float()
        full = (many / self.devices).floor()
        rest = many - full * self.devices
        return (full + (rest - place).clamp(0, 1)) * count.sign()

    def rewrite(
        self, fabric: Fabric, pulses: Pulses, *, rng: Stream, image: Indices | None, step: Indices | None,
        start: Tensor | None = None, visible: bool = True,
    ) -> Tensor:  # fmt: skip
        images, steps = (
            torch.tensor(counters(i, n), device=fabric.device) for i, n in ((image, "image"), (step, "step"))
        )
        axis = 1 - len(fabric.cells)
        each = self.shares(every_cell(pulses).to(fabric.device), images[:, None] + steps, axis)
        held = self.device.rewrite(
            fabric, each, rng=rng, image=image, step=step, start=start, visible=visible
        )
        return held.mean(axis - 1) if visible else held

    def reset(self, fabric: Fabric, *, rng: Stream) -> PulsedState:
        return self._state(self.device.reset(fabric, rng=rng), 0)

    def pulse(
        self, state: PulsedState, n_up: Tensor | int, n_down: Tensor | int, *, rng: Stream
    ) -> PulsedState:
        turn, axis, each = getattr(state, "turn", 0), 1 - len(state.fabric.cells), []
        for n in (n_up, n_down):
            pulses = torch.as_tensor(n, device=state.visible.device).expand(state.visible.shape)
            each.append(self.shares(pulses, torch.tensor(turn, device=pulses.device), axis))
            turn += int(pulses.max())
        return self._state(self.device.pulse(_devices(state), *each, rng=rng), turn)

    def _state(self, state: PulsedState, turn: int) -> SynapseState:
        mean = state.visible.mean(-len(state.fabric.cells))
        return SynapseState(fabric=state.fabric, w=state.w, visible=mean, turn=turn)


def synapse(device: PulsedCell, devices: int, sharing: Sharing = "all") -> PulsedCell:
    """`devices` of them as one synapse; the device itself where it is one.  Raises ValueError below one."""
    if devices < 1:
        raise ValueError(f"devices = {devices}: a synapse has at least one")
    full = device.n_max * (devices if sharing == "counter" else 1)
    return device if devices == 1 else Synapse.of(device, devices=devices, sharing=sharing, n_max=full)


def _devices(state: PulsedState) -> PulsedState:
    """Return the devices of a synapse as an array of their own."""
    return PulsedState(fabric=state.fabric, w=state.w, visible=state.w)
