"""What both orders of product attention on arrays share: a stand-in for the digital leaf."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from memsim.arrays.attention_input import check_layout, check_spikes
from memsim.arrays.faults.defects import Defects, together
from memsim.arrays.products.outer_array import OuterArray
from memsim.arrays.products.outer_products import OuterDesign
from memsim.arrays.tile_lines import settling
from memsim.arrays.writing.array_wear import ArrayWear
from memsim.energy.work import Rewritten
from memsim.run import Address, Run
from memsim.written_attention import ProductAttention


class ProductAttentionArray(nn.Module):
    """Attention A_ij = gain q_i . k_j on arrays, on every chip at once.

    forward(q, k, v): spikes (T, S B, H, N, D) -> A V in the same shape; with gradients those of the digital
    leaf pass straight through.  Where ``recording``, ``recorded`` holds what `attend` kept of the last call.
    """

    reason: ClassVar[str]
    """How the arrays hold it, for the mapping report."""

    def __init__(self, name: str, leaf: ProductAttention, run: Run, parts: tuple[str, ...]) -> None:
        super().__init__()
        self.name, self.run, self.leaf = name, run, leaf
        designs = [OuterDesign.of(name, part, run.card, sums=len(parts) == 1) for part in parts]
        self.parts = nn.ModuleList(OuterArray(design, run) for design in designs)
        self.recording = False
        self.recorded: Tensor | None = None

    @property
    def arrays(self) -> list[OuterArray]:
        """The arrays of each kind."""
        return list(self.parts)  # type: ignore[arg-type]

    def program(self) -> None:
        """Take new devices, without ranges; they are drawn with the first image, when tokens are known."""
        for array in self.arrays:
            array.program()
        self.recorded = None

    def renew(self) -> None:
        """Take the devices of the chips in ``run``; ranges stay."""
        for array in self.arrays:
            array.renew()

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        check_layout(self.name, self.run, q.shape[-1], q, k, v)
        check_spikes(self.name, q=q, k=k, v=v)
        for array in self.arrays:
            array.check_range()
        at = self.run.now.address(self.name, v.shape[0])
        with torch.no_grad():
            found = self.attend(q, k, v, at) * self.leaf.gain[:, None, None].to(self.run.dtype)
        if not (torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad)):
            return found
        wanted = self.leaf(q, k, v)
        return wanted + (found - wanted).detach()

    @abstractmethod
    def attend(self, q: Tensor, k: Tensor, v: Tensor, at: Address) -> Tensor:
        """sum_j (q_i . k_j) V_jd of spikes (T, S B, H, N, D), in the same shape; nothing has a gradient."""

    @property
    def wear(self) -> ArrayWear:
        """Devices of this layer on a chip, and the cycles they went through for an image, in the mean."""
        cells = sum(array.cells for array in self.arrays)
        return ArrayWear(self.arrays[0].design, self.run.ledger, cells)

    @property
    def measured(self) -> dict[str, float]:
        """What measuring devices before their first use has cost a chip: these need no measuring."""
        return {}

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """Heads, word lines and bit lines of the largest arrays of each kind; none before the first image."""
        return [array.largest_size for array in self.arrays if array.cells]

    @property
    def built(self) -> list[Rewritten]:
        """The largest arrays of each kind, as their area is counted."""
        return [Rewritten(name=self.name, heads=h, rows=m, columns=n) for h, m, n in self.sizes]

    @property
    def settling(self) -> float:
        """Longest time that lines take to settle to half a step of the ADC [s]; 0 before the first image."""
        segment, bits = self.arrays[0].design.segment, self.run.card.attention.adc_bits
        return max((settling(segment, n, 2 * m, bits) for _, m, n in self.sizes), default=0.0)

    @property
    def defects(self) -> Defects | None:
        """What of its devices and lines is faulty, before and after repair; known with the first image."""
        return together([array.defects for array in self.arrays if array.defects is not None])

    @property
    def kappa(self) -> float:
        """r g_max M N of one array, the largest [1], g_max a full write; 0 before the first image."""
        design = self.arrays[0].design
        rest, unit, _ = design.conductance
        top = rest + design.cell.describe().high * unit
        cells = max((m * n for _, m, n in self.sizes), default=0)
        return design.segment.resistance * top * design.parallel * cells
