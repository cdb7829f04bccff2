"""A kernel gives the same numbers in the process that compiles it and in those that load it."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite import binding
from numba import prange

from memsim.devices.numerics import private_code
from memsim.devices.numerics.philox import BLOCK, bits

CELLS = ("ecram-li", "reram-om", "pcm-nandakumar2020")

PROGRAM = """
import hashlib, sys
import torch
import memsim
from memsim import ChipCard, Ledger
from memsim.learning.learning_array import LearningArray
from memsim.run import Run

torch.set_num_threads(1)

def told(name, tensor):
    print(name, hashlib.sha256(tensor.numpy().tobytes()).hexdigest())

for cell in sys.argv[1:]:
    card = ChipCard.load("default").replace(attention={"cell": cell}).without("wires")
    run = Run(card=card, chips=(0, 1), seed=0, ledger=Ledger(card))
    array = LearningArray("layer", torch.linspace(-1, 1, 1200).reshape(40, 30), run)
    array.program()
    array.update(0.05 * torch.sin(torch.arange(2400.0)).reshape(2, 40, 30))
    told(cell, array.weights())
net, digits = memsim.models.load("s2tdpt-digits"), memsim.models.datasets.load("digits")
for cell in sys.argv[1:2]:
    chip = memsim.to_crossbar(net, ChipCard.load("default").replace(attention={"cell": cell}), chips=2)
    chip.program()
    told("chip " + cell, chip(digits.x_test[:4]))
"""


@numba.njit(parallel=True)  # compiled in every process
def _draw(words, key):
    for image in prange(len(words)):
        bits(words[image], key, 0, 0, image, 0, 1)
        bits(words[image], key, 1, 0, image, 0, 1)  # called twice, it is not copied to where it is called


def test_functions_in_a_kernel_are_its_own() -> None:
    words = np.zeros((2, 1, BLOCK), np.uint32)
    _draw(words, np.uint64(7))
    assert len(np.unique(words)) == words.size
    (made,) = _draw.overloads.values()
    found = [function for function in made.library._final_module.functions if not function.is_declaration]
    ours = {function.name: function.linkage for function in found if "6memsim" in function.name}
    assert set(ours.values()) == {binding.Linkage.internal}, ours
    shared = made.library._get_module_for_linking().functions
    assert binding.Linkage.external not in [one.linkage for one in shared if not one.is_declaration]


def test_a_numba_of_other_steps_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_code, "_of_numba", None)
    with pytest.warns(RuntimeWarning, match=r"numba .* in the last bit"):
        private_code.install()


@pytest.mark.slow
def test_a_process_that_compiles_gets_what_one_that_loads_gets(tmp_path: Path) -> None:
    """Pulses of every cell, and chips: cells programmed, attention written and read through lines."""
    environ = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def run(*cells: str) -> list[str]:
        words = [sys.executable, "-c", PROGRAM, *cells]
        return subprocess.run(
            words, env=environ, capture_output=True, text=True, check=True
        ).stdout.splitlines()

    compiled = run(*CELLS)
    assert len(compiled) == len(CELLS) + 1
    assert run(*CELLS) == compiled
    backwards = run(*CELLS[::-1])  # kernels are loaded in another order
    assert {line for line in backwards if not line.startswith("chip")} < set(compiled)
