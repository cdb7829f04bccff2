"""S2TDPT, its relatives and the twin without spikes, with the parameter names of `memsim.models`."""

from typing import Any

import torch
import torch.nn.functional as F
from job import Job
from kernels import Fire, NormAdd, NormFire, StdpAttention
from plain import EPS, SCALE, plain_fire, plain_weights
from torch import Tensor, nn


class Dense(nn.Module):
    """A linear layer and its batch norm."""

    def __init__(self, d_in: int, d_out: int, bias: bool):
        super().__init__()
        self.linear, self.norm = nn.Linear(d_in, d_out, bias=bias), nn.BatchNorm1d(d_out)


class Stage(nn.Module):
    """A convolution and its batch norm."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out)


class Patches(nn.Module):
    """The convolutions that make tokens of an image."""

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.encoder = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList(map(Stage, widths[:-1], widths[1:]))


class Core(nn.Module):
    """What an attention keeps: memsim's buffers."""

    def __init__(self, **buffers: Tensor):
        super().__init__()
        for name, value in buffers.items():
            self.register_buffer(name, value)


class Net(nn.Module):
    """Images (B, 3, 32, 32), pixels in [0, 1], -> logits (B, 10).

    `fused`: by kernels, in bf16, with the batch's statistics. Otherwise by plain loops in the weights' type, and
    `training` says whose statistics norms use.
    """

    def __init__(self, job: Job, given: list[dict[str, Tensor]] | None = None):
        super().__init__()
        D, heads = job.dim, job.dim // 32
        self.job, self.spiking, self.fused = job, job.mixer != "softmax", False
        self.patches = Patches((D // 8, D // 4, D // 2, D, D))
        self.blocks = nn.ModuleList()
        for layer in range(job.layers):
            attention = nn.ModuleDict({n: Dense(D, D, bias=n == "proj") for n in ("q", "k", "v", "proj")})
            one = torch.ones(heads)
            kept = {"dot": {"gain": one}, "rate": {"gain": one}}.get(job.mixer, {})
            attention["core"] = Core(**(given[layer] if given else kept))
            mlp = nn.ModuleDict({"fc1": Dense(D, 4 * D, bias=True), "fc2": Dense(4 * D, D, bias=True)})
            self.blocks.append(nn.ModuleDict({"attention": attention, "mlp": mlp}))
        self.head = nn.Linear(D, 10)
        self.seen: list[Any] | None = None  #: where attention weights are collected

    def config(self) -> dict[str, Any]:
        """Return the fields of memsim's configuration that differ from its defaults."""
        D, job = self.job.dim, self.job
        shape = {
            "dim": D,
            "layers": job.layers,
            "heads": D // 32,
            "widths": [D // 8, D // 4, D // 2, D, D],
            "pools": [bool(p) for p in job.pools],
        }
        if not self.spiking:
            return shape
        law = {"v_threshold": job.v_threshold, "attention_v_threshold": 0.5, "alpha": job.alpha}
        return shape | law | {"steps": 4, "attention": job.mixer}

    def norm(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Batch norm of rows (..., C), plainly."""
        rows = x.reshape(-1, x.shape[-1])
        out = F.batch_norm(rows, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training,
                           norm.momentum or 0.0, EPS)  # fmt: skip
        return out.view(x.shape)

    def fire(self, x: Tensor, norm: nn.Module, T: int) -> Tensor:
        """Batch norm and neurons: x (T or 1, P, C) -> (T, P, C)."""
        if not self.spiking:
            return F.relu(self.norm(x, norm))
        if self.fused:
            return NormFire.apply(x, norm.weight, norm.bias, T, self.job.v_threshold, self.job.alpha)
        return plain_fire(self.norm(x, norm), T, self.job.v_threshold, self.job.alpha)

    def spikes(self, u: Tensor, threshold: float) -> Tensor:
        """Neurons alone: (T, P, C) -> (T, P, C)."""
        if not self.spiking:
            return F.relu(u).to(torch.bfloat16 if self.fused else u.dtype)
        if self.fused:
            return Fire.apply(u.contiguous(), threshold, self.job.alpha)
        return plain_fire(u, len(u), threshold, self.job.alpha)

    def add(self, u: Tensor, x: Tensor, norm: nn.Module) -> Tensor:
        """u + batch norm of x, (T, P, C)."""
        if self.fused:
            rows = x.reshape(-1, x.shape[-1])
            return NormAdd.apply(rows, norm.weight, norm.bias, u.reshape(rows.shape)).view(u.shape)
        return u + self.norm(x, norm)

    def linear(self, x: Tensor, layer: nn.Linear) -> Tensor:
        """A linear layer in the type of its input; a bias before a batch norm has no effect in training."""
        return F.linear(x, layer.weight.to(x.dtype), None if self.fused or layer.bias is None else layer.bias)

    def tokens(self, image: Tensor, T: int) -> Tensor:
        """Images -> membranes (T, B N, D)."""
        last, stages = image.to(memory_format=torch.channels_last), self.patches.stages
        norm: nn.Module = self.patches.norm
        x = F.conv2d(last, _like(self.patches.encoder.weight, last), padding=1)
        for stage, pooled in zip(stages, self.job.pools[1:], strict=True):
            shape = x.permute(0, 2, 3, 1).shape
            rows = x.permute(0, 2, 3, 1).reshape(T if norm is not self.patches.norm else 1, -1, shape[-1])
            s = self.fire(rows, norm, T).view(-1, *shape[1:]).permute(0, 3, 1, 2)
            if pooled:
                s = F.max_pool2d(s, 3, 2, 1)
            x, norm = F.conv2d(s, _like(stage.conv.weight, s), padding=1), stage.norm
        rows = x.permute(0, 2, 3, 1).reshape(T, -1, x.shape[1])
        return self.add(torch.zeros(rows.shape, device=rows.device), rows, norm)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, block: nn.Module) -> Tensor:
        """Attention before its neurons: (T, B N, D) spikes -> the same shape, float32 where spikes meet it."""
        T, (N, heads), kind = len(q), (64, self.job.dim // 32), self.job.mixer
        q, k, v = (x.view(-1, N, x.shape[-1]) for x in (q, k, v))
        if kind == "stdp" and self.fused:
            return StdpAttention.apply(q, k, v, 32).view(T, -1, heads * 32)
        q, k, v = (x.view(-1, N, heads, 32).transpose(1, 2) for x in (q, k, v))
        if self.seen is not None:
            self.seen.append(plain_weights(q, k))
        if kind == "softmax":
            out = F.scaled_dot_product_attention(q, k, v)
        elif kind == "sdsa":
            common = (k * v).sum(-2, keepdim=True)
            gate = plain_fire(common.unflatten(0, (T, -1)).float(), T, 0.5, self.job.alpha)
            out = (q.unflatten(0, (T, -1)) * gate).flatten(0, 1)
        else:
            out = SCALE * self.weighted(q.float(), k.float(), v.float(), kind, block)
        return out.transpose(1, 2).reshape(T, -1, heads * 32)

    def weighted(self, q: Tensor, k: Tensor, v: Tensor, kind: str, block: Any) -> Tensor:
        """sum_j A_ij V_jd (T B, H, N, D_H) of the kinds that have weights A."""
        core = block["attention"]["core"]
        if kind == "stdp":
            return plain_weights(q, k) @ v
        if kind == "dot":
            return q @ (k.transpose(-1, -2) @ v)
        if kind == "rate":
            return q.sum(-1, keepdim=True) * (k.sum(-1, keepdim=True) * v).sum(-2, keepdim=True) / 32
        if kind == "random":
            return core.weight @ v
        if kind == "uniform-matched":
            return (core.level[:, None, None] * v.sum(-2, keepdim=True)).expand_as(v)
        raise SystemExit(f"mixer {kind!r}: known are stdp, dot, rate, random, uniform-matched, sdsa, softmax")

    def forward(self, image: Tensor, T: int) -> Tensor:
        u = self.tokens(image, T)
        for block in self.blocks:
            a, m = block["attention"], block["mlp"]
            s = self.spikes(u, self.job.v_threshold)
            q, k, v = (self.fire(self.linear(s, a[n].linear), a[n].norm, T) for n in "qkv")
            mixed = self.mix(q, k, v, block)
            passes = self.job.mixer in ("sdsa", "softmax")  # spikes already, or no neuron there
            s = mixed.to(s.dtype) if passes else self.spikes(mixed, 0.5)
            u = self.add(u, self.linear(s, a["proj"].linear), a["proj"].norm)
            s = self.spikes(u, self.job.v_threshold)
            hidden = self.fire(self.linear(s, m["fc1"].linear), m["fc1"].norm, T)
            u = self.add(u, self.linear(hidden, m["fc2"].linear), m["fc2"].norm)
        mean = u.view(T, len(image), -1, u.shape[-1]).mean((0, 2))
        return self.head(mean)


def _like(weight: Tensor, x: Tensor) -> Tensor:
    """The weight of a convolution in the type of its input, channels last."""
    return weight.to(dtype=x.dtype, memory_format=torch.channels_last)
