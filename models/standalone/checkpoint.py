"""Checkpoints that `memsim.models.load` takes."""

import json
from pathlib import Path

import safetensors.torch
import torch
from network import Net
from torch import Tensor

LIMIT = 15_000_000  #: bytes of a file


def save(net: Net, images: Tensor, folder: Path) -> None:
    """Write a checkpoint of memsim: float16 tensors, 64 training images for converters, configuration, record."""
    config = net.config()
    if net.job.mixer in ("random", "uniform-matched"):
        config["attention_seed"] = net.job.seed
    header = {
        "format": "memsim-network-2",
        "architecture": "s2tdpt" if net.spiking else "vit",
        "config": config,
        "record": net.record,
    }
    tensors = {
        name: t.detach().cpu() if t.dtype == torch.long or ".core." in name else t.detach().half().cpu()
        for name, t in net.state_dict().items()
    }
    tensors["calibration_images"] = images[:64].float().div(255).half().cpu()
    tensors = {name: t.contiguous() for name, t in tensors.items()}
    body = safetensors.torch.save(tensors, {"memsim": json.dumps(header)})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{net.job.name}.safetensors"
    if len(body) <= LIMIT:
        path.write_bytes(body)
        return
    for number in range(-(-len(body) // LIMIT)):
        path.with_name(f"{path.name}.{number}").write_bytes(body[number * LIMIT : (number + 1) * LIMIT])
