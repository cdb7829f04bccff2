"""Slips of every kind are refused before the work, and leave no folder; those of names before torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memsim.models import known
from memsim.models.list_layers import layers
from memsim.studies.cli import main
from memsim.studies.running.files import taken

ROOT = Path(__file__).parents[2]

FILES = {
    "price.toml": 'name = "p"\n[prices.acd-8b]\n"energy [J]" = 1e-12\nsource = "a data sheet"\n',
    "joule.toml": 'name = "p"\n[prices.adc-8b]\n"energy [pJ]" = 1.0\nsource = "a data sheet"\n',
    "bits.toml": 'name = "p"\n[weights]\nadc_bits = 12\n',
    "half.toml": 'name = "p"\n[weights]\nadc_bits = 8.5\n',
    "node.toml": 'name = "p"\ntechnology = "46nm"\n',
    "cell.toml": 'name = "p"\n[weights]\ncell = "pcm-josh2020"\n',
    "off.toml": 'name = "p"\noff = ["drfit"]\n',
    "key.toml": 'name = "p"\n[weigths]\nadc_bits = 8\n',
    "broken.toml": "name = \n",
    "field.toml": '[vary]\n"weights.adc_bit" = [4, 8]\n',
    "value.toml": '[vary]\n"weights.adc_bits" = [8, 12]\n',
    "section.toml": '[vary]\n"weigths.adc_bits" = [8]\n',
    "word.toml": '[varry]\n"weights.adc_bits" = [8]\n',
    "cells.toml": '[vary]\n"weights.cell" = ["ideal", "pcm-josh2020"]\n',
    "fixed.toml": '[vary]\n"weights.adc_bits" = [8]\n[fixed]\n"weights.tile_row" = 64\n',
    "effect.toml": '[vary]\n"strengths.drfit" = [1.0, 2.0]\n',
}

LIGHT = {  # refused before torch is imported: command line -> words of the message
    "compare --card price.toml": "did you mean 'adc-<bits>b'",
    "compare --card joule.toml": "energy [J]",
    "compare --card bits.toml": "adc-12b",
    "compare --card half.toml": "adc_bits",
    "compare --card node.toml": "46nm",
    "compare --card cell.toml": "pcm-joshi2020",
    "compare --card off.toml": "drift",
    "compare --card key.toml": "weights",
    "compare --card broken.toml": "TOML",
    "compare --card gone.toml": "gone.toml",
    "compare --weights pcm-josh2020": "pcm-joshi2020",
    "compare --without drfit": "drift",
    "compare --only drfit": "drift",
    "compare --explain blocks.0.atention.core": "did you mean blocks.0.attention.core",
    "compare --explain nothing": "it has patches",
    "compare --model s2tdpt-digit": "s2tdpt-digits",
    "compare --net gone.py:make": "gone.py",
    "compare --dataset digit": "digits",
    "compare --dataset gone.npz": "gone.npz",
    "compare --time 3moons": "3moons",
    "compare --engine gpu": "memsim",
    "study driftt": "drift",
    "study gone.toml": "gone.toml",
    "study field.toml": "adc_bits",
    "study value.toml": "adc-12b",
    "study section.toml": "weigths",
    "study word.toml": "varry",
    "study cells.toml": "pcm-joshi2020",
    "study fixed.toml": "tile_rows",
    "study effect.toml": "drift",
    "study drift --card bits.toml": "adc-12b",
    "study drift --without drfit": "drift",
    "train digit": "digits",
    "train digits --card cell.toml": "pcm-joshi2020",
    "train digits --plot curve.bmp": ".bmp",
    "train digits --card default --times 1y,1d": "1y,1d",
    "see --model s2tdpt-digit": "s2tdpt-digits",
    "see --time 3moons": "3moons",
}

RUN = """
import contextlib, io, sys
from pathlib import Path
from memsim.studies.cli import main
for line, word in {lines!r}.items():
    sys.argv = ["memsim", *line.split(), "--out", "new/out"]
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code
    said = err.getvalue()
    assert code == 1 and word in said and "Traceback" not in said, (line, code, said)
    assert len(said) < 2000, (line, len(said))
    assert not Path("new").exists(), line
    heavy = {{"torch", "aihwkit", "numba", "scipy", "matplotlib"}} & set(sys.modules)
    assert not heavy, (line, heavy)
"""


def test_slips_of_names_are_refused_before_torch_and_leave_no_folder(tmp_path):
    """A quarter of a second each; an import of torch takes one to three."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    subprocess.run(
        [sys.executable, "-c", RUN.format(lines=LIGHT)],
        check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def set_of(tmp_path: Path, labels: int, shape: tuple[int, ...] = (8, 8)) -> str:
    images = np.full((20, *shape), 0.5)
    np.savez(tmp_path / "set.npz", x_train=images, y_train=np.arange(20) % 10,
             x_test=images, y_test=np.arange(labels) % 10)  # fmt: skip
    return str(tmp_path / "set.npz")


