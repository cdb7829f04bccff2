"""The middle: what devices carry where their weight is 0, as it is taken off every column.

    y_c = gain_c (sum_r x_r I_rc - b_c sum_r x_r a_r)

a_r is what a reference column shows, or a number kept for each row; b_c is digital.  Designed: every row
carries what its devices are designed for, b_c = 1 over the compensation.  Measured: rows are read one by one,
and show Z_rc = I_rc - W_rc k_c beyond their weights; a_r is the reference column or the mean of Z_rc over
columns, and b_c = sum_r Z_rc / sum_r a_r, so that all rows together leave nothing in any column.  The
measurement itself is taken to be exact, as that of drift compensation is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from memsim.arrays.kernels.pair_sums import row_sums
from memsim.coding.lines import Lines


class Middle(NamedTuple):
    """What is taken off columns, of chips x groups."""

    row_SRT: Tensor | None  #: a, current of a driven row [A], (S G, R, 1); None: reference columns are read
    factor_SC: Tensor  #: b of each column [1]

    def each(self, fn: Callable[[Tensor], Tensor]) -> Middle:
        """Return the same with `fn` of either tensor."""
        return Middle(None if self.row_SRT is None else fn(self.row_SRT), fn(self.factor_SC))


def designed(lines: Lines, volt: float, compensation_SC: Tensor, rows: int) -> Middle | None:
    """Return the middle as it is designed; None where nothing is taken off.

    volt: current of a driven row and a weight of 0 [A]; compensation_SC: what currents are scaled by, which
    the designed middle is not.
    """
    if lines.reference is not None:
        return Middle(None, torch.ones_like(compensation_SC))
    if not lines.coding.subtracts:
        return None
    return Middle(compensation_SC.new_full((len(compensation_SC), rows, 1), volt), 1.0 / compensation_SC)


def measured(lines: Lines, volt_SRL: Tensor, wanted_SRC: Tensor) -> Middle:
    """Return the middle as reads of single rows find it.

    volt_SRL: currents of driven rows [A], of every line; wanted_SRC: those of the weights alone [A].
    """
    beyond = (lines.weighted(volt_SRL).double() - wanted_SRC.double()).contiguous()
    column_SC = row_sums(beyond.transpose(1, 2).contiguous())
    if lines.reference is None:
        kept_SR = row_sums(beyond) / beyond.shape[-1]
        kept, whole_SC = kept_SR[..., None].to(volt_SRL), row_sums(kept_SR[:, None])
    else:
        reference = (lines.factor * lines.of_reference(volt_SRL).double()).transpose(1, 2)
        kept, whole_SC = None, row_sums(reference.contiguous())
    factor = torch.where(whole_SC > 0, column_SC / whole_SC.clamp(min=1e-300), 1.0)
    return Middle(kept, factor.to(volt_SRL))
