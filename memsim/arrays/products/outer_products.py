"""What is written where spikes on a word line and on a bit line meet: sums of outer products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from memsim.arrays.writing.array_design import ArrayDesign
from memsim.card.chip_card import ChipCard


class Rise:
    """The mean device of a cell, when new, as pulses raise it from a reset: ``n_max`` are a full write, which
    moves it by ``w_span``.
    """

    def __init__(self, card: ChipCard) -> None:
        cell = card.design.unworn_cell
        self.n_max = card.full_write
        self.response = cell.response(self.n_max).double()
        self.w_rest = float(self.response[self.n_max])
        self.w_span = float(self.response[-1]) - self.w_rest
        if self.w_span <= 0:
            raise ValueError(f"attention.n_max = {self.n_max}: {cell.name} does not rise; more pulses?")

    def risen(self, pulses: Tensor) -> Tensor:
        """Return the mean change after a number of pulses, in full writes [1], at most one."""
        up = (self.response[self.n_max :] - self.w_rest) / self.w_span
        return up.to(pulses.device)[pulses.long().clamp(0, self.n_max)]


@dataclass(frozen=True, kw_only=True, eq=False)
class OuterDesign(ArrayDesign):
    """Arrays that outer products of spikes are written to, one a time slot; 1 stands for a full write."""

    @cached_property
    def table(self) -> Rise:
        """The mean device under a full write upwards."""
        return Rise(self.card)

    @classmethod
    def of(cls, name: str, part: str, card: ChipCard, *, sums: bool = False) -> OuterDesign:
        """Return the design of one kind of a layer's arrays; sums: more than one product may meet in a cell.

        Raises ValueError for settings of STDP's writes that these arrays have no use for.
        """
        section = card.attention
        no_use = {
            "coding": "no window is coded, all spikes that meet take the same pulses",
            "row_gain": "it is measured on pulses of both signs, and these arrays only rise",
        } | ({"verify_rounds": "the sums are not known before they are written"} if sums else {})
        for field, why in no_use.items():
            given, plain = getattr(section, field), type(section).model_fields[field].default
            if given != plain:
                raise ValueError(
                    f"{name}: attention.{field} = {given!r} with attention.order = {section.order!r}: {why};"
                    f" take {plain!r}"
                )
        design = cls(name=name, part=part, card=card, cell=card.attention_cell)
        if not design.exact:
            _ = design.table, design.conductance
        return design


@dataclass(frozen=True)
class OuterProducts:
    """The write rule: `each` pulses up wherever the spikes of a word line and of a bit line meet in a slot.

        n_ij = each sum_s q_is k_js        q (..., M, slots), k (..., N, slots)

    `each` is a number or broadcasts against (..., M, N).
    """

    rise: Rise
    each: Tensor | int
    keep: float = 0.0

    def pulses(self, q: Tensor, k: Tensor) -> Tensor:
        """Return pulses (..., M, N), none of them down."""
        return q @ k.transpose(-1, -2) * self.each

    def goals(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the target states (..., M, N): where the mean device stands after these pulses."""
        rise = self.rise
        return (rise.w_rest + rise.w_span * rise.risen(self.pulses(q, k))).to(q.dtype)
