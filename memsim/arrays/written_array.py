"""Arrays that are rewritten for every image and time step: N x N devices for each chip and head.

Query tokens i sit on word lines, key tokens j on bit lines.  For each image and time step: one reset, one
write, D reads.

    n_ij   = pulses(r_Q(i), r_K(j))                       signed; up where dt < 0, down otherwise (ties down)
    out_id = sum_j A_ij V_jd                               value spikes drive bit lines, word lines are sensed

The devices are drawn once for each (chip, layer, head) and serve every image.  Shapes: chips S, heads H,
images B, steps T, tokens N, features D; arrays come first: (S, H, B, T, ...).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from memsim.arrays.faults.defects import Defects
from memsim.arrays.reading.attention_read import AttentionRead
from memsim.arrays.reading.written_noise import WrittenNoise
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.measuring import measure, upkeep
from memsim.arrays.writing.write_events import AttentionEvents
from memsim.arrays.writing.writer import Rewrite, Writer
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.devices import stream
from memsim.run import Address, Run


class WrittenArray(nn.Module):
    """The arrays of one attention layer on every chip; what is drawn and measured of them lies in buffers.

    ``sizes`` holds the devices by "heads x tokens" as they come into use; ``full_scale`` (S,) the ADC's range
    [weight x spikes], 0 until it is calibrated.
    """

    full_scale: Tensor

    def __init__(self, design: WrittenDesign, run: Run, rewrite: Rewrite | None = None) -> None:
        super().__init__()
        self.design, self.run = design, run
        self.writer = None if design.exact else Writer(design, rewrite)
        self.register_buffer("full_scale", torch.zeros(len(run.chips), dtype=run.dtype))
        self.sizes = nn.ModuleDict()
        self._curves: dict[tuple[int, int], Tensor | None] = {}  #: of the ADCs, as they come into use

    def program(self) -> None:
        """Take new devices, without a range; they are drawn with the first image, which has the tokens."""
        self.renew()
        self.full_scale = self.full_scale.new_zeros(len(self.run.chips))

    def renew(self) -> None:
        """Take new devices and converters; the range stays."""
        self.sizes, self._curves = nn.ModuleDict(), {}

    def devices(self, heads: int, tokens: int) -> WrittenDevices:
        """The devices that these heads and tokens use, drawn and measured at first use."""
        size = f"{heads}x{tokens}"
        if size not in self.sizes:
            assert self.writer is not None
            made = WrittenDevices(self.design, self.run.seed, self.run.chips, heads, tokens)
            measure(self.writer, made)
            self.sizes[size] = made.to(self.full_scale.device)
        return self.sizes[size]  # type: ignore[return-value]

    def write(self, q: Tensor, k: Tensor, at: Address, events: AttentionEvents) -> list[Tensor]:
        """Reset and pulse every array, every image and step, by spike counts q and k (S, H, B, T, N).

        Returns the visible states of each side, (S, H, B, T, N, N).
        """
        assert self.writer is not None
        devices = self.devices(q.shape[1], q.shape[-1])
        rule = devices.rule
        if rule.keep:
            raise ValueError(f"{self.design.name}: keep = {rule.keep}: these arrays are reset before a write")
        pulses = rule.pulses(q, k)
        events.write(q, k, pulses)
        goal = rule.goals(q, k) if self.writer.rounds else None
        return self.writer.write(devices, pulses, goal, at, corrected=events.correction)

    def exact_weights(self, q: Tensor, k: Tensor) -> Tensor:
        """The weights A - offset that ideal cells hold, (S, H, B, T, N, N)."""
        wanted = self.design.wanted.to(q.device, self.run.dtype)
        index = (q.long() * self.design.levels)[..., :, None] + k.long()[..., None, :]
        return torch.take(wanted, index)

    def reader(self, heads: int, tokens: int, at: Address | None = None) -> AttentionRead:
        """How these arrays are read now: nothing rounds and errs while the range is calibrated.

        at: names of images and steps, for the noise of reads; None: there is none.
        """
        calibrating = self.run.now.calibrating
        ranged = self.design.needs_range and not calibrating
        full_scale, curve = (self.full_scale, self.curve(heads, tokens)) if ranged else (None, None)
        if self.design.exact:
            one = torch.ones(1, 1, 1, dtype=torch.float64, device=self.full_scale.device)
            return self.design.reader(one, self.design.offset * one, full_scale, None, curve)
        devices = self.devices(heads, tokens)
        law, noise = self.design.noise, None
        if law is not None and at is not None and not calibrating:
            noise = WrittenNoise(law, devices.read_rng, at)
        return self.design.reader(devices.gain, devices.shift, full_scale, noise, curve)

    def curve(self, heads: int, tokens: int) -> Tensor | None:
        """The curves of the word lines' ADCs (S, H, P, N), the same for every image; None for ideal ones."""
        size = (heads, tokens)
        if size not in self._curves:
            rng = stream(self.run.seed, list(self.run.chips), self.design.name, range(heads))
            made = self.design.adc.fabricate(rng, 1, tokens)
            self._curves[size] = None if made is None else made[..., 0, :, :]
        found = self._curves[size]
        return None if found is None else found.to(self.full_scale.device)

    def calibrate(self, current: Tensor) -> None:
        """Widen the ADC's range to the largest of these currents (S, H, B, T, N, D), for each chip."""
        largest = current.detach().abs().amax((1, 2, 3, 4, 5)).clamp(min=1e-9)
        self.full_scale = torch.maximum(self.full_scale, largest.to(self.full_scale))

    def check_range(self) -> None:
        """Raise RuntimeError where the ADC has no range yet."""
        if self.design.needs_range and not self.run.now.calibrating and not bool(self.full_scale.all()):
            raise RuntimeError(
                f"{self.design.name}: the ADC range is not calibrated; call chip.program() with training "
                "images"
            )

    @property
    def largest(self) -> tuple[int, int]:
        """Heads and tokens of the largest arrays that were written; none before the first image."""
        made = [(size.heads, size.tokens) for size in self.sizes.values()]
        return max(made, key=lambda one: one[0] * one[1] ** 2, default=(0, 0))  # type: ignore[operator, return-value]

    @property
    def measured(self) -> dict[str, float]:
        """What measuring devices before their first use has cost a chip; empty where nothing was measured."""
        costs = [upkeep(self.design, size.heads, size.tokens) for size in self.sizes.values()]  # type: ignore[arg-type]
        keys = costs[0] if costs else ()
        return {key: sum(cost[key] for cost in costs) for key in keys}

    @property
    def defects(self) -> Defects | None:
        """What of the devices of the largest arrays is faulty; None before the first image, too."""
        size = "x".join(map(str, self.largest))
        return self.sizes[size].defects if size in self.sizes else None  # type: ignore[return-value]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make the devices that a saved array had in use, for their values to be loaded into."""
        sizes = {key[len(prefix) :].split(".")[1] for key in state_dict if key.startswith(f"{prefix}sizes.")}
        for size in sorted(sizes - set(self.sizes)):
            heads, tokens = map(int, size.split("x"))
            self.sizes[size] = WrittenDevices(self.design, self.run.seed, self.run.chips, heads, tokens)
        super()._load_from_state_dict(state_dict, prefix, *rest)
