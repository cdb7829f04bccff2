"""Weight averaging over the last part of a training, and batch-norm statistics for the averaged weights."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

FROM = 2 / 3  #: part of the training after which averaging begins


class WeightAverage:
    """Exponential moving average of parameters, m <- decay m + (1 - decay) p, starting at the first p."""

    def __init__(self, decay: float):
        self.decay = decay
        self.tensors: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Update the average with the present parameters of the network."""
        for name, p in net.named_parameters():
            if name in self.tensors:
                self.tensors[name].lerp_(p.detach(), 1 - self.decay)
            else:
                self.tensors[name] = p.detach().clone()

    @torch.no_grad()
    def put(self, net: nn.Module, images: Tensor, batch: int) -> None:
        """Set the parameters of a network to the average and re-estimate its batch-norm statistics.

        images: images (B, C, H, W) or event frames (T, B, C, H, W) for the statistics; batch: images per
        pass. If nothing was averaged yet, the network keeps its present parameters.
        """
        if not self.tensors:
            self.update(net)
        for name, p in net.named_parameters():
            p.copy_(self.tensors[name])
        estimate_norms(net, images, batch)


@torch.no_grad()
def estimate_norms(net: nn.Module, images: Tensor, batch: int) -> None:
    """Set the running means and variances of batch norms to the mean over batches of these images.

    images: (B, C, H, W) or event frames (T, B, C, H, W). The mode of the network (training or evaluation) is
    restored.
    """
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not norms:
        return
    training, momenta = net.training, [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then averages over batches with equal weights
    net.train()
    for part in images.split(batch, dim=images.ndim - 4):
        if part.shape[-4] > 1:
            net(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.train(training)
