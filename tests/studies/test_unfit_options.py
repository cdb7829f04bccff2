"""Options and values that fit no run: one message that names them, before the work, and no folder is left."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import memsim
from memsim.studies.commands import measuring
from memsim.studies.commands.options import written_options
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.running.study import load
from tests.studies.test_cli import run

NET = """
import torch
from torch import nn

def dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), torch.rand(4, 1, 8, 8)

def maps():
    layers = nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10)
    return nn.Sequential(*layers), torch.rand(4, 1, 8, 8)
"""
SWEEP = '[vary]\n"attention.n_max" = [4, 8]\n'
PULSES = "".join(
    f"{d},{n},{'up' if n < 17 else 'down'},{10 + d / 10 + (n if n < 17 else 33 - n)}\n"
    for d in range(8) for n in range(1, 33)
)  # fmt: skip
AGES = "".join(
    f"{d},{t},{(10 + d / 10) * t**-0.05:.9f}\n" for d in range(8) for t in (1, 10, 100, 1000, 10000)
)
FILES = {
    "net.py": NET, "notes.txt": "", "written.toml": SWEEP,
    "twice.toml": '[vary]\n"weights.adc_bits" = [4, 6]\n[fixed]\n"weights.adc_bits" = 6\n',
    "bits.toml": "[vary]\n\"weights.adc_bits\" = [4, 6]\n",
    "title.toml": 'title = ["a"]\n[vary]\n"weights.adc_bits" = [4, 6]\n',
    "none.py": 'title = "none"\n\ndef tasks(setting):\n    return iter(())\n',
    "leaves.py": "raise SystemExit(3)\n",
    "pulses.csv": f"device,pulse,direction,conductance [uS]\n{PULSES}",
    "ages.csv": f"device,time [s],conductance [uS]\n{AGES}",
}  # fmt: skip

OWN = "--net net.py:dense --dataset own.npz --chips 1"
UNWRITTEN = "has no attention that arrays are written with"
FEW = "--images 4 --chips 1"
REFUSED = {
    # options of attention where there is none to write
    f"compare {OWN} --attention reram-om": f"--attention has no effect: net.py:dense {UNWRITTEN}",
    f"compare {OWN} --without write-noise": f"--without write-noise has no effect: net.py:dense {UNWRITTEN}",
    f"compare --model masnn-digits-saccade {FEW} --attention ecram-li": UNWRITTEN,
    f"compare --model s2tdpt-digits-dot {FEW} --attention ecram-li": 'order = "hebbian" or "score"',
    f"study written.toml {OWN}": f"attention.n_max has no effect: net.py:dense {UNWRITTEN}",
    f"study drift {OWN} --attention ideal": "--attention has no effect",
    "see --net net.py:maps --dataset own.npz --chips 1 --attention reram-om": "--attention has no effect",
    # times of what does not age
    f"compare {FEW} --weights ideal --time 2d": "--time has no effect: ideal cells",
    # two that exclude one another
    f"compare {FEW} --without drift --only drift": "--without drift and --only drift: give one of them",
    "study variation --without adc --only drift": "give one of them",
    f"compare {OWN} --model s2tdpt-digits": "give one of them",
    "see --beside s2tdpt-digits": "--beside s2tdpt-digits: this network is shown already",
    "study twice.toml": "weights.adc_bits is in [vary] and in [fixed]",
    # nothing where a value is needed
    "compare --weights ": "--weights is empty", "compare --attention=": "--attention is empty",
    "compare --dataset ": "--dataset is empty", "compare --only ": "--only is empty",
    "study drift --cluster ": "--cluster is empty", "see --beside ": "--beside is empty",
    "train digits --start ": "--start is empty", "train ": "an argument is empty",
    "report ": "an argument is empty", "devices fit pulses.csv --technology ": "--technology is empty",
    "devices ": "an argument is empty", "bench ": "an argument is empty",
    # values out of range
    "compare --chips 99999999999": "--chips", "see --chips 99999999999": "--chips",
    "study drift --chips 99999999999": "--chips",
    "compare --images 99999": "--images 99999: digits has 450 test images",
    "see --images 99999": "--images 99999: digits has 450 test images",
    "compare --time 1..2s": "--time '1..2s': a number", "compare --time .": "--time '.': a number",
    "see --time 1.2.3": "--time '1.2.3': a number", "compare --time ٣s": "a number",
    "train digits --card default --times 1..2s": "--times '1..2s': a number",
    "devices fit ages.csv --technology PCM --t-0 -1": "--t-0 -1: seconds",
    "devices fit ages.csv --technology PCM --t-0 nan": "--t-0 nan: seconds",
    "devices fit ages.csv --technology PCM --t-0 1e300": "--t-0 1e+300: seconds",
    "devices fit pulses.csv --technology PCM --law linear --n-max 5000": "--n-max",
    "devices fit pulses.csv --technology PCM --law linear --reset 9e-3": "--reset 0.009: a level between",
    "study drift --cluster nowhere": "--cluster 'nowhere': HOST:PORT",
    "study drift --cluster tcp://x:99999": "HOST:PORT",
    "study title.toml": "title = ['a']: a text",
    # names and places that are none
    "see --beside nothing": "--beside 'nothing' is unknown",
    "train digits --start nothing": "--start 'nothing' is unknown",
    "train digits --teacher gone.safetensors": "--teacher: checkpoint gone.safetensors does not exist",
    "train digits --epochs 1 --plot notes.txt/x.png": "cannot write to folder notes.txt",
    f"compare {FEW} --data notes.txt": "--data notes.txt is a file",
    "study drift --data notes.txt": "--data notes.txt is a file", "see --data notes.txt": "--data notes.txt",
    "train digits --data notes.txt": "--data notes.txt is a file",
    "report notes.txt": "there is no folder notes.txt; it is a file",
    # a network and data of another shape
    "compare --model masnn-digits-saccade --dataset digits": "does not take inputs",
    "see --model masnn-digits-saccade --dataset digits": "does not take inputs",
    "study bits.toml --chips 1 --model masnn-digits-saccade --dataset digits": "does not take inputs",
    # studies without tasks
    "study none.py": "tasks() gave no task", "study leaves.py": "no tasks: SystemExit: 3",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("place")
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    draw = np.random.default_rng(0)
    parts = {"train": 40, "test": 10}
    images = {f"x_{part}": draw.random((n, 1, 8, 8), dtype=np.float32) for part, n in parts.items()}
    labels = {f"y_{part}": np.arange(n) % 10 for part, n in parts.items()}
    arrays: dict[str, Any] = images | labels
    np.savez(folder / "own.npz", **arrays)
    return folder


@pytest.fixture(autouse=True)
def no_work(monkeypatch: Any) -> None:
    for name in ("chip.Chip.program", "studies.running.runner.claim", "studies.commands.training.train"):
        monkeypatch.setattr(f"memsim.{name}", lambda *_, **__: pytest.fail("the work began"))


@pytest.mark.parametrize("line", REFUSED)
def test_it_is_refused_before_the_work(line: str, place: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    words = line.split(" ")
    out = [] if words[0] in ("devices", "bench") and "fit" not in words else ["--out", "new/out"]
    code, _, said = run(capsys, monkeypatch, *words[:1], *out, *words[1:]) if words[0] != "devices" else run(
        capsys, monkeypatch, *words, *out
    )  # fmt: skip
    flat = " ".join(said.replace("│", " ").split())
    assert code in (1, 2) and REFUSED[line] in flat and "Traceback" not in said, flat
    assert len(said) <= 2000 and sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "localhost:8786", "tls://[::1]:8786", "inproc://a/b"]
)
def test_addresses_of_schedulers_are_let_by(address: str) -> None:
    from memsim.studies.running.cluster_address import check_address

    check_address(address)


def test_a_lack_of_memory_is_one_message(capsys: Any, monkeypatch: Any) -> None:
    for error in (MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr("memsim.studies.commands.comparing.run", fail)
        code, _, said = run(capsys, monkeypatch, "compare")
        assert code == 1 and "not enough memory" in said and "Traceback" not in said


SWEEPS = {
    "pulses of products": '[fixed]\n"attention.order" = "hebbian"\n[vary]\n"attention.n_max" = [8, 16]\n',
    "orders": '[vary]\n"attention.order" = ["digital", "hebbian"]\n',
}
NAMED = """
from memsim.studies.evaluation.result import Result
from memsim.studies.running.task import Task
title = "a network of its own"
def tasks(setting):
    yield Task(study="named", labels={}, shared={"network": "mine"})
