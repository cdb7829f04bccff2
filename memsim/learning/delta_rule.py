"""The delta rule of a linear read-out: the gradient is the output error times the input of each row.

    dE/dW_rc = sum_b x_br (p_bc - y_bc) / B,   p = softmax(x W + b)

E is the mean cross-entropy over the B examples of a batch, and y is 1 for the label and 0 elsewhere.  With
p = x W and the squared error this is the rule of Widrow & Hoff (1960).  Both functions are pure.
"""

from __future__ import annotations

import torch
from torch import Tensor


def error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return dE/dlogits = (softmax(logits) - one_hot(labels)) / B of logits (..., B, C), labels (..., B).

    Raises ValueError for labels that are not whole numbers from 0 to C - 1.
    """
    classes = logits.shape[-1]
    if labels.dtype != torch.int64 or (labels.numel() and not 0 <= labels.min() <= labels.max() < classes):
        raise ValueError(f"labels must be whole numbers (int64) from 0 to {classes - 1}")
    one = torch.nn.functional.one_hot(labels, logits.shape[-1]).to(logits)
    return (logits.softmax(-1) - one) / logits.shape[-2]


def change(x: Tensor, wrong: Tensor) -> Tensor:
    """Return dE/dW (..., R, C) for inputs x (..., B, R) and output errors (..., B, C) from `error`."""
    return x.mT @ wrong
