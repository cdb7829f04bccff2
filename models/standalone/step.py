"""One step of training, as a CUDA graph on a GPU: loss, Muon for matrices, Adam for the rest."""

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.nn.functional as F
from job import Job
from muon import Muon
from network import Net
from pcm import Chip, clip_columns


class Trainer:
    """A network in training: one step of it as a function of images, labels and two learning rates."""

    def __init__(self, net: Net, teacher: Net | None, job: Job, device: str):
        self.net, self.teacher, self.job, self.gpu = net, teacher, job, device == "cuda"
        params = dict(net.named_parameters())
        matrices = [p for name, p in params.items() if p.ndim > 1 and not name.startswith("head")]
        chosen = {id(p) for p in matrices}
        self.muon = Muon(matrices, own=job.norms == "kept")
        self.on_arrays = [*matrices, net.head.weight]
        self.age = torch.ones((), device=device)
        self.chip = Chip(self.age, job.noise) if job.noise else None
        self.rate, self.vector_rate = (torch.zeros((), device=device) for _ in range(2))
        others = [p for p in params.values() if id(p) not in chosen]
        self.adam = torch.optim.AdamW(others, lr=self.vector_rate, weight_decay=0.0, capturable=self.gpu,
                                      fused=self.gpu, betas=(0.9, 0.99))  # fmt: skip
        self.x = torch.zeros(job.batch, 3, 32, 32, device=device, dtype=torch.uint8)
        self.y = torch.zeros(job.batch, device=device, dtype=torch.long)
        self.total = torch.zeros((), device=device)

    def step(self, T: int) -> None:
        """Do one step on the images in `x`, `y`; adds the loss to `total`."""
        kind = torch.bfloat16 if self.net.loops else torch.float32
        image = self.x.to(kind).div_(255)
        for p in self.net.parameters():
            p.grad = None
        self.net.chip = self.chip
        logits = self.net(image, T)
        self.net.chip = None
        loss = F.cross_entropy(logits, self.y, label_smoothing=0.0 if self.teacher else 0.1)
        if self.teacher:
            with torch.no_grad():
                soft = (self.teacher(image, 1).float() / 2).softmax(-1)
            loss = 0.3 * loss + 0.7 * 4 * F.kl_div((logits / 2).log_softmax(-1), soft, reduction="batchmean")
        loss.backward()
        for p in self.net.parameters():
            if p.grad is None:  # a bias before a batch norm, or q and k of a mixing without looking
                p.grad = torch.zeros_like(p)
        self.muon.step(self.rate)
        self.adam.step()
        if self.job.clip:
            for weight in self.on_arrays:
                clip_columns(weight, self.job.clip)
        self.total += loss.detach()

    def captured(self, T: int) -> Callable[[], None]:
        """Return a function that does one step; on a GPU it replays a CUDA graph."""
        if not self.gpu:
            return lambda: self.step(T)
        kept = deepcopy(self.net.state_dict())
        moments = [m.clone() for _, _, m in self.muon.groups]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step(T)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step(T)
        with torch.no_grad():  # the three steps were no training
            for value, old in zip(self.net.state_dict().values(), kept.values(), strict=True):
                value.copy_(old)
            for (_, _, m), old in zip(self.muon.groups, moments, strict=True):
                m.copy_(old)
            for state in self.adam.state.values():
                for value in state.values():
                    value.zero_()
        self.total.zero_()
        return graph.replay
