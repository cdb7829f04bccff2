"""Checkpoints: {architecture, configuration, training record} and the weights of any registered network."""

import re
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from memsim.models.known import BUNDLED, trained
from memsim.models.networks import architecture
from memsim.models.networks.network import Network, check_input
from memsim.models.tensor_file import read, write

FORMAT = "memsim-network-2"
IMAGES = "calibration_images"
LARGEST = 65536  #: number in a configuration


def save(net: Network, path: str | Path) -> Path:
    """Write a network, its configuration, training record and calibration images; returns the path.

    Numbers that float16 holds exactly are stored in it. ValueError for a network whose class is not
    registered, or a record that JSON cannot hold.
    """
    header = {
        "format": FORMAT,
        "architecture": architecture.of(net).name,
        "config": net.config.model_dump(mode="json"),
        "record": net.record,
    }
    images = {} if net.calibration_images is None else {IMAGES: net.calibration_images}
    return write(path, {name: _small(t) for name, t in (net.state_dict() | images).items()}, header)


def _small(tensor: Tensor) -> Tensor:
    """Return the tensor in float16 where that loses nothing."""
    half = tensor.half() if tensor.dtype == torch.float32 else tensor
    return half if torch.equal(half.to(tensor.dtype), tensor) else tensor


def load(name: str | Path) -> Network:
    """Load a network from a file, or a bundled one by name ("s2tdpt-digits"), in evaluation mode.

    ValueError, naming the file, when it is damaged, of an unknown format or architecture, or its numbers do
    not fit its configuration.
    """
    path = BUNDLED / f"{str(name).lower()}.safetensors"
    path = path if path.is_file() else Path(name)
    if not path.suffix and not path.is_file():
        raise ValueError(
            f"no bundled network and no file {str(name)!r}; bundled are: {', '.join(trained())}; "
            "for a fresh, untrained network use models.build"
        )
    tensors, header = read(path)
    try:
        _refuse_absurd(header)
        found = architecture.named(_architecture(header))
        net = found.network(found.config(**header["config"]))
    except (ValidationError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"checkpoint {path} has a configuration this version cannot use: {str(error)[:1000]}"
        ) from None
    except ValueError as error:
        raise ValueError(f"checkpoint {path}: {error}") from None
    images = tensors.pop(IMAGES).float() if IMAGES in tensors else None
    _fit(net, tensors, path)
    if images is not None:
        try:
            check_input(images, net.config.in_shape)
        except ValueError as error:
            raise ValueError(f"checkpoint {path}: calibration {error}") from None
        net.calibration_images = images
    net.record = header.get("record", {})
    return net.eval()


def _refuse_absurd(header: dict[str, Any]) -> None:
    """Refuse a header whose configuration or record is no table, or names a size that no network here has."""
    for name in ("config", "record"):
        if not isinstance(header.get(name, {}), dict):
            raise ValueError(f"its {name} is a {type(header[name]).__name__}, needed is a table")
    for field, value in header.get("config", {}).items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, (int, float)) and not abs(number) <= LARGEST:
                raise ValueError(f"its configuration has {field} = {number}, {LARGEST} at most is allowed")


def _architecture(header: dict[str, Any]) -> str:
    """Return the name of the architecture; files before format 2 have it in their format: memsim-NAME-1."""
    form = str(header.get("format"))
    old = re.fullmatch(r"memsim-(\w+)-1", form)
    if form.startswith("memsim-training-"):
        raise ValueError("it is the state of a training that has not ended, not a network")
    if form != FORMAT and not old:
        raise ValueError(f"it has format {form!r}; this version reads {FORMAT!r}")
    return old[1] if old else header["architecture"]


def _fit(net: Network, tensors: dict[str, Tensor], path: Path) -> None:
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
