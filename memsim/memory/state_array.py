"""The state of one layer on arrays: a module that replaces the digital state, with the same forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

import torch
from torch import Tensor

from memsim.memory.checks import check_clock, check_retention, check_word
from memsim.memory.clock import Clock
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.design import Write
from memsim.memory.leaky import IdealLeaky
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.ranges import largest
from memsim.memory.written_state import WrittenState
from memsim.run import Run
from memsim.saving import Held

RANGES = ("state", "c", "out")


@dataclass(frozen=True, kw_only=True)
class StateSettings:
    """Settings for placing states on arrays.

    clock: rate of tokens.  write: see `memsim.memory.design.Write`.  retention: time constant of volatile
    cells [s], the same for a whole array; math.inf: cells are non-volatile, and every decay is written.
    Raises ValueError for values out of range.
    """

    clock: Clock = field(default_factory=Clock)
    write: Write = "verify"
    retention: float = inf

    def __post_init__(self) -> None:
        check_clock(self.clock)
        check_word("write", self.write, "verify", "pulses")
        check_retention(self.retention)

    def form(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults, as JSON values; `of` is the inverse."""
        usual = StateSettings()
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        changed = {name: value for name, value in found.items() if value != getattr(usual, name)}
        return changed | ({"clock": self.clock.rate} if "clock" in changed else {})

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> StateSettings:
        """Return the settings stored by `form`.  Raises ValueError for an unknown name."""
        unknown = sorted(set(form) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"settings of states: unknown setting {unknown[0]!r}")
        return cls(**{**form, **({"clock": Clock(form["clock"])} if "clock" in form else {})})


class StateArray(Held):
    """Memory of one state for each head, on every chip of a run.

    forward has the arguments of `WrittenState`, with chip-major rows.  For each token, 1 / rate seconds pass;
    then the state decays, is added to, and is read.  The ranges of each chip are recorded while it is
    calibrated.  Gradients are those of the exact state (straight-through estimator).  Raises RuntimeError if
    it was not calibrated, and ValueError for a decay slower than that of a volatile device.
    """

    sort = "states"

    def __init__(self, name: str, leaf: WrittenState, run: Run, settings: StateSettings) -> None:
        super().__init__()
        self.name, self.leaf, self.run, self.settings = name, leaf, run, settings
        for range_of in RANGES:
            self.register_buffer(range_of, None)
        self.held: CrossbarLeaky | None = None

    @property
    def reason(self) -> str:
        return (
            f"one state a head, written {'with verify' if self.settings.write == 'verify' else 'by pulses'}"
        )

    def form(self) -> dict[str, Any]:
        return self.settings.form()

    def forward(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        if self.run.now.probe is not None:
            return self.leaf(x, b, c, delta, fade)
        if self.run.calibrating:
            return self._calibrate(x, b, c, delta, fade)
        state, read = self._begin(x, b, c, delta, fade), []
        for token in range(x.shape[2]):
            state.wait(1 / self.settings.clock.rate if token else 0.0)
            parts = (x[:, :, token], b[:, token], c[:, token], delta[..., token], fade[..., token])
            read.append(self.leaf.step(state, *(part.detach() for part in parts)))
        out = torch.stack(read, 2)
        if self.run.ledger.page.open:
            self.run.ledger.note(self.name, "clipped numbers", state.clipped)
        if torch.is_grad_enabled() and any(part.requires_grad for part in (x, b, c, delta, fade)):
            exact = self.leaf(x, b, c, delta, fade)
            out = exact + (out - exact).detach()
        return out

    def _begin(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> CrossbarLeaky:
        """Return an empty state on every chip for these sequences."""
        run, settings = self.run, self.settings
        ranges = [getattr(self, name) for name in RANGES]
        if run.card.ideal:
            ranges = [x.new_ones(1, x.shape[1])] * 3  # ideal cells and converters ignore the ranges
        elif ranges[0] is None:
            raise RuntimeError(
                f"{self.name}: its ranges are not calibrated; call chip.program() with sequences"
            )
        design = LeakyDesign(
            name=self.name, card=run.card, heads=x.shape[1], rows=x.shape[-1], columns=b.shape[-1],
            write=settings.write, retention=settings.retention,
        )  # fmt: skip
        at = run.now.address(self.name, x.shape[2])
        self.held = CrossbarLeaky(
            design, *ranges, chips=run.chips, seed=run.seed, images=at.images, call=at.call, ledger=run.ledger
        )
        return self.held

    @torch.no_grad()
    def _calibrate(self, x: Tensor, b: Tensor, c: Tensor, delta: Tensor, fade: Tensor) -> Tensor:
        """Run digitally, token by token, and extend the ranges of each head to the numbers that occur."""
        state, read, chips = IdealLeaky(), [], len(self.run.chips)
        for token in range(x.shape[2]):
            out = self.leaf.step(
                state, x[:, :, token], b[:, token], c[:, token], delta[..., token], fade[..., token]
            )
            read.append(out)
            assert state.state is not None
            queries = c[:, token, None].expand(-1, x.shape[1], -1)
            for name, met in zip(RANGES, (state.state, queries, out), strict=True):
                before, now = getattr(self, name), largest(met, chips)
                setattr(self, name, now if before is None else torch.maximum(before, now))
        return torch.stack(read, 2)
