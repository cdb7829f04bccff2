"""The delta rule of a linear read-out: the error of its numbers times what drove its rows.

    dE/dW_rc = sum_b x_br (p_bc - y_bc) / B,   p = softmax(x W + b), E the mean cross-entropy

(With p = x W and the squared error it is the rule of Widrow & Hoff, 1960.)

Pure functions of tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor


def error(logits: Tensor, labels: Tensor) -> Tensor:
    """dE/dlogits (..., B, C) of the mean cross-entropy over B: softmax less the label's one."""
    one = torch.nn.functional.one_hot(labels, logits.shape[-1]).to(logits)
    return (logits.softmax(-1) - one) / logits.shape[-2]


def change(x: Tensor, wrong: Tensor) -> Tensor:
    """dE/dW (..., R, C) of drives x (..., B, R) and errors (..., B, C)."""
    return x.mT @ wrong
