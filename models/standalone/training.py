"""The training of one network: its start, its two phases, and its record."""

import json
import time
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from job import Job
from measures import accuracy, attention_moments, estimate_norms
from network import Net
from pictures import Pictures, augment
from step import Trainer
from torch import Tensor

STATISTICS, MATCHED = 10_000, 2_048  #: images that set norms at the end; that attention is matched on


def train(job: Job, data: Pictures, done: dict[str, Net], device: str, steps: int | None = None) -> Net:
    """Train one network; `net.record` says how it went. `steps`: length of each phase, for a trial."""
    began = time.perf_counter()
    torch.manual_seed(job.seed)
    data = data.validating() if job.validate else data
    net = Net(job, given(job, done, data.x[:MATCHED])).to(device)
    if job.start:
        there = {k: v for k, v in done[job.start].state_dict().items() if ".core." not in k}
        net.load_state_dict(there, strict=False)
    net.fused = device == "cuda"
    run = Run(job, net, _teacher(job, done, device), data, device)
    for late in (False, True):
        length = _length(job, late, steps, len(data.y))
        if length > 0:
            run.phase(late, length, clocked=job.seconds is not None and steps is None)
    if run.average is not None:
        net.load_state_dict(run.average, strict=False)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(p.half().float())
    net.fused = False
    some = torch.randperm(len(data.y), generator=run.generator, device=device)[:STATISTICS]
    estimate_norms(net, data.x[some])
    right = {T: accuracy(net, data.x_test, data.y_test, T) for T in ((1, 4) if net.spiking else (1,))}
    net.record = {
        "dataset": "cifar10",
        "job": asdict(job),
        "images": {"train": len(data.y), ("val" if job.validate else "test"): len(data.y_test)},
        "seed": job.seed,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "versions": {"torch": torch.__version__},
        "steps": run.count,
        "epochs": run.curve,
        ("val_accuracy" if job.validate else "test_accuracy"): right[max(right)],
        "accuracy_by_T": right,
        "wall_time [s]": round(time.perf_counter() - began, 1),
    }
    return net


class Run:
    """A training under way: the network's curve, the steps done, and the average of its weights."""

    def __init__(self, job: Job, net: Net, teacher: Net | None, data: Pictures, device: str):
        self.job, self.net, self.data, self.device = job, net, data, device
        self.trainer = Trainer(net, teacher, job, device)
        self.generator = torch.Generator(device).manual_seed(job.seed + 1)
        self.average: dict[str, Tensor] | None = None
        self.curve: list[dict[str, Any]] = []
        self.count, self.began = 0, time.perf_counter()

    def phase(self, late: bool, length: float, clocked: bool) -> None:
        """Train at T = 1, or 4 where `late`, for a length in seconds by the clock, or in steps."""
        T = 4 if late else 1
        go, self.number, self.part = self.trainer.captured(T), 0, 0.0
        started = time.perf_counter()
        while self.part < 1:
            loss = self.epoch(go, late, length, started if clocked else None)
            row = {"T": T, "steps": self.count, "loss": round(loss, 4)}
            row["wall_time [s]"] = round(time.perf_counter() - self.began, 2)
            self.curve.append(row)
            if len(self.curve) % 10 == 1:
                print(json.dumps({"name": self.job.name, **row}), flush=True)

    def epoch(self, go: Any, late: bool, length: float, started: float | None) -> float:
        """Pass over the pictures once, or until the phase ends; returns the mean loss."""
        trainer, job, before = self.trainer, self.job, self.number
        moved = augment(self.data.x, job, self.generator)
        order = torch.randperm(len(moved), generator=self.generator, device=self.device)
        for chosen in order.split(job.batch):
            if len(chosen) < job.batch or self.part >= 1:
                break
            top = height(self.part, late)
            trainer.rate.fill_(job.rate * top)
            trainer.vector_rate.fill_(job.vectors * top)
            trainer.x.copy_(moved[chosen])
            trainer.y.copy_(self.data.y[chosen])
            go()
            self.number, self.count = self.number + 1, self.count + 1
            if job.averaged and late and self.part > 2 / 3:
                self.average = _averaged(self.average, self.net, job.averaged)
            if started is None:
                self.part = self.number / length
            elif self.number % 20 == 0:
                float(trainer.total)  # waits for the GPU
                self.part = (time.perf_counter() - started) / length
        loss = float(trainer.total) / max(1, self.number - before)
        trainer.total.zero_()
        return loss


def height(part: float, late: bool) -> float:
    """The learning rate over its top at a part of a phase: up in a tenth and down to .05; late from .25 to 0."""
    if late:
        return 0.25 * (1 - part)
    return part / 0.1 if part < 0.1 else 1 - 0.95 * (part - 0.1) / 0.9


def _length(job: Job, late: bool, steps: int | None, images: int) -> float:
    """Return how long a phase is, in steps or seconds; only spiking networks have a late one."""
    if late and job.mixer == "softmax":
        return 0
    if steps is not None:
        return steps
    if job.seconds is not None:
        share = 0.0 if job.mixer == "softmax" else job.late
        return job.seconds * (share if late else 1 - share)
    return job.epochs[late] * (images // job.batch)


def _averaged(average: dict[str, Tensor] | None, net: Net, decay: float) -> dict[str, Tensor]:
    """Move an average of weights towards the network's."""
    now = dict(net.named_parameters())
    if average is None:
        return {name: p.detach().clone() for name, p in now.items()}
    torch._foreach_lerp_(list(average.values()), [p.detach() for p in now.values()], 1 - decay)
    return average


def _teacher(job: Job, done: dict[str, Net], device: str) -> Net | None:
    """Return a copy of the network that is learned from."""
    if not job.teacher:
        return None
    teacher = deepcopy(done[job.teacher]).requires_grad_(False).eval()
    teacher.fused = device == "cuda"
    return teacher


def given(job: Job, done: dict[str, Net], images: Tensor) -> list[dict[str, Tensor]] | None:
    """Return the buffers of attention that is matched to an STDP network's weights, by layer."""
    if job.mixer not in ("random", "uniform-matched"):
        return None
    if not job.moments:
        raise SystemExit(f"{job.name}: {job.mixer} attention needs moments = the name of an STDP job before")
    found = attention_moments(done[job.moments], images)
    if job.mixer == "uniform-matched":
        return [{"level": mean.float()} for mean, _ in found]
    out = []
    for layer, (mean, spread) in enumerate(found):
        generator = torch.Generator().manual_seed(job.seed * 1000 + layer)
        draw = torch.rand(len(mean), 64, 64, generator=generator, dtype=torch.float64)
        draw = (draw - draw.mean((1, 2), keepdim=True)) / draw.std((1, 2), keepdim=True, correction=0)
        out.append({"weight": (mean[:, None, None] + spread[:, None, None] * draw).float()})
    return out
