"""The Triton kernels against the plain loops, in Triton's interpreter: no GPU is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "models" / "standalone"

INTERPRETED = """
from triton.runtime import interpreter
patch = interpreter._patch_lang_tensor

def patched(tensor, *more):
    patch(tensor, *more)
    tensor.__index__ = lambda self: int(self.handle.data.item())  # numpy 2.4 refuses int() of an array

interpreter._patch_lang_tensor = patched
"""

WHOLE = """
import torch
from job import Job
from loops import find
from network import Net
from step import Trainer
for mixer in ("stdp", "dot", "sdsa", "softmax"):
    found = []
    for loops in (None, find("kernels")):
        torch.manual_seed(0)
        job = Job("a", mixer=mixer, layers=1, dim=32, batch=4)
        net = Net(job)
        net.loops = loops
        trainer = Trainer(net, None, job, "cpu")
        trainer.x.copy_(torch.randint(0, 256, trainer.x.shape, generator=torch.Generator().manual_seed(1)))
        trainer.y.copy_(torch.arange(4))
        trainer.step(1 if mixer == "softmax" else 4)
        weight = net.patches.stages[2].conv.weight
        found.append((float(trainer.total), weight.grad))
    (loss, grad), (other, fused_grad) = found
    alike = float(torch.nn.functional.cosine_similarity(grad.flatten(), fused_grad.flatten(), 0))
    print(mixer, abs(other / loss - 1), alike)
"""


def interpreted(program: str) -> str:
    """Run a program in the folder of the kernels, with Triton's interpreter; returns what it printed."""
    pytest.importorskip("triton")
    env = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(FOLDER), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED + program], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_kernels_are_the_plain_loops():
    printed = interpreted(
        "from check import check\nfrom loops import find\nprint(check(find('kernels'), 'cpu'))"
    )
    assert 0 < float(printed) < 0.02


@pytest.mark.slow
def test_a_wrong_kernel_is_noticed():
    """A leak 3 % off in the kernels alone."""
    program = """
import fused
fused.BETA = 0.515
from check import check
from loops import find
try:
    check(find("kernels"), "cpu")
except ValueError as error:
    print(error)
"""
    assert "of spikes are not those of the plain loops" in interpreted(program)


@pytest.mark.slow
def test_a_step_of_the_network_is_the_plain_one():
    """Loss and a gradient, bf16 against float32: spikes flip in bf16, so spiking gradients agree roughly."""
    for line in interpreted(WHOLE).splitlines():
        mixer, loss, alike = line.split()
        assert float(loss) < 0.02 and float(alike) > (0.95 if mixer == "softmax" else 0.3), mixer