def file_of(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


HEAVY = {  # these need the network or the data: still no work is done, and no folder is left
    "labels": (lambda p: ["compare", "--dataset", set_of(p, 19)], "19 labels"),
    "shape": (lambda p: ["compare", "--dataset", set_of(p, 20, (9, 9))], "8, 8"),
    "digital layer": (
        lambda p: ["compare", "--card", file_of(p, "c.toml", 'name = "c"\ndigital = ["haed"]\n')],
        "did you mean",
    ),
    "no network": (
        lambda p: ["compare", "--net", file_of(p, "n.py", "def make():\n    return 3\n") + ":make"],
        "not a torch.nn.Module",
    ),
    "layer of a file's network": (
        lambda p: [
            "compare", "--explain", "hed", "--dataset", "digits", "--net",
            file_of(p, "n.py", "import torch\ndef make():\n    net = torch.nn.Sequential()\n"
            "    net.head = torch.nn.Linear(2, 2)\n    return net\n") + ":make",
        ],
        "did you mean head",
    ),
    "no relatives": (lambda p: ["compare", "--worth", "--model", "s2tdpt-cifar10"], "relatives"),
    "no folder": (lambda p: ["compare", "--dataset", "mnist", "--data", str(p / "none")], "does not exist"),
    "no data": (lambda p: ["compare", "--dataset", "mnist", "--data", str(p)], "'mnist' is not in"),
    "no noise model of aihwkit": (
        lambda p: ["compare", "--engine", "aihwkit", "--weights", "reram-milo2021"],
        "reram-milo2021",
    ),
    "no tasks": (
        lambda p: ["study", file_of(p, "s.py", 'title = "t"\ndef tasks(setting):\n    yield 3\n')],
        "int, not a Task",
    ),
    "no title": (lambda p: ["study", file_of(p, "s.py", "x = 1\n")], "title"),
    "optimizer": (lambda p: ["train", "digits", "--optimizer", "sgd"], "adamw"),
    "minutes": (lambda p: ["train", "digits", "--minutes", "-1"], "--minutes -1.0: it should be greater"),
    "precision": (lambda p: ["train", "digits", "--precision", "bf17"], "bf16"),
    "attention": (lambda p: ["train", "digits", "--attention", "stpd"], "stdp"),
    "teacher": (lambda p: ["train", "digits", "--teacher", "s2tdpt-digit"], "s2tdpt-digit"),
    "schedule": (lambda p: ["train", "digits", "--steps", "1:2"], "steps"),
    "labels to train": (lambda p: ["train", set_of(p, 19)], "19 labels"),
    "layer to see": (lambda p: ["see", "--layer", "haed", "--images", "2"], "haed"),
    "class to see": (lambda p: ["see", "--class", "77", "--images", "2"], "77"),
}  # fmt: skip


@pytest.mark.parametrize("slip", HEAVY)
def test_slips_that_need_network_or_data_leave_no_folder(slip, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("memsim.Chip.program", lambda *a, **k: pytest.fail("the work began"))
    make, word = HEAVY[slip]
    monkeypatch.setattr(sys, "argv", ["memsim", *make(tmp_path), "--out", str(tmp_path / "new" / "out")])
    with pytest.raises(SystemExit) as leaving:
        main()
    said = capsys.readouterr().err
    assert leaving.value.code == 1 and word in said and "Traceback" not in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["compare", "study drift", "train digits", "see"])
def test_a_folder_that_takes_no_files_is_named_before_the_work(command, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("a file where a folder should be")
    out = tmp_path / "file" / "out"
    monkeypatch.setattr(sys, "argv", ["memsim", *command.split(), "--out", str(out)])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 1 and str(out.parent) in capsys.readouterr().err


def test_a_folder_that_failed_work_made_is_removed_and_what_was_there_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt), taken(tmp_path / "a" / "b"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError), taken(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "row").write_text("measured")
        raise ValueError
    assert (tmp_path / "a" / "b" / "row").read_text() == "measured"
    with pytest.raises(ValueError), taken(tmp_path / "a"):
        raise ValueError
    assert (tmp_path / "a" / "b").is_dir()
    with taken(tmp_path / "c"):
        pass
    assert (tmp_path / "c").is_dir()


@pytest.mark.parametrize("name", ["s2tdpt-digits", "masnn-digits-saccade", "resnet18-8-fashion"])
def test_layers_known_without_torch_are_those_of_the_network(name):
    assert known.layers(name) == list(layers(name))


def test_every_bundled_network_has_its_layers_listed():
    assert all(known.layers(name) for name in known.trained())
    assert known.layers("my.safetensors") is None
