"""Train spiking transformers on CIFAR-10 in minutes of one GPU, without memsim.

    python models/standalone/train.py --plan plan.jsonl --data part0.med.xz part1.med.xz --out FOLDER

It needs torch, numpy and safetensors, and Triton for the kernels; `--device cpu --steps 3` is a trial. Each line
of the plan is a `Job`: one network. It writes FOLDER/NAME.safetensors in float16, a checkpoint which
`memsim.models.load` takes, with the training record inside; files above 15 MB come in pieces that `cat` joins
(NAME.safetensors.0, .1).

What makes it fast: bf16 matrices with channels last; batch norm and LIF in one kernel each way, which computes
membranes anew instead of keeping them; STDP attention in one kernel; the whole step as one CUDA graph; Muon on
matrices; most epochs at T = 1, the last at T = 4. On a GPU the kernels are compared with the plain loops first.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from check import check_kernels
from checkpoint import save
from job import Job
from network import Net
from pictures import unpack
from training import train


def main() -> None:
    """Train the plan's networks one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plan", type=Path, required=True, help="JSON lines, a network each")
    parser.add_argument("--data", type=Path, nargs=2, required=True, help="the two packed parts")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, help="steps of each phase, for a trial")
    parser.add_argument("--end", type=float, default=math.inf, help="begin no network after this time [s]")
    options = parser.parse_args()
    began = time.perf_counter()
    jobs = [Job(**json.loads(line)) for line in options.plan.read_text().splitlines() if line.strip()]
    if options.device == "cuda":
        print(f"kernels agree with the plain loops: gradients to {check_kernels():.1e}", flush=True)
        torch.backends.cudnn.allow_tf32 = False  # bf16 in training; float32 stays float32
        torch.backends.cudnn.benchmark = True
    data = unpack(options.data, options.device)
    print(f"data after {time.perf_counter() - began:.1f} s", flush=True)
    done: dict[str, Net] = {}
    for job in jobs:
        if time.perf_counter() - began > options.end:
            print(f"{job.name}: not begun, the time is up", flush=True)
            continue
        net = done[job.name] = train(job, data, done, options.device, options.steps)
        save(net, data.x, options.out)
        row = {key: net.record[key] for key in ("accuracy_by_T", "steps", "wall_time [s]")}
        print(json.dumps({"name": job.name, **row}), flush=True)


if __name__ == "__main__":
    main()
