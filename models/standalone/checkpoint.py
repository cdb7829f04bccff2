"""Checkpoints that `memsim.models.load` takes."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from job import Job, tupled
from network import Net
from torch import Tensor

LIMIT = 15_000_000  #: bytes of a file
CALIBRATION = 32  #: training images in a checkpoint, which set the ranges of a chip's converters


def save(net: Net, images: Tensor, folder: Path, limit: int = LIMIT) -> list[Path]:
    """Write a checkpoint of memsim: float16 tensors, training images, configuration and record.

    Returns the file's path, or those of its pieces, NAME.safetensors.0 and so on, where it is above the limit
    [bytes]: `join` or `cat` puts them together.
    """
    header = {
        "format": "memsim-network-2",
        "architecture": "s2tdpt" if net.spiking else "vit",
        "config": net.config(),
        "record": net.record,
    }
    tensors = {name: _stored(name, t) for name, t in net.state_dict().items()}
    tensors["calibration_images"] = images[:CALIBRATION].float().div(255).half().cpu().contiguous()
    text = json.dumps(header)
    body = safetensors.torch.save(tensors, {"memsim": text, "sha256": digest(tensors, text)})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{net.job.name}.safetensors"
    pieces = [body[at : at + limit] for at in range(0, len(body), limit)]
    paths = [path] if len(pieces) == 1 else [Path(f"{path}.{number}") for number in range(len(pieces))]
    for where, piece in zip(paths, pieces, strict=True):
        where.write_bytes(piece)
    return paths


def load(path: Path) -> Net:
    """Read a network that `save` wrote, to begin with; ValueError, naming the file, for any other."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads(file.metadata()["memsim"])
            job: dict[str, Any] = header["record"]["job"]
            net = Net(Job(**{key: tupled(value) for key, value in job.items()}))
            tensors = {name: file.get_tensor(name) for name in file.keys() if name != "calibration_images"}
            net.load_state_dict({name: t.float() if halved(name, t) else t for name, t in tensors.items()})
    except (OSError, KeyError, TypeError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{path} is no network of this program: {error}") from None
    net.record = header["record"]
    return net.eval()


def digest(tensors: dict[str, Tensor], text: str) -> str:
    """Return what memsim checks a file by: the SHA-256 of the header's text and of tensors, by name."""
    found = sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def join(path: Path) -> Path:
    """Put the pieces of a checkpoint together in the file `path`; ValueError where there are none."""
    pieces = sorted(path.parent.glob(f"{path.name}.*"), key=lambda p: int(p.suffix[1:]))
    if not pieces:
        raise ValueError(f"there are no pieces {path}.0, {path}.1 ... to put together")
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    return path


def halved(name: str, tensor: Tensor) -> bool:
    """Say whether a tensor is stored in float16: all but whole numbers and the buffers of attention."""
    return tensor.is_floating_point() and ".core." not in name


@torch.no_grad()
def round_to_half(net: Net) -> None:
    """Round what is stored in float16, so that the network in memory is the one in the file."""
    for name, tensor in net.state_dict().items():
        if halved(name, tensor):
            tensor.copy_(tensor.half())


def _stored(name: str, tensor: Tensor) -> Tensor:
    """Return a tensor as it is stored."""
    return (tensor.half() if halved(name, tensor) else tensor).detach().cpu().contiguous()
