"""What STDP attention is worth: the network beside its relatives, which must be bundled."""

from __future__ import annotations

from typing import Any

from memsim.models import worth_of_attention
from memsim.models.parts.relatives import KINDS
from memsim.models.registry import BUNDLED
from memsim.studies.evaluation.net_file import NetFile


def worth(model: str) -> list[dict[str, Any]]:
    """Rows of ``models.worth_of_attention``; ValueError for a network whose relatives are not bundled."""
    check(model)
    return worth_of_attention(model)


def check(model: str, net: NetFile | None = None) -> None:
    """Raise ValueError for a network whose relatives are not bundled, such as a user's own."""
    if net is not None:
        raise ValueError(
            f"--worth: {net.title} has no bundled relatives, networks trained like it with other attention"
        )
    missing = [
        kind for kind in KINDS if kind != "stdp" and not (BUNDLED / f"{model}-{kind}.safetensors").is_file()
    ]
    if missing:
        raise ValueError(f"--worth: the relatives of {model!r} are not bundled ({', '.join(missing)})")
