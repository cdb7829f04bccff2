"""Which loops a training runs: the fastest that agrees with the plain ones, or the one that is asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[3] / "models" / "standalone"


@pytest.mark.parametrize(
    ("broken", "wrong", "chosen"),
    [((), (), "kernels"), (("kernels",), (), "compiled"), ((), ("kernels",), "compiled"),
     (("kernels",), ("compiled",), None)],
)  # fmt: skip
def test_a_gpu_gets_the_first_that_runs_and_agrees(program, monkeypatch, capsys, broken, wrong, chosen):
    def find(kind):
        if kind in broken:
            raise RuntimeError("no compiler")
        return kind

    def check(loops, device):
        if loops in wrong:
            raise ValueError("a gradient is off by 9%")
        return 0.001

    monkeypatch.setattr(program.train, "find", find)
    monkeypatch.setattr(program.train, "check", check)
    for setting in ("allow_tf32", "benchmark"):  # `prepare` sets them for the process
        monkeypatch.setattr(torch.backends.cudnn, setting, getattr(torch.backends.cudnn, setting))
    assert program.train.prepare("cuda") == chosen
    said = capsys.readouterr().out
    for kind in (*broken, *wrong):
        assert f"the loops {kind!r} cannot be used: " in said
    assert ("many times slower" in said) == (chosen is None)
    for kind in (*broken, *wrong):
        with pytest.raises(ValueError, match=f"the loops '{kind}' cannot be used"):
            program.train.prepare("cuda", kind)


def test_a_cpu_runs_the_plain_loops_unless_asked(program, monkeypatch):
    assert program.train.prepare("cpu") is None
    monkeypatch.setattr(program.train, "find", lambda kind: kind)
    monkeypatch.setattr(program.train, "check", lambda loops, device: 0.001)
    assert program.train.prepare("cpu", "compiled") == "compiled"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_loops_by_torch_compile_are_the_plain_loops(tmp_path):
    """And membranes 3 % off are noticed."""
    text = """
import compiled
from check import check
from loops import find
loops = find("compiled")
print(check(loops, "cpu"))
try:
    check(loops._replace(fire=lambda u, *law: compiled.fire(1.03 * u, *law)), "cpu")
except ValueError as error:
    print(error)
"""
    env = os.environ | {"PYTHONPATH": str(FOLDER), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", text], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert 0 < float(first) < 0.02 and "of spikes are not those of the plain loops" in second
