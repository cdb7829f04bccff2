"""Train spiking transformers on CIFAR-10 in minutes of one GPU, without memsim.

    python pictures.py cifar10.npz DATA
    python train.py --plan cifar10.jsonl --data DATA/cifar10-0.med.xz DATA/cifar10-1.med.xz --out FOLDER

It needs torch, numpy and safetensors, and Triton for speed; `--device cpu --steps 3` is a trial. Each
line of the plan is a `Job`: one network. It writes FOLDER/NAME.safetensors in float16, a checkpoint which
`memsim.models.load` takes, with the training record inside; files above 15 MB come in pieces that `cat`
joins (NAME.safetensors.0, .1). A job with `seconds` ends by the clock; a slower GPU makes fewer steps.

What makes it fast: bf16 matrices with channels last; batch norm and LIF in one kernel each way, which
computes membranes anew instead of keeping them; STDP attention in one kernel; the whole step as one CUDA
graph; Muon on matrices; most epochs at T = 1, the last at T = 4. On a GPU the kernels are first compared with
the plain loops; where they do not run or are wrong, torch.compile makes others, compared in the same way.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from augment import Pictures
from check import check
from checkpoint import load, save
from job import read_plan
from loops import KINDS, Loops, find
from training import train


def main(words: Sequence[str] | None = None) -> None:
    """Train the plan's networks one after the other; SystemExit with a message for what cannot be used."""
    parser = argparse.ArgumentParser(description="Train networks on CIFAR-10.")
    parser.add_argument("--plan", type=Path, required=True, help="JSON lines, a network each")
    parser.add_argument("--data", type=Path, nargs=2, required=True, help="the two packed parts")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--begin", type=Path, nargs="*", default=[], help="checkpoints that jobs begin with")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--loops",
        choices=KINDS,
        help="what runs norms and neurons; default: the fastest that agrees with the plain loops",
    )
    parser.add_argument("--steps", type=int, help="steps of each phase, for a trial")
    parser.add_argument("--end", type=float, default=math.inf, help="begin no network after this time [s]")
    options = parser.parse_args(words)
    began = time.perf_counter()
    try:
        done = {net.job.name: net.to(options.device) for net in map(load, options.begin)}
        jobs = read_plan(options.plan.read_text().splitlines(), done)
        loops = prepare(options.device, options.loops)
        data = Pictures.read(options.data, options.device)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(f"data after {time.perf_counter() - began:.1f} s", flush=True)
    for job in jobs:
        missing = [name for name in (job.start, job.teacher, job.moments) if name and name not in done]
        if time.perf_counter() - began > options.end or missing:
            print(f"{job.name}: not begun, the time is up", flush=True)
            continue
        net = done[job.name] = train(job, data, done, options.device, loops, options.steps)
        save(net, data.x, options.out)
        row = {key: net.record[key] for key in ("accuracy_by_T", "steps", "wall_time [s]")}
        print(json.dumps({"name": job.name, **row}), flush=True)


def prepare(device: str, kind: str | None = None) -> Loops | None:
    """Set the arithmetic of a GPU and return the loops that training runs; None: the plain ones.

    kind: one of `KINDS`; without it a GPU gets the first that runs and agrees with the plain loops, and a CPU
    the plain ones. ValueError where the kind that is asked for does not run here or does not agree.
    """
    if device == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # bf16 in training; float32 stays float32
        torch.backends.cudnn.benchmark = True
    elif kind is None:
        return None
    for tried in [kind] if kind else KINDS:
        if tried == "plain":
            break
        try:
            loops = find(tried)
            off = check(loops, device)
        except Exception as error:  # whatever a compiler raises
            if kind:
                raise ValueError(f"the loops {kind!r} cannot be used: {error}") from None
            print(f"the loops {tried!r} cannot be used: {error}", flush=True)
        else:
            print(f"the loops {tried!r} agree with the plain ones: gradients to {off:.1e}", flush=True)
            return loops
    if device == "cuda":
        print("plain loops in float32: many times slower", flush=True)
    return None


if __name__ == "__main__":
    main()
