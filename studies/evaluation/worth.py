"""Comparison of STDP attention with other kinds in bundled networks that were trained in the same way."""

from __future__ import annotations

from typing import Any

from memsim.models import worth_of_attention
from memsim.models.parts.relatives import KINDS
from memsim.models.registry import BUNDLED
from memsim.studies.evaluation.net_file import NetFile


def worth(model: str) -> list[dict[str, Any]]:
    """Return the rows of ``models.worth_of_attention``.  Raises what `check` raises."""
    check(model)
    return worth_of_attention(model)


def check(model: str, net: NetFile | None = None) -> None:
    """Raise ValueError for a network, such as a user's own, for which no relatives are bundled.

    Relatives are networks trained in the same way with other kinds of attention.
    """
    if net is not None:
        raise ValueError(
            f"--worth: there are no relatives of {net.title}, networks trained in the same way with other "
            "attention"
        )
    missing = [
        kind for kind in KINDS if kind != "stdp" and not (BUNDLED / f"{model}-{kind}.safetensors").is_file()
    ]
    if missing:
        raise ValueError(
            f"--worth: the relatives of {model!r}, networks trained in the same way with other attention, "
            f"are not bundled ({', '.join(missing)})"
        )
