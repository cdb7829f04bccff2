"""Every kernel runs its own copies of the functions it calls, so that no result depends on what else a
process has compiled or loaded.

The machine code of a kernel contains a copy of every function that it calls, optimised in its place.  Numba
gives all copies of a function one name, and the loader takes, for every kernel, the copy that came first: of
another kernel or, in the process that compiled it, of the function alone.  These copies may round
differently in the last bit.  Here they become private to their kernel.
"""

from __future__ import annotations

import warnings
from typing import Any

import numba
from llvmlite import binding
from numba.core.codegen import CPUCodeLibrary

OURS = "6memsim"  #: how the name of the package begins compiled names


def install() -> None:
    """Let numba make the copies in every kernel that calls a function of memsim private.

    It is a step of numba's own that is extended; RuntimeWarning where this numba has no such step.
    """
    if _of_numba is None:
        warnings.warn(
            f"numba {numba.__version__} lacks a step of numba 0.68 that memsim extends: the first run, which "
            "compiles, may differ from later ones in the last bit of a conductance",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        CPUCodeLibrary._optimize_final_module = _optimize  # type: ignore[method-assign]


def keep_private(library: Any) -> None:
    """Make the copies in an optimised library private.

    Kernels that call a function of this library still copy it under its shared name, of which the linker
    keeps one in each kernel.
    """
    module = library._final_module
    if not any(OURS in function.name for function in module.functions):
        return
    for_others = module.clone()
    for function in for_others.functions:
        if not function.is_declaration and function.linkage == binding.Linkage.external:
            function.linkage = "linkonce_odr"
    library._shared_module = for_others
    for function in module.functions:
        if not function.is_declaration and function.linkage == binding.Linkage.linkonce_odr:
            function.linkage = "internal"


_of_numba: Any = getattr(CPUCodeLibrary, "_optimize_final_module", None)


def _optimize(library: Any) -> None:
    _of_numba(library)
    keep_private(library)
