"""The mean of a network's weights over the end of a training, and norms that fit it."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

FROM = 2 / 3  #: part of a training after which weights are averaged


class WeightAverage:
    """A running mean of parameters, m <- decay m + (1 - decay) p, that begins with its first p."""

    def __init__(self, decay: float):
        self.decay = decay
        self.tensors: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Move the mean towards the network's parameters."""
        for name, p in net.named_parameters():
            if name in self.tensors:
                self.tensors[name].lerp_(p.detach(), 1 - self.decay)
            else:
                self.tensors[name] = p.detach().clone()

    @torch.no_grad()
    def put(self, net: nn.Module, images: Tensor, batch: int) -> None:
        """Give the network the mean, and batch norms the statistics it has of images (B, ...), or frames
        (T, B, ...). A training too short for a mean keeps its last weights.
        """
        if not self.tensors:
            self.update(net)
        for name, p in net.named_parameters():
            p.copy_(self.tensors[name])
        estimate_norms(net, images, batch)


@torch.no_grad()
def estimate_norms(net: nn.Module, images: Tensor, batch: int) -> None:
    """Set running means and variances of batch norms to those of images, batch by batch; the mode is put
    back.
    """
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return
    training, momenta = net.training, [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    net.train()
    for part in images.split(batch, dim=images.ndim - 4):
        if part.shape[-4] > 1:
            net(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.train(training)
