"""A leaky state on a crossbar: devices or writes let it decay, and pulses or writes add outer products to it.

    write = "pulses"    addition: n = round(n_max x_p b_n / range) pulses up or down on every cell, starting
                        from its present state; any decay beyond that of the device: pulses towards 0, in
                        proportion to the state that was read before
    write = "verify"    decay and addition: all cells are read, updated digitally, and written again

A volatile device decays by exp(-dt / retention) without a write, by the same factor in all cells, so a state
cannot decay more slowly than its device.  Each token writes the whole state, whereas an array of lines writes
one line per token.

If lines have a resistance (`memsim.memory.through_lines`), it affects every read, also the read before a
rewriting: the loss of the lines is then written back into the state, and occurs again at every rewriting.
Pulses reach all cells without loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.converters import convert_by
from memsim.energy.ledger import Ledger
from memsim.memory.cells import LineCells, Shown
from memsim.memory.leaky import Leaky
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.line_events import LineEvents
from memsim.memory.pulsed_cells import PulsedCells
from memsim.memory.ranges import check_range
from memsim.memory.reads import Reads, by_array, by_row
from memsim.memory.through_lines import ThroughLines
from memsim.memory.verified_cells import VerifiedCells

ROW = 0  #: the state is stored as a single line of P x N cells


class CrossbarLeaky(Leaky):
    """State of one sequence mixer on every chip; the first axis of tensors is (chips x sequences),
    chip-major.

    state, c, out: largest absolute values of the state, of the query c and of the result, each (S, H) or (1,
    H); larger numbers are clipped and counted in ``clipped``.  images: identifiers of the sequences; call:
    number of the context, if the network uses the state several times in one pass.  Time passes only by
    ``wait``.  Raises ValueError for ranges that are not positive, and for tensors of other sizes and NaN.
    """

    def __init__(
        self, design: LeakyDesign, state: Tensor, c: Tensor, out: Tensor, *, chips: Sequence[int] = (0,),
        seed: int = 0, images: Sequence[int] | np.ndarray = (0,), call: int = 0,
        ledger: Ledger | None = None, dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        for name, found in (("state", state), ("c", c), ("out", out)):
            check_range(name, found)
        self.design, self.chips = design, tuple(chips)
        self.images, self.call = np.asarray(images, np.int64), call
        self.dtype = dtype or (torch.float64 if design.exact else torch.float32)
        self.state_range, self.c_range, self.out_range = (
            x.to(self.dtype)[..., None, None] for x in (state, c, out)
        )
        pulsed = design.write == "pulses"
        self.cells: LineCells = (PulsedCells if pulsed else VerifiedCells)(design, seed, self.chips, 1)
        self.through = ThroughLines.of(design, self.cells.one)
        self.events = LineEvents(design, ledger or Ledger(design.card))
        self.reads = Reads(
            design.name, self.cells, self.events, adc=design.adc, dac_bits=design.dac_bits,
            sides={"read": design.rows}, seed=seed, chips=self.chips, heads=design.heads, dtype=self.dtype,
        )  # fmt: skip
        self.clear()

    @property
    def clipped(self) -> int:
        """Numbers clipped so far, because they exceeded the range of a converter or of a cell."""
        return self.reads.clipped

    def clear(self) -> None:
        self.writes, self.now, self.written = 0, 0.0, 0.0
        self.reads.begin(self.images, self.call)
        self.cells.begin(self.images, self.call)
        self.faded: Tensor | float = 1.0  #: decay factor that neither devices nor writes have applied yet
        self._write(torch.zeros(()), first=True)

    def wait(self, dt: float) -> None:
        """Let `dt` seconds pass.  Raises ValueError for a time that is negative or not finite."""
        if not 0 <= dt < math.inf:
            raise ValueError(f"{self.design.name}: dt = {dt} s: 0 or more is needed")
        self.now += dt
        if not math.isinf(self.design.retention):
            self.faded = self.faded * math.exp(dt / self.design.retention)

    def decay(self, factor: Tensor) -> None:
        """Multiply the state by a factor (S B, H), including the decay of the device since the last decay.

        Raises ValueError for a factor below 0 or above that of the device, exp(-dt / retention).
        """
        self._fits("decay", factor)
        if float(factor.min()) < 0:
            raise ValueError(
                f"{self.design.name}: a decay factor of {float(factor.min()):.4g}: 0 to 1 is allowed"
            )
        total = self.faded * by_array(factor[..., None], len(self.chips), self.dtype)
        if float(total.max()) > 1 + 1e-6:
            raise ValueError(
                f"{self.design.name}: a decay factor of {float(factor.max()):.4g} is slower than the device,"
                f" whose retention is {self.design.retention:g} s; let less time pass, or use a longer"
                " retention"
            )
        self.faded = total

    def add(self, x: Tensor, b: Tensor) -> None:
        self._fits("x", x, self.design.rows)
        self._fits("b", b, self.design.columns)
        x, b = (by_array(part, len(self.chips), self.dtype) for part in (x, b))
        self._write((x[..., :, None] * b[..., None, :] / self.state_range[..., None]).flatten(-2))

    def read(self, c: Tensor) -> Tensor:
        self._fits("c", c, self.design.columns)
        drive = self.reads.dac(by_array(c, len(self.chips), self.dtype) / self.c_range, signed=True)
        shown = self._seen().each(lambda x: x.mT)
        unit = self.state_range * self.c_range
        full = (self.out_range / unit)[..., 0]  # c drives N columns, P lines are sensed
        out = self.reads.read(drive[..., None, :], shown, full, "read")[..., 0, :] * unit
        left = self.faded  # a decay that is not written yet is applied digitally to the result
        return by_row(out * left).to(c.dtype)

    def _fits(self, name: str, x: Tensor, *features: int) -> None:
        """Raise ValueError unless x holds finite numbers (chips x sequences, heads, *features)."""
        wanted = len(self.chips) * len(self.images), self.design.heads, *features
        if tuple(x.shape) != wanted:
            axes = f"(chips x sequences, heads{', features' * len(features)})"
            raise ValueError(
                f"{self.design.name}: {name} of shape {tuple(x.shape)}: {axes} = {wanted} is needed"
            )
        if not x.detach().isfinite().all():
            raise ValueError(f"{self.design.name}: {name} holds NaN or infinity")

    def _shown(self) -> Shown:
        """Return the state as reads see it now, as shares (S, H, B, P N)."""
        age = self.now - self.written
        shown = self.cells.show([ROW], np.array([age])).each(lambda x: x[..., 0, :])
        left = math.exp(-age / self.design.retention)
        since = self.cells.since([ROW], torch.tensor([[age]], dtype=torch.float64))
        left = left if since is None else left * float(since)
        return shown._replace(share=shown.share * left)

    def _seen(self, together: int | None = None) -> Shown:
        """Return the state through lines (S, H, B, P, N); together: columns driven at once (None: all)."""
        rows, columns = self.design.rows, self.design.columns
        shown = self._shown().each(lambda x: x.unflatten(-1, (rows, columns)))
        if self.through is None:
            return shown
        return shown._replace(share=self.through.state(shown, (together or columns) / columns))

    def _write(self, change: Tensor, first: bool = False) -> None:
        """Write the pending decay and a change, in shares (S, H, B, P N), into the devices."""
        design = self.design
        self.reads.step(self.writes)
        cells = len(self.chips) * design.heads * len(self.images)
        if first:
            shape = (len(self.chips), design.heads, len(self.images), design.rows * design.columns)
            pulses = self._put(torch.zeros(shape, dtype=self.dtype))
        elif isinstance(self.cells, PulsedCells):
            left = math.exp(-(self.now - self.written) / design.retention)
            if self._rewrites:
                change = change - (1 - self.faded) * self._sensed()
            pulses = self.cells.move(ROW, change, left, self.writes)
        else:
            held = self.faded * self._sensed()
            self.reads.clipped += int(((held + change).abs() > 1 + 1e-6).sum())
            pulses = self._put((held + change).clamp(-1.0, 1.0))
        self.events.write(cells, pulses, reset=first)
        self.writes, self.written, self.faded = self.writes + 1, self.now, 1.0

    def _put(self, share: Tensor) -> float:
        """Write shares (S, H, B, P N) into all cells and return the number of pulses."""
        return self.cells.write([ROW], share[..., None, :], [self.writes])

    @property
    def _rewrites(self) -> bool:
        """Whether a decay is pending that the device does not provide."""
        faded = torch.as_tensor(self.faded)
        return bool(((1 - faded).abs() > 1e-9).any())

    def _sensed(self) -> Tensor:
        """Return the state (S, H, B, P N) as a read of every single cell, column by column, finds it."""
        shown = self._seen(together=1).each(lambda x: x.flatten(-2))
        self.events.read_cells(shown.siemens, self.design.rows, self.design.columns)
        adc = self.design.adc
        return convert_by(shown.share, torch.ones(()), adc.bits, None)[0] if adc.rounds else shown.share
