"""The memory of one layer on line arrays: a module that replaces the digital memory, with the same
forward.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.line_design import LineDesign
from memsim.memory.line_options import Settings
from memsim.memory.ranges import LineRanges
from memsim.memory.written_memory import WrittenMemory
from memsim.run import Run
from memsim.saving import Held

RANGES = ("query", "key", "value", "score", "out")


PHYSICAL = 0.1  #: largest allowed difference between the logarithms of a gate and of the decay of devices [1]
MOST = 64  #: largest number of tokens that are written and read in one block


class LineArray(Held):
    """Memory of lines on every chip of a run.

    forward(q, k, v, gate): q, k (S B, H, T, D), v (S B, H, T, V), gate (S B, H, T, T) or None, all
    chip-major; returns (S B, H, T, V).  Tokens write their line and read the array in turn, so line j has the
    age (i - j) / rate when token i reads.  The ranges of each chip are recorded while it is calibrated.
    Gradients are those of the exact memory (straight-through estimator).  Raises RuntimeError if it was not
    calibrated, and ValueError for a gate with NaN.
    """

    sort = "lines"

    def __init__(self, name: str, leaf: WrittenMemory, run: Run, settings: Settings) -> None:
        super().__init__()
        self.name, self.leaf, self.run, self.settings = name, leaf, run, settings
        for range_of in RANGES:
            self.register_buffer(range_of, None)
        self.lines: CrossbarLines | None = None

    @property
    def reason(self) -> str:
        room = (
            "as many lines as tokens" if self.settings.capacity is None else f"{self.settings.capacity} lines"
        )
        how = "with verify" if self.settings.write == "verify" else "by pulses"
        return f"{room}, one a token, written {how}"

    def form(self) -> dict[str, Any]:
        return self.settings.form()

    def forward(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None = None) -> Tensor:
        run = self.run
        if run.now.probe is not None:
            return self.leaf(q, k, v, gate)
        if run.calibrating:
            return self._calibrate(q, k, v, gate)
        if gate is not None and gate.isnan().any():
            raise ValueError(f"{self.name}: the gate holds NaN")
        lines = self._begin(q, k, v, gate)
        read, last, tokens = [], 0, q.shape[2]
        while last < tokens:
            first, last = last, min(last + self._at_once(lines), tokens)
            read.append(self._tokens(lines, range(first, last), q, k, v, gate))
        out = torch.cat(read, 2)
        if run.ledger.page.open:
            run.ledger.note(self.name, "clipped numbers", lines.clipped)
        if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v)):
            exact = self.leaf(q, k, v, gate)
            out = exact + (out - exact).detach()
        return out

    def _at_once(self, lines: CrossbarLines) -> int:
        """Return how many tokens can be processed as one block without a change of the results.

        Within a block no line may be overwritten or age noticeably.
        """
        free = lines.design.capacity - lines.count
        aging = lines.cells.pace * self.settings.clock.rate
        return max(1, int(min(MOST, aging, free if free > 0 or lines.full == "ring" else MOST)))

    def _tokens(
        self, lines: CrossbarLines, at: range, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None
    ) -> Tensor:
        """Write and read with these tokens and return their results (S B, H, R, V)."""
        times = [self.settings.clock.time(t) for t in at]
        own, many, some = self.leaf.own, len(at) > 1, slice(at.start, at.stop)
        if own or many:  # the mask hides the lines of the block that come after the reader
            lines.extend(k[:, :, some], v[:, :, some], times)
        first = max(0, at.stop - (0 if own or many else 1) - lines.design.capacity)
        held = [t + own - first for t in at]
        mask = torch.arange(len(lines)) < torch.tensor(held)[:, None]
        digital = gate if self.settings.gate == "digital" else None
        gates = None if digital is None else digital[:, :, some, first : first + len(lines)]
        out = torch.zeros_like(v[:, :, some])
        scores = q.new_zeros(*q.shape[:2], len(at), 0)
        if held[-1]:
            scores = lines.match_all(q[:, :, some], times, held)
        weights, share = self.leaf.weigh(scores, gates, mask, first)
        if held[-1]:
            out = lines.blend_all(weights, times, held)
        if share is not None:
            out = out + share[..., None] * v[:, :, some]
        if not (own or many):
            lines.extend(k[:, :, some], v[:, :, some], times)
        self._count(len(q) * q.shape[1], held)
        return out

    def _count(self, readers: int, held: list[int]) -> None:
        """Enter the digital operations of `readers` readers for each number of lines in `held`."""
        if not self.run.ledger.page.open:
            return
        for lines in held:
            found = self.leaf.operations(lines)
            self.run.ledger.enter([(self.name, event, readers * number) for event, number in found.items()])

    def _begin(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None) -> CrossbarLines:
        """Return empty arrays with enough lines for these tokens."""
        tokens, run, settings = q.shape[2], self.run, self.settings
        if run.card.ideal:
            ranges = LineRanges.of(
                q, k, v, q @ k.mT, v, len(run.chips)
            )  # ideal cells and converters ignore the ranges
        elif self.query is None:
            raise RuntimeError(
                f"{self.name}: its ranges are not calibrated; call chip.program() with sequences"
            )
        else:
            ranges = LineRanges(**{name: getattr(self, name) for name in RANGES})
        made = self.lines
        if made is None or made.chips != run.chips or (
            settings.capacity is None and made.design.capacity < tokens
        ):  # fmt: skip
            design = LineDesign(
                name=self.name, card=run.card, heads=q.shape[1], keys=k.shape[-1], values=v.shape[-1],
                capacity=settings.capacity or tokens, write=settings.write, **settings.options(),
            )  # fmt: skip
            made = CrossbarLines(design, ranges, chips=run.chips, seed=run.seed, ledger=run.ledger)
            self.lines = made
        if settings.gate == "device":
            self._check_gate(made, gate, tokens)
        made.ranges = ranges.to(torch.empty(0, dtype=made.dtype))
        at = run.now.address(self.name, tokens)
        made.begin(at.images, at.call)
        made.reads.clipped = 0
        return made

    def _check_gate(self, lines: CrossbarLines, gate: Tensor | None, tokens: int) -> None:
        """Raise ValueError for a gate (S B, H, T, T) that differs from the natural decay of the values."""
        at = torch.tensor([self.settings.clock.time(t) for t in range(tokens)], dtype=torch.float64)
        ages = (at[:, None] - at).clamp(min=0.0)
        lost = lines.cells.gain(ages).log() - ages / lines.design.retention
        off = 0.0 if gate is None else float(((gate.double() - lost).tril()).abs().max())
        if gate is None or off > PHYSICAL:
            what = "it has no gate" if gate is None else f"its log gate differs by {off:.3g} from the decay"
            raise ValueError(
                f"{self.name}: gate = 'device', but {what} of its devices at {self.settings.clock.rate:g}"
                f" tokens per second and a retention of {lines.design.retention:g} s; {PHYSICAL} is allowed"
            )

    def _calibrate(self, q: Tensor, k: Tensor, v: Tensor, gate: Tensor | None) -> Tensor:
        """Run digitally, and extend the ranges of each head to the numbers that occur."""
        out, tokens = self.leaf(q, k, v, gate), q.shape[2]
        past = torch.ones(tokens, tokens, dtype=torch.bool, device=q.device).tril(0 if self.leaf.own else -1)
        found = LineRanges.of(q, k, v, (q @ k.mT) * past, out, len(self.run.chips))
        for name in RANGES:
            before, now = getattr(self, name), getattr(found, name)
            setattr(self, name, now if before is None else torch.maximum(before, now))
        return out

    @property
    def design(self) -> LineDesign | None:
        """Design of the arrays in use; None before the first sequence."""
        return None if self.lines is None else self.lines.design
