"""The registry of layer kinds: which parameters of a class of modules are matrices that arrays can hold.

@lowers(nn.Linear)
def matrices(layer): return {"": Matrix("weight")}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from memsim.mapping.lowering.matrix import Matrix

Matrices = Callable[[Any], Mapping[str, Matrix]]

KINDS: dict[type[nn.Module], tuple[str, Matrices]] = {}
"""Class of modules -> name of its kind, and how its matrices are found; filled by layer kinds."""


def lowers(*classes: type[nn.Module]) -> Callable[[Matrices], Matrices]:
    """Register the matrices of these classes of modules: a function of the module -> {suffix: Matrix}.

    The suffix completes the array's name: "" for a module with one matrix, "in_proj.q" for others.
    """

    def register(matrices: Matrices) -> Matrices:
        for kind in classes:
            KINDS[kind] = (kind.__name__, matrices)
        return matrices

    return register
