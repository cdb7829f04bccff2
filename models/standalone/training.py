"""The training of one network: its start, its two phases, and its record."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from augment import Pictures, augment
from checkpoint import round_to_half
from job import Job
from loops import Loops
from matched import given
from measures import accuracy, estimate_norms
from network import Net
from pictures import DATASET
from step import Trainer
from torch import Tensor

STATISTICS = 10_000  #: images that set norms at the end
LOOK = 20  #: steps on a GPU between two looks at the clock, each of which waits for it


def train(
    job: Job,
    data: Pictures,
    done: dict[str, Net],
    device: str,
    loops: Loops | None = None,
    steps: int | None = None,
) -> Net:
    """Train one network, evaluate it, and return it with its record, all weights being numbers of float16.

    `done` has the networks that the job begins with, learns from or is matched to. `loops`: what runs batch
    norms and neurons; without: plain loops. `steps`: length of each phase, for a trial. ValueError where
    there are fewer images than a batch takes.
    """
    began = time.perf_counter()
    torch.manual_seed(job.seed)
    data = data.validating() if job.validate else data
    if len(data.y) < job.batch:
        raise ValueError(
            f"job {job.name!r}: batch = {job.batch}, but there are {len(data.y)} training images"
        )
    net = Net(job, given(job, done, data.x)).to(device)
    if job.start:
        there = {k: v for k, v in done[job.start].state_dict().items() if ".core." not in k}
        net.load_state_dict(there, strict=False)
    net.loops = loops
    run = Run(job, net, _teacher(job, done, loops), data, device)
    for late in (False, True):
        length = _length(job, late, steps, len(data.y))
        if length > 0:
            run.phase(late, length, clocked=job.seconds is not None and steps is None)
    if run.average is not None:
        net.load_state_dict(run.average, strict=False)
    net.loops = None
    round_to_half(net)
    some = torch.randperm(len(data.y), generator=run.generator, device=device)[:STATISTICS]
    net.eval()
    if job.norms == "batch":
        estimate_norms(net, data.x[some])
        round_to_half(net)
    net.record = _record(run, data, device) | {"wall_time [s]": round(time.perf_counter() - began, 1)}
    return net


def _record(run: "Run", data: Pictures, device: str) -> dict[str, Any]:
    """Make the training record, with the one look at the test part (or the validation part, if kept out)."""
    job, part = run.job, "val" if run.job.validate else "test"
    right = {T: accuracy(run.net, data.x_test, data.y_test, T) for T in ((1, 4) if run.net.spiking else (1,))}
    return {
        "dataset": "cifar10",
        "dataset_digest": DATASET,
        "job": asdict(job),
        "images": {"train": len(data.y), part: len(data.y_test)},
        "seed": job.seed,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "versions": {"torch": torch.__version__},
        "steps": run.count,
        "epochs": run.curve,
        f"{part}_accuracy": right[max(right)],
        "accuracy_by_T": right,
    }


class Run:
    """A training under way: the network's curve, the steps done, and the average of its weights."""

    def __init__(self, job: Job, net: Net, teacher: Net | None, data: Pictures, device: str):
        self.job, self.net, self.data, self.device = job, net, data, device
        self.trainer = Trainer(net, teacher, job, device)
        self.generator = torch.Generator(device).manual_seed(job.seed + 1)
        self.ages = torch.Generator().manual_seed(job.seed + 2)
        self.average: dict[str, Tensor] | None = None
        self.curve: list[dict[str, Any]] = []
        self.count, self.began = 0, time.perf_counter()
        self.number, self.part = 0, 0.0  # steps of the phase, and the part of it that is done

    def phase(self, late: bool, length: float, clocked: bool) -> None:
        """Train at T = 1, or 4 where `late`, for a length in seconds by the clock, or in steps."""
        T = 4 if late else 1
        go = self.trainer.captured(T)
        self.number, self.part = 0, 0.0
        started = time.perf_counter()
        while self.part < 1:
            loss = self.epoch(go, late, length, started if clocked else None)
            row = {"T": T, "steps": self.count, "loss": round(loss, 4)}
            row["wall_time [s]"] = round(time.perf_counter() - self.began, 2)
            self.curve.append(row)
            if len(self.curve) % 10 == 1:
                print(json.dumps({"name": self.job.name, **row}), flush=True)

    def epoch(self, go: Callable[[], None], late: bool, length: float, started: float | None) -> float:
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
            trainer.age.fill_(job.oldest ** float(torch.rand((), generator=self.ages)))  # from 1 s on
            trainer.x.copy_(moved[chosen])
            trainer.y.copy_(self.data.y[chosen])
            go()
            self.number, self.count = self.number + 1, self.count + 1
            if job.averaged and late and self.part > 2 / 3:
                self.average = _averaged(self.average, self.net, job.averaged)
            if started is None:
                self.part = self.number / length
            elif self.device != "cuda" or self.number % LOOK == 0:
                float(trainer.total)  # waits for the GPU
                self.part = (time.perf_counter() - started) / length
        loss = float(trainer.total) / max(1, self.number - before)
        trainer.total.zero_()
        return loss


def height(part: float, late: bool) -> float:
    """Return the learning rate over its top at a part of a phase: up in a tenth, down to 0.05.

    In the late phase, at T = 4, from 0.25 to 0.
    """
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
    for name, mean in average.items():
        mean.lerp_(now[name].detach(), 1 - decay)
    return average


def _teacher(job: Job, done: dict[str, Net], loops: Loops | None) -> Net | None:
    """Return a copy of the network that is learned from."""
    if not job.teacher:
        return None
    teacher = deepcopy(done[job.teacher]).requires_grad_(False).eval()
    teacher.loops = loops
    return teacher
