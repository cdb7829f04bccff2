"""The state of a training after an epoch: what it needs to go on, and what says that it is the same one."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memsim.models.datasets.dataset import Dataset
from memsim.models.networks.network import NetworkConfig
from memsim.models.tensor_file import digest, read, write
from memsim.models.training.recipe import Recipe

FORMAT = "memsim-training-2"
Identity = dict[str, str]


def identity_of(
    dataset: Dataset, network: NetworkConfig | nn.Module, recipe: Recipe, seed: int, notes: Mapping[str, Any]
) -> Identity:
    """Return what fixes a training, by part: a change of any of it makes another one.

    Data count by content, a network that is trained on by the weights it begins with.
    """
    if isinstance(network, NetworkConfig):
        start = f"{type(network).__qualname__} {network.model_dump_json()}"
    else:
        start = digest(network.state_dict(), type(network).__qualname__)
    return {
        "data": dataset.digest,
        "network": sha256(start.encode()).hexdigest()[:16],
        "recipe": recipe.model_dump_json(),
        "seed": str(seed),
        "notes": repr(sorted(notes.items())),
    }


def store(
    path: str | Path, net: nn.Module, optimizer: torch.optim.Optimizer, identity: Identity, history: list
) -> None:
    """Write the network, AdamW's moments by parameter number, and the epochs done."""
    moments = {
        f"optimizer.{n}.{key}": t for n, s in optimizer.state_dict()["state"].items() for key, t in s.items()
    }
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()} | moments
    write(path, tensors, {"format": FORMAT, "identity": identity, "history": history})


def resume(
    path: str | Path | None, net: nn.Module, optimizer: torch.optim.Optimizer, identity: Identity
) -> list[dict[str, Any]]:
    """Put a stored state, if there is one, into network and optimizer; returns the epochs done.

    ValueError, naming what differs, for the state of another training.
    """
    if path is None or not Path(path).exists():
        return []
    tensors, header = read(path)
    if header.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no state of a training of this version ({header.get('format')!r}); remove it"
        )
    differ = [part for part, value in identity.items() if header["identity"].get(part) != value]
    if differ:
        raise ValueError(
            f"{path} is the state of another training, with other {' and '.join(differ)}; "
            "name another file, or remove it to begin anew"
        )
    net.load_state_dict(
        {name.removeprefix("net."): t for name, t in tensors.items() if name.startswith("net.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return header["history"]
