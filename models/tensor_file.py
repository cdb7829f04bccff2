"""A file of tensors with a JSON header: safetensors with a digest, written whole or not at all; nothing is
unpickled.
"""

import json
import os
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as serialise
from torch import Tensor

HEADER, DIGEST = "memsim", "sha256"  #: keys of the file's metadata
PICKLED = (b"PK\x03\x04", b"\x80")  #: first bytes of what torch.save and pickle write


def write(path: str | Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> Path:
    """Write tensors and a JSON header into one file (written beside, then renamed); returns the path.

    ValueError for a header that JSON cannot hold.
    """
    path = Path(path)
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        text = json.dumps(header)
    except TypeError as error:
        raise ValueError(f"{path}: its record or configuration is not plain JSON: {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(serialise(whole, {HEADER: text, DIGEST: digest(whole, text)}))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and header of a file made by `write`.

    ValueError, naming the file, when it is missing, damaged, pickled or of another program.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"checkpoint {path} does not exist")
    _refuse_pickles(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except Exception as error:  # types that torch lacks, shapes no machine has: each its own exception
        raise ValueError(
            f"checkpoint {path} is damaged, or no safetensors file ({error}); fetch or train it again"
        ) from None
    text = metadata.get(HEADER)
    if text is None:
        raise ValueError(
            f"checkpoint {path} was not written by memsim: it holds weights but no configuration. Build the "
            "network, net.load_state_dict(safetensors.torch.load_file(path)), then models.save(net, path)"
        )
    if DIGEST not in metadata:
        warnings.warn(
            f"checkpoint {path} has no digest, so that damage to its numbers is not seen; "
            "models.save(models.load(path), path) gives it one",
            UserWarning,
            stacklevel=3,
        )
    elif metadata[DIGEST] != digest(tensors, text):
        raise ValueError(
            f"checkpoint {path} is damaged: its weights or header are not those that were written; "
            "fetch or train it again"
        )
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"checkpoint {path}: its header is no JSON ({error})") from None
    if not isinstance(header, dict):
        raise ValueError(f"checkpoint {path}: its header is a {type(header).__name__}, needed is a table")
    return tensors, header


def _refuse_pickles(path: Path) -> None:
    """Refuse a file of torch.save or pickle, with the remedy."""
    with path.open("rb") as file:
        first = file.read(9)
    if first.startswith(PICKLED) and first[8:] != b"{":  # safetensors: 8 bytes of length, then JSON
        raise ValueError(
            f"checkpoint {path} is pickled (torch.save) and is not opened, as unpickling can run any code. "
            "If you trust it: net.load_state_dict(torch.load(path, weights_only=True)) into a network you "
            "built, then models.save(net, 'net.safetensors')"
        )


def digest(tensors: dict[str, Tensor], text: str) -> str:
    """Return the SHA-256 (hex) of a header's text and of tensors by name: types, shapes and bytes."""
    found = sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()
