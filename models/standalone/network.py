"""S2TDPT, its relatives and the twin without spikes, with the parameter names of `memsim.models`."""

from typing import Any

import torch
import torch.nn.functional as F
from job import MATCHED, Job
from layers import BatchNorm, Core, Dense, Patches, Stage, like
from loops import Loops
from mixing import mix
from pcm import Chip
from plain import plain_fire
from torch import Tensor, nn

ATTENTION_THRESHOLD = 0.5  #: of the neurons behind attention


class Net(nn.Module):
    """Images (B, 3, 32, 32), pixels in [0, 1], -> logits (B, 10).

    `loops`: what runs batch norms and neurons, in bf16, with the statistics of the batch, or those of the
    norms where the job keeps them. Without: plain loops in the weights' type, and `training` says whose
    statistics norms use.
    `chip`: what holds the weights, if not the network itself.
    """

    def __init__(self, job: Job, given: list[dict[str, Tensor]] | None = None):
        super().__init__()
        D = job.dim
        self.job, self.spiking = job, job.spiking
        self.loops: Loops | None = None
        self.patches = Patches(self.widths)
        self.blocks = nn.ModuleList()
        for layer in range(job.layers):
            attention = nn.ModuleDict({n: Dense(D, D, bias=n == "proj") for n in ("q", "k", "v", "proj")})
            attention["core"] = Core(job, given[layer] if given else {})
            mlp = nn.ModuleDict({"fc1": Dense(D, 4 * D, bias=True), "fc2": Dense(4 * D, D, bias=True)})
            self.blocks.append(nn.ModuleDict({"attention": attention, "mlp": mlp}))
        self.head = nn.Linear(D, 10)
        self.record: dict[str, Any] = {}
        self.chip: Chip | None = None
        self.seen: list[Tensor] | None = None  #: where STDP weights are collected, if anywhere

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after each convolution."""
        D = self.job.dim
        return D // 8, D // 4, D // 2, D, D

    def config(self) -> dict[str, Any]:
        """Return the fields of memsim's configuration that differ from its defaults."""
        job = self.job
        shape = {
            "dim": job.dim,
            "layers": job.layers,
            "heads": job.dim // 32,
            "widths": list(self.widths),
            "pools": [bool(p) for p in job.pools],
        }
        if not self.spiking:
            return shape
        law = {
            "v_threshold": job.v_threshold,
            "attention_v_threshold": ATTENTION_THRESHOLD,
            "alpha": job.alpha,
            "steps": 4,
            "attention": job.mixer,
        }
        return shape | law | ({"attention_seed": job.seed} if job.mixer in MATCHED else {})

    @property
    def keeps(self) -> bool:
        """Whether norms keep their statistics while the network learns."""
        return self.training and self.job.norms == "kept"

    def held(self, weight: Tensor) -> Tensor:
        """Return a weight as it is read."""
        return weight if self.chip is None else self.chip.holds(weight)

    def fire(self, x: Tensor, norm: BatchNorm, T: int) -> Tensor:
        """Batch norm and neurons: x (T or 1, P, C) -> (T, P, C)."""
        if self.keeps:
            return self.spikes(norm.kept(x).expand(T, -1, -1), self.job.v_threshold)
        if not self.spiking:
            return F.relu(norm(x))
        if self.loops:
            return self.loops.norm_fire(x, norm.weight, norm.bias, T, self.job.v_threshold, self.job.alpha)
        return plain_fire(norm(x), T, self.job.v_threshold, self.job.alpha)

    def spikes(self, u: Tensor, threshold: float) -> Tensor:
        """Neurons alone: (T, P, C) -> (T, P, C)."""
        if not self.spiking:
            return F.relu(u).to(torch.bfloat16 if self.loops else u.dtype)
        if self.loops:
            return self.loops.fire(u.contiguous(), threshold, self.job.alpha)
        return plain_fire(u, len(u), threshold, self.job.alpha)

    def add(self, u: Tensor, x: Tensor, norm: BatchNorm) -> Tensor:
        """u + batch norm of x, (T, P, C)."""
        if self.keeps:
            return u + norm.kept(x)
        if self.loops:
            rows = x.reshape(-1, x.shape[-1])
            return self.loops.norm_add(rows, norm.weight, norm.bias, u.reshape(rows.shape)).view(u.shape)
        return u + norm(x)

    def dense(self, x: Tensor, layer: Dense) -> Tensor:
        """A linear layer in the type of its input; a bias before a norm of the batch's has no effect."""
        linear = layer.linear
        bias = None if linear.bias is None or (self.loops and not self.keeps) else linear.bias.to(x.dtype)
        return F.linear(x, self.held(linear.weight).to(x.dtype), bias)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """A convolution in the type of its input."""
        return F.conv2d(x, like(self.held(weight), x), padding=1)

    def tokens(self, image: Tensor, T: int) -> Tensor:
        """Images -> membranes (T, B N, D)."""
        last, norm, held = image.to(memory_format=torch.channels_last), self.patches.norm, True
        x = self.convolve(last, self.patches.encoder.weight)
        for stage, pooled in zip(self.patches.stages, self.job.pools[1:], strict=True):
            assert isinstance(stage, Stage)
            shape = x.permute(0, 2, 3, 1).shape
            rows = x.permute(0, 2, 3, 1).reshape(1 if held else T, -1, shape[-1])
            s = self.fire(rows, norm, T).view(-1, *shape[1:]).permute(0, 3, 1, 2)
            if pooled:
                s = F.max_pool2d(s, 3, 2, 1)
            x, norm, held = self.convolve(s, stage.conv.weight), stage.norm, False
        rows = x.permute(0, 2, 3, 1).reshape(T, -1, x.shape[1])
        return self.add(torch.zeros(rows.shape, device=rows.device), rows, norm)

    def forward(self, image: Tensor, T: int) -> Tensor:
        u = self.tokens(image, T)
        for block in self.blocks:
            a, m = block["attention"], block["mlp"]  # pyright: ignore[reportIndexIssue]
            s = self.spikes(u, self.job.v_threshold)
            q, k, v = (self.fire(self.dense(s, a[n]), a[n].norm, T) for n in "qkv")
            mixed = mix(q, k, v, a["core"], loops=self.loops, seen=self.seen)
            passes = self.job.mixer in ("sdsa", "softmax")  # spikes already, or no neuron there
            s = mixed.to(s.dtype) if passes else self.spikes(mixed, ATTENTION_THRESHOLD)
            u = self.add(u, self.dense(s, a["proj"]), a["proj"].norm)
            s = self.spikes(u, self.job.v_threshold)
            hidden = self.fire(self.dense(s, m["fc1"]), m["fc1"].norm, T)
            u = self.add(u, self.dense(hidden, m["fc2"]), m["fc2"].norm)
        mean = u.view(T, len(image), -1, u.shape[-1]).mean((0, 2))
        return F.linear(mean, self.held(self.head.weight), self.head.bias)
