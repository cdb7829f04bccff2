"""What holds a network's parameters, with memsim's names: convolutions, linear layers, norms, attention."""

import torch
import torch.nn.functional as F
from job import Job
from plain import EPS
from torch import Tensor, nn


class BatchNorm(nn.BatchNorm1d):
    """A batch norm of rows (..., C) in the type of its input; in training it updates its statistics."""

    def forward(self, input: Tensor) -> Tensor:
        rows = input.reshape(-1, input.shape[-1])
        out = F.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, self.training,
                           self.momentum or 0.0, EPS)  # fmt: skip
        return out.view(input.shape)

    def kept(self, input: Tensor) -> Tensor:
        """The norm with the statistics it has, in float32, whatever its mode."""
        assert self.running_mean is not None and self.running_var is not None
        scale = self.weight * torch.rsqrt(self.running_var + EPS)
        return torch.addcmul(self.bias - self.running_mean * scale, input.float(), scale)


class Dense(nn.Module):
    """A linear layer and its batch norm."""

    def __init__(self, d_in: int, d_out: int, bias: bool):
        super().__init__()
        self.linear, self.norm = nn.Linear(d_in, d_out, bias=bias), BatchNorm(d_out)


class Stage(nn.Module):
    """A convolution and its batch norm."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), BatchNorm(c_out)


class Patches(nn.Module):
    """The convolutions that make tokens of an image."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.encoder = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.norm = BatchNorm(widths[0])
        self.stages = nn.ModuleList(map(Stage, widths[:-1], widths[1:]))


class Core(nn.Module):
    """What a kind of attention keeps: memsim's buffers, (H) gains or levels, or given weights (H, N, N)."""

    gain: Tensor
    level: Tensor
    weight: Tensor

    def __init__(self, job: Job, given: dict[str, Tensor]):
        super().__init__()
        self.job = job
        gains = {"gain": torch.ones(job.dim // 32)} if job.mixer in ("dot", "rate") else {}
        for name, value in (given or gains).items():
            self.register_buffer(name, value)


def like(weight: Tensor, x: Tensor) -> Tensor:
    """Return the weight of a convolution in the type of its input, channels last."""
    return weight.to(dtype=x.dtype, memory_format=torch.channels_last)
