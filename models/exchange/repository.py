"""Checkpoints of the public repositories as memsim's networks, by the names of their parameters.

Nothing is unpickled but tensors: files are safetensors, or torch's, read with weights_only=True.
"""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from memsim.models.exchange.repository_names import REPOSITORIES, Repository
from memsim.models.networks.network import Network
from memsim.models.registry import build

INSIDE = ("state_dict", "model", "net", "model_state_dict", "state_dict_ema", "model_ema", "ema")
"""Where checkpoints of training scripts keep the weights; the averaged ones where there are no others."""
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "ema.", "ema_model.")
"""What parallel training, compilation and averaging put before every name."""
OWN_CONSTANTS = ("num_batches_tracked", ".gain")  #: entries of memsim's that theirs need not have


def from_repository(
    state: str | Path | Mapping[str, Tensor],
    repository: str,
    *,
    in_shape: tuple[int, int, int],
    **fields: Any,
) -> Network:
    """Build memsim's network of a public repository's weights, in evaluation mode.

    state: a checkpoint's file, or its tensors by name. repository: one of `REPOSITORIES`. Layers, width and
    classes are read off the tensors; what no tensor tells (heads, steps, tau, pools) is the network's default
    unless given in `fields`. ValueError names tensors that are unknown, missing or of another shape.
    """
    known = REPOSITORIES.get(repository)
    if known is None:
        raise ValueError(f"no repository {repository!r}; there are {', '.join(REPOSITORIES)}")
    theirs = read_state(state) if isinstance(state, str | Path) else unwrapped(state)
    name, found = _shape(theirs, known)
    net = build(name, in_shape=in_shape, **found | fields)
    return fill(net, theirs, repository).eval()


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read a checkpoint's tensors by name, without what parallel training and compilation put before it.

    ValueError, naming the file, where it is damaged, holds other objects than tensors and settings, or no
    tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"checkpoint {path}: no such file")
    try:
        if path.suffix == ".safetensors":
            content: Any = load_file(path)
        else:
            with torch.serialization.safe_globals([Namespace]):  # timm's scripts keep their arguments in one
                content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(
            f"checkpoint {path} cannot be read without running code in it, or is damaged: {reason}; where "
            "you trust it, save its tensors alone, torch.load(PATH, weights_only=False)['state_dict']"
        ) from None
    for key in INSIDE:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"checkpoint {path} holds no tensors by name, at its top or in {', '.join(INSIDE)}")
    return unwrapped(content)


def unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the wrappers' names that all of them begin with, and without a counter of
    averages. ValueError for what is no tensor of numbers.
    """
    found = {str(name): value for name, value in state.items() if name != "n_averaged"}
    while prefix := next((w for w in WRAPPERS if found and all(n.startswith(w) for n in found)), ""):
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    for name, value in found.items():
        if not isinstance(value, Tensor) or value.is_quantized or value.is_complex() or value.is_sparse:
            raise ValueError(f"{name} is no plain tensor of numbers: quantised checkpoints are not taken")
        if value.is_floating_point() and not bool(torch.isfinite(value.float()).all()):
            raise ValueError(f"{name} has NaN or infinite numbers")
        if not value.is_floating_point() and not name.endswith("num_batches_tracked"):
            raise ValueError(f"{name} has the type {value.dtype}: quantised checkpoints are not taken")
    return found


def fill(net: Network, theirs: Mapping[str, Tensor], repository: str) -> Network:
    """Put a repository's tensors into a network; a convolution of side 1 becomes a linear layer.

    ValueError lists tensors that have no rule, those that the network lacks, and shapes that differ.
    """
    known, ours = REPOSITORIES[repository], net.state_dict()
    filled: dict[str, Tensor] = {}
    unknown: list[str] = []
    for name, value in theirs.items():
        own = known.ours(name)
        if own is None or (own and own not in ours):
            unknown.append(name)
        elif own:
            filled[own] = _fitted(name, value, own, ours[own])
    missing = [name for name in ours if name not in filled and not name.endswith(OWN_CONSTANTS)]
    if unknown or missing:
        slip = (
            "; learned leaks (PLIF) are not taken" if any(name.endswith("lif.w") for name in unknown) else ""
        )
        raise ValueError(
            f"the tensors are not those of {repository} with this configuration: unknown {unknown[:3]}, "
            f"missing {missing[:3]}{slip}"
        )
    net.load_state_dict(ours | filled)
    return net


def _fitted(name: str, value: Tensor, own: str, wanted: Tensor) -> Tensor:
    """Return a tensor in the shape of ours, where only axes of length 1 at the end differ."""
    tail = value.shape[wanted.ndim :]
    if value.shape[: wanted.ndim] != wanted.shape or any(size != 1 for size in tail):
        raise ValueError(f"{name} has shape {tuple(value.shape)}, {own} needs {tuple(wanted.shape)}")
    return value.reshape(wanted.shape).to(wanted.dtype)


def _shape(theirs: Mapping[str, Tensor], known: Repository) -> tuple[str, dict[str, Any]]:
    """Return the name KIND-LAYERS-WIDTH of a network and the fields that its tensors tell."""
    try:
        classes, width = theirs["head.weight"].shape
        numbers = {int(name.split(".")[1]) for name in theirs if name.startswith("block.")}
        layers = len(numbers)
        if numbers != set(range(layers)) or sum(t.numel() for t in theirs.values()) < layers * width**2:
            raise ValueError("blocks are missing, or they are too small for the head")
    except (KeyError, ValueError):
        raise ValueError(
            f"the tensors are not those of a {known.kind}: head.weight and block.0... are needed, "
            f"there are {list(theirs)[:3]}"
        ) from None
    fields: dict[str, Any] = {"num_classes": classes}
    if known.kind == "spikformer":
        fields["qkv_bias"] = any(name.endswith(("q_linear.bias", "q_conv.bias")) for name in theirs)
    return f"{known.kind}-{layers}-{width}", fields
