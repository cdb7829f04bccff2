"""Perforated backpropagation: spare columns learn to correlate with the remaining error of their neuron.

    cov_j = mean_b (h_bj - mean h_j) (e_bj - mean e_j),   a column is trained to increase |cov_j|

h_j is the output of column j and e_j the error of the neuron to which it belongs; no error is propagated from
the column to earlier layers.  These are the candidate units of cascade correlation (Fahlman & Lebiere, 1990),
used as dendrites in arXiv 2501.18018.  The functions are pure.
"""

from __future__ import annotations

import torch
from torch import Tensor


def owners(columns: int, neurons: int) -> Tensor:
    """Return the neuron to which each column belongs, (columns,): column j belongs to neuron j mod neurons.

    Raises ValueError if `columns` is not a multiple of `neurons`, for columns below 0 and for neurons below
    1.
    """
    if columns < 0 or neurons < 1:
        raise ValueError(
            f"columns = {columns}, neurons = {neurons}: 0 or more columns and 1 or more neurons are needed"
        )
    if columns % neurons:
        raise ValueError(f"columns = {columns}: a multiple of the {neurons} neurons is needed")
    return torch.arange(columns) % neurons


def joined(columns: int, neurons: int) -> Tensor:
    """Return a mask (columns, neurons): 1 where the column belongs to the neuron and 0 elsewhere.

    Raises ValueError if `columns` is not a multiple of `neurons`.
    """
    return torch.nn.functional.one_hot(owners(columns, neurons), neurons).float()


def correlation(outputs: Tensor, errors: Tensor) -> Tensor:
    """Return |cov_j| of each column (..., D) for outputs and errors (..., B, D).

    No gradient flows into the errors.
    """
    errors = errors.detach()
    centred = errors - errors.mean(-2, keepdim=True)  # so the mean of the outputs need not be subtracted
    return (outputs * centred).mean(-2).abs()
