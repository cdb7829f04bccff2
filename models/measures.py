"""What is measured of a network's answers: accuracy with an interval, and two measures that move before
accuracy does.
"""

from typing import Any

import torch
from torch import Tensor, nn

from memsim.models.datasets.dataset import time_first
from memsim.models.wilson import wilson


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of images whose largest logit is the label's; logits (..., B, classes), labels (B)."""
    return float((logits.argmax(-1) == labels).double().mean())


def cross_entropy(logits: Tensor, labels: Tensor) -> float:
    """Mean of -log p(label) [nat], in double precision."""
    flat = logits.double().flatten(0, -2)
    return float(nn.functional.cross_entropy(flat, labels.repeat(len(flat) // len(labels))))


def margin(logits: Tensor, labels: Tensor) -> float:
    """Mean of the label's logit minus the largest of the others; negative where the network errs."""
    index = labels.expand(logits.shape[:-1]).unsqueeze(-1)
    own = logits.gather(-1, index).squeeze(-1)
    others = logits.scatter(-1, index, float("-inf")).amax(-1)
    return float((own - others).double().mean())


@torch.no_grad()
def predict(net: nn.Module, images: Tensor, batch: int = 256) -> Tensor:
    """Logits (B, classes) in evaluation mode, on the network's device, returned on the CPU; the mode is put
    back. Event frames (B, T, C, H, W) are given time first.
    """
    training, device = net.training, next(net.parameters()).device
    net.eval()
    try:
        return torch.cat([net(time_first(part).to(device)).cpu() for part in images.split(batch)])
    finally:
        net.train(training)


def score(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    """Accuracy with its 95 % interval and image count, cross-entropy and margin of one set of answers (B,
    classes).
    """
    right = int((logits.argmax(-1) == labels).sum())
    low, high = wilson(right, len(labels))
    interval = {"accuracy": right / len(labels), "low": low, "high": high, "images": len(labels)}
    return interval | {"cross_entropy": cross_entropy(logits, labels), "margin": margin(logits, labels)}
