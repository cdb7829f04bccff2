"""Checkpoints: safetensors for the numbers, JSON in its header for configuration and training record; nothing
is unpickled.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from memsim.models.networks.s2tdpt import S2TDPT, check_image
from memsim.models.networks.s2tdpt_config import S2TDPTConfig
from memsim.models.registry import BUNDLED

FORMAT = "memsim-s2tdpt-1"
IMAGES = "calibration_images"


def write(path: str | Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> Path:
    """Write tensors and a JSON header into one safetensors file, whole or not at all (written beside, then
    renamed).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        beside.write_bytes(serialise(whole, {"memsim": json.dumps(header)}))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file made by `write`; one ValueError naming the file when it is missing,
    damaged or foreign.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"checkpoint {path} does not exist")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["memsim"])
            return {name: file.get_tensor(name) for name in file.keys()}, header
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(
            f"checkpoint {path} is damaged, or no safetensors file ({error}); fetch or train it again"
        ) from None
    except KeyError:
        raise ValueError(f"checkpoint {path} has no memsim header: it was not written by memsim") from None


def save(net: S2TDPT, path: str | Path) -> Path:
    """Write a network, its configuration, training record and calibration images; returns the path.

    Numbers that float16 holds exactly are stored in it.
    """
    header = {"format": FORMAT, "config": net.config.model_dump(mode="json"), "record": net.record}
    images = {} if net.calibration_images is None else {IMAGES: net.calibration_images}
    return write(path, {name: _small(t) for name, t in (net.state_dict() | images).items()}, header)


def _small(tensor: Tensor) -> Tensor:
    """The tensor in float16 where that loses nothing."""
    half = tensor.half() if tensor.dtype == torch.float32 else tensor
    return half if torch.equal(half.to(tensor.dtype), tensor) else tensor


def load(name: str | Path) -> S2TDPT:
    """A network from a file, or a bundled one by name ("s2tdpt-digits"), in evaluation mode.

    ValueError, naming the file, when it is damaged, of an unknown format, or its numbers do not fit its
    configuration.
    """
    bundled = BUNDLED / f"{str(name).lower()}.safetensors"
    path = bundled if bundled.is_file() else Path(name)
    if not path.suffix and not path.is_file():
        known = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.safetensors")))
        raise ValueError(
            f"no bundled network and no file {str(name)!r}; bundled are: {known}; "
            "for a fresh, untrained network use models.build"
        )
    tensors, header = read(path)
    if header.get("format") != FORMAT:
        raise ValueError(
            f"checkpoint {path} has format {header.get('format')!r}; this version reads {FORMAT!r}"
        )
    try:
        net = S2TDPT(S2TDPTConfig(**header["config"]))
    except (ValidationError, KeyError, TypeError) as error:
        raise ValueError(f"checkpoint {path} has a configuration this version cannot use: {error}") from None
    images = tensors.pop(IMAGES).float() if IMAGES in tensors else None
    _fit(net, tensors, path)
    if images is not None:
        try:
            check_image(images, net.config.in_shape)
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: calibration {error}") from None
        net.calibration_images = images
    net.record = header.get("record", {})
    return net.eval()


def _fit(net: S2TDPT, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the tensors into the network, or say which is missing, unknown, misshapen or not finite."""
    wanted = net.state_dict()
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or unknown:
        raise ValueError(
            f"checkpoint {path} does not fit its configuration: missing {missing[:3]}, unknown {unknown[:3]}"
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)}, needed {tuple(wanted[name].shape)}"
            raise ValueError(f"checkpoint {path}: {name} has shape {shapes}")
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"checkpoint {path}: {name} holds NaN or infinity")
    net.load_state_dict(tensors)
