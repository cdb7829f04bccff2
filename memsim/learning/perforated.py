"""Perforated backpropagation: a spare column learns what its neuron gets wrong, and sends no error back.

    cov_j = mean_b (h_bj - mean h_j) (e_bj - mean e_j),   a column climbs |cov_j|

h_j are the outputs of a column, e_j the error of the neuron that it belongs to: a candidate of cascade
correlation (Fahlman & Lebiere, 1990), taken up as a dendrite in arXiv 2501.18018.  Pure functions of tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor


def owners(columns: int, neurons: int) -> Tensor:
    """The neuron that each column belongs to, (columns,): dealt out in turn.

    Raises ValueError where the neurons do not get equally many.
    """
    if columns % neurons:
        raise ValueError(f"columns = {columns}: a multiple of the {neurons} neurons is needed")
    return torch.arange(columns) % neurons


def joined(columns: int, neurons: int) -> Tensor:
    """1 where a column leads to the neuron that it belongs to and 0 elsewhere, (columns, neurons)."""
    return torch.nn.functional.one_hot(owners(columns, neurons), neurons).float()


def correlation(outputs: Tensor, errors: Tensor) -> Tensor:
    """|cov| of each column (..., D) of outputs (..., B, D) with errors (..., B, D), which are constants."""
    errors = errors.detach()
    centred = errors - errors.mean(-2, keepdim=True)  # makes the mean of the outputs irrelevant
    return (outputs * centred).mean(-2).abs()
