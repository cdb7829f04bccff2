"""The memory of one layer on line arrays: stands where the digital one stood, with the same forward."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from memsim.memory.clock import Clock
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.design import LineDesign, Write
from memsim.memory.lines import Full
from memsim.memory.ranges import LineRanges
from memsim.memory.written_memory import WrittenMemory
from memsim.run import Run
from memsim.saving import Unsaved

RANGES = ("query", "key", "value", "score", "out")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How memories are put on line arrays; see `LineDesign`.

    capacity: lines of an array; None: as many as the longest sequence has tokens.
    """

    clock: Clock = field(default_factory=Clock)
    write: Write = "verify"
    capacity: int | None = None
    full: Full = "refuse"
    correct: bool = False
    ones: bool = False
    retention: float = math.inf
    tile: int = 0
    selectors: bool = False


class LineArray(Unsaved):
    """A memory of lines on every chip of a run.

    forward(q, k, v, gate): (S B, H, T, D), gate (S B, H, T, T) or None -> (S B, H, T, V), chip-major.  Each
    token writes its line and reads the array, one after the other: line j has the age (i - j) / rate when
    token i reads.  Ranges of each chip are noted in the passes that calibrate it.  Gradients pass straight
    through.
    Raises RuntimeError where no range was calibrated.
    """

    def __init__(self, name: str, leaf: WrittenMemory, run: Run, settings: Settings) -> None:
        super().__init__()
        self.name, self.leaf, self.run, self.settings = name, leaf, run, settings
        for range_of in RANGES:
            self.register_buffer(range_of, None)
        self.lines: CrossbarLines | None = None

    def forward(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None) -> Tensor:
        run = self.run
        if run.now.probe is not None:
            return self.leaf(q, k, v, gate)
        if run.calibrating:
            return self._calibrate(q, k, v, gate)
        lines = self._begin(q, k, v, gate)
        out = torch.stack([self._token(lines, t, q, k, v, gate) for t in range(q.shape[2])], 2)
        if run.ledger.page.open:
            run.ledger.note(self.name, "clipped numbers", lines.clipped)
        if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
            exact = self.leaf(q, k, v, gate)
            out = exact + (out - exact).detach()
        return out

    def _token(
        self, lines: CrossbarLines, t: int, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None
    ) -> Tensor:
        """Write and read with token t."""
        last = t + 1 if self.leaf.own else t
        if gate is not None:
            gate = gate[:, :, t, max(0, last - lines.design.capacity) : last]
        now = self.settings.clock.time(t)
        out = self.leaf.step(lines, q[:, :, t], k[:, :, t], v[:, :, t], gate, now)
        if self.run.ledger.page.open:
            readers = q.shape[0] * q.shape[1]
            read = min(last, lines.design.capacity)
            found = self.leaf.operations(read)
            self.run.ledger.enter([(self.name, event, readers * number) for event, number in found.items()])
        return out

    def _begin(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None) -> CrossbarLines:
        """Empty arrays that hold these tokens."""
        tokens, run, settings = q.shape[2], self.run, self.settings
        if run.card.ideal:
            ranges = LineRanges.of(
                q, k, v, q @ k.mT, v, len(run.chips)
            )  # ideal cells and converters have no use for them
        elif self.query is None:
            raise RuntimeError(f"{self.name}: no range is calibrated; call chip.program() with sequences")
        else:
            ranges = LineRanges(**{name: getattr(self, name) for name in RANGES})
        made = self.lines
        if made is None or made.chips != run.chips or (
            settings.capacity is None and made.design.capacity < tokens
        ):  # fmt: skip
            design = LineDesign(
                name=self.name, card=run.card, heads=q.shape[1], keys=k.shape[-1], values=v.shape[-1],
                capacity=settings.capacity or tokens, full=settings.full, write=settings.write,
                correct=settings.correct, ones=settings.ones, retention=settings.retention,
                tile=settings.tile, selectors=settings.selectors,
            )  # fmt: skip
            made = CrossbarLines(design, ranges, chips=run.chips, seed=run.seed, ledger=run.ledger)
            self.lines = made
        made.ranges = ranges.to(torch.empty(0, dtype=made.dtype))
        at = run.now.address(self.name, tokens)
        made.begin(at.images, at.call)
        made.reads.clipped = 0
        return made

    def _calibrate(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None) -> Tensor:
        """Run digitally, and widen the ranges of each head to what was met."""
        out, tokens = self.leaf(q, k, v, gate), q.shape[2]
        past = torch.ones(tokens, tokens, dtype=torch.bool, device=q.device).tril(0 if self.leaf.own else -1)
        found = LineRanges.of(q, k, v, (q @ k.mT) * past, out, len(self.run.chips))
        for name in RANGES:
            before, now = getattr(self, name), getattr(found, name)
            setattr(self, name, now if before is None else torch.maximum(before, now))
        return out

    @property
    def design(self) -> LineDesign | None:
        """The design of the arrays in use; None before the first sequence."""
        return None if self.lines is None else self.lines.design