def prepare(shared, data):
    return shared
def measure(prepared, own):
    return Result(total={"one": 1.0})
"""
FIXED = '[fixed]\n"attention.n_max" = 8\n[vary]\n"weights.adc_bits" = [4, 8]\n'


def look(name: str, model: str, options: list[str]) -> None:
    """See whether a study takes options, and its own fields of the card, with a network."""
    card = memsim.ChipCard.load("default")
    setting = Setting(model=model, card=dump(card), chips=1, images=4)
    measuring.refuse_unwritten(load(name), setting, card, options)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_sweep_that_writes_dot_products_takes_fields_of_attention(sweep: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEPS[sweep])
    look(str(path), "s2tdpt-digits-dot", ["--attention"])


def test_a_field_that_is_fixed_is_looked_at_as_one_that_is_varied(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(FIXED)
    with pytest.raises(ValueError, match=r"attention.n_max has no effect"):
        look(str(path), "s2tdpt-digits-uniform", [])


def test_studies_that_measure_in_a_way_of_their_own_take_what_they_are_given(tmp_path: Path) -> None:
    """Learning arrays have the cells of attention; a user's task may name its network as it likes."""
    (tmp_path / "named.py").write_text(NAMED)
    for name in ("learning", "dendrites", str(tmp_path / "named.py")):
        look(name, "s2tdpt-digits-dot", ["--without cycle-noise"])


def test_effects_of_attention_alone_are_told_from_those_of_the_chip() -> None:
    card = memsim.ChipCard.load("default")
    assert written_options(card, None, ["write-noise", "adc"]) == ["--without write-noise"]
