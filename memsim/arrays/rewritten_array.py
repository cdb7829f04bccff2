"""Arrays that are rewritten for every image and time step, whatever it is that is written.

M word lines are sensed, N bit lines driven; for each chip, head, image and time step there is a reset, a
write, and D reads:

    out_id = sum_j a_ij V_jd                               a: what the states say, V: the spikes of a read

The devices are drawn once for each (chip, layer, head) and serve every image.  Shapes: chips S, heads H,
images B, steps T; arrays come first: (S, H, B, T, ...).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from memsim.arrays.faults.defects import Defects
from memsim.arrays.reading.attention_read import AttentionRead
from memsim.arrays.reading.written_noise import WrittenNoise
from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.measuring import measure, upkeep
from memsim.arrays.writing.writer import Rewrite, Writer
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.devices import stream
from memsim.run import Address, Run


class RewrittenArray(nn.Module):
    """The arrays of one kind in a layer, on every chip; what is drawn and measured of them lies in buffers.

    ``sizes`` holds the devices by "heads x rows x columns" as they come into use, "heads x lines" where they
    are square; ``full_scale`` (S,) the ADC's range [number x spikes], 0 until it is calibrated.
    """

    full_scale: Tensor

    def __init__(self, design: ArrayDesign, run: Run, rewrite: Rewrite | None = None) -> None:
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

    def devices(self, heads: int, rows: int, columns: int | None = None) -> WrittenDevices:
        """Return the devices that these heads and lines (columns: as many as rows) use, drawn and measured at
        first use.
        """
        square = columns is None or columns == rows
        size = f"{heads}x{rows}" if square else f"{heads}x{rows}x{columns}"
        if size not in self.sizes:
            assert self.writer is not None
            made = WrittenDevices(self.design, self.run.seed, self.run.chips, heads, rows, columns)
            measure(self.writer, made)
            self.sizes[size] = made.to(self.full_scale.device)
        return self.sizes[size]  # type: ignore[return-value]

    def reader(
        self, heads: int, rows: int, at: Address | None = None, columns: int | None = None
    ) -> AttentionRead:
        """Return how these arrays are read now: nothing rounds and errs while the range is calibrated.

        at: names of images and steps, for the noise of reads; None: there is none.
        """
        calibrating = self.run.now.calibrating
        ranged = self.design.needs_range and not calibrating
        full_scale, curve = (self.full_scale, self.curve(heads, rows)) if ranged else (None, None)
        if self.design.exact:
            one = torch.ones(1, 1, 1, dtype=torch.float64, device=self.full_scale.device)
            return self.design.reader(one, self.design.offset * one, full_scale, None, curve)
        devices = self.devices(heads, rows, columns)
        law, noise = self.design.noise, None
        if law is not None and at is not None and not calibrating:
            noise = WrittenNoise(law, devices.read_rng, at)
        return self.design.reader(devices.gain, devices.shift, full_scale, noise, curve)

    def curve(self, heads: int, rows: int) -> Tensor | None:
        """Return the curves of the word lines' ADCs (S, H, P, M), the same for every image; None for ideal
        ones.
        """
        size = (heads, rows)
        if size not in self._curves:
            rng = stream(self.run.seed, list(self.run.chips), self.design.stream_name, range(heads))
            made = self.design.adc.fabricate(rng, 1, rows)
            self._curves[size] = None if made is None else made[..., 0, :, :]
        found = self._curves[size]
        return None if found is None else found.to(self.full_scale.device)

    def calibrate(self, current: Tensor) -> None:
        """Widen the ADC's range to the largest of these currents (S, H, B, T, M, D), for each chip."""
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
    def largest_size(self) -> tuple[int, int, int]:
        """Heads, word lines and bit lines of the largest arrays that were written; none before the first
        image.
        """
        made = [(one.heads, *one.size) for one in self._made()]
        return max(made, key=math.prod, default=(0, 0, 0))  # type: ignore[return-value]

    @property
    def cells(self) -> int:
        """Places for a device, or for each side of a pair, in the largest arrays of a chip."""
        return math.prod(self.largest_size)

    @property
    def measured(self) -> dict[str, float]:
        """What measuring devices before their first use has cost a chip; empty where nothing was measured."""
        costs = [upkeep(self.design, one.heads, *one.size) for one in self._made()]
        keys = costs[0] if costs else ()
        return {key: sum(cost[key] for cost in costs) for key in keys}

    @property
    def defects(self) -> Defects | None:
        """What of the devices of the largest arrays is faulty; None before the first image, too."""
        largest = self.largest_size
        return next((one.defects for one in self._made() if (one.heads, *one.size) == largest), None)

    def _made(self) -> list[WrittenDevices]:
        return list(self.sizes.values())  # type: ignore[arg-type]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make the devices that a saved array had in use, for their values to be loaded into."""
        sizes = {key[len(prefix) :].split(".")[1] for key in state_dict if key.startswith(f"{prefix}sizes.")}
        for size in sorted(sizes - set(self.sizes)):
            lines = map(int, size.split("x"))
            self.sizes[size] = WrittenDevices(self.design, self.run.seed, self.run.chips, *lines)
        super()._load_from_state_dict(state_dict, prefix, *rest)
