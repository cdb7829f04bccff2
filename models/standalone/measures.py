"""What is measured on a trained network: accuracy, statistics of its norms, and of its attention weights."""

import torch
from layers import BatchNorm
from network import Net
from torch import Tensor


@torch.no_grad()
def attention_moments(net: Net, images: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return mean and spread (H) of a network's STDP weights by layer, over images, steps and pairs."""
    net.eval()
    sums = torch.zeros(net.job.layers, 2, net.job.dim // 32, dtype=torch.float64, device=images.device)
    for part in images.split(128):
        net.seen = seen = []
        net(part.float().div(255), 4)
        for layer, weight in enumerate(seen):
            w = weight.double()
            sums[layer] += torch.stack([w.sum((0, 2, 3)), (w * w).sum((0, 2, 3))])
    net.seen = None
    mean, square = (sums / (len(images) * 4 * 64 * 64)).unbind(1)
    return list(zip(mean.cpu(), (square - mean**2).clamp(min=0).sqrt().cpu(), strict=True))


@torch.no_grad()
def estimate_norms(net: Net, images: Tensor) -> None:
    """Set the statistics of all batch norms to their means over batches of training images, at T = 4."""
    norms = [m for m in net.modules() if isinstance(m, BatchNorm)]
    net.train()
    for number, part in enumerate(images.split(256)):
        for norm in norms:
            norm.momentum = 1 / (number + 1)
        net(part.float().div(255), 4 if net.spiking else 1)
    net.eval()


@torch.no_grad()
def accuracy(net: Net, images: Tensor, labels: Tensor, T: int) -> float:
    """Return the share of images classified rightly, by plain loops in float32."""
    parts = zip(images.split(250), labels.split(250), strict=True)
    return sum(int((net(x.float().div(255), T).argmax(-1) == y).sum()) for x, y in parts) / len(labels)
