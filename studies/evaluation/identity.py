"""Names made of content: equal things have equal names, wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def digest(value: Any) -> str:
    """Sixteen hex digits of the SHA-256 of a value's canonical JSON; ValueError for NaN, TypeError for what
    JSON has no word for.
    """
    plain = json.loads(json.dumps(value, allow_nan=False))  # keys are texts, as a reader of a row has them
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:16]


def tensors_digest(named: Iterable[tuple[str, Tensor | None]]) -> str:
    """Sixteen hex digits of the SHA-256 of tensors: names, types, shapes, and every value."""
    import torch

    whole = sha256()
    for name, tensor in named:
        if tensor is None:
            whole.update(f"{name} none".encode())
            continue
        values = tensor.detach().cpu().contiguous()
        whole.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        whole.update(values.reshape(-1).view(torch.uint8).numpy().tobytes() if values.numel() else b"")
    return whole.hexdigest()[:16]


def point(labels: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return labels as a key: equal points give equal keys; a list or mapping stands there as its JSON."""
    return tuple(
        (name, json.dumps(value, sort_keys=True) if isinstance(value, (list, dict)) else value)
        for name, value in sorted(labels.items())
    )
