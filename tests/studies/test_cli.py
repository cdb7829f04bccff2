"""The command line: what it prints, and one clear message with exit code 1 for what cannot be done."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import memsim
from memsim.studies.cli import main
from memsim.studies.commands.options import card_of
from memsim.studies.evaluation.times import seconds

ROOT = Path(__file__).parents[2]
KEYS = {
    "model", "dataset", "images", "chips", "seed", "time_after_write [s]", "digital", "crossbar", "agreement",
    "energy", "breakdown", "attention", "spike_rate",
}  # fmt: skip


def run(capsys, monkeypatch, *words: str) -> tuple[int, str, str]:
    """Exit code, output, and errors of `memsim words`."""
    monkeypatch.setattr(sys, "argv", ["memsim", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
        raise SystemExit(0)
    code = leaving.value.code
    captured = capsys.readouterr()
    return (code if isinstance(code, int) else 0 if code is None else 1), captured.out, captured.err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1d", 86400),
        ("90", 90),
        ("2.5 h", 9000),
        ("1y", 31536000),
        ("30s", 30),
        ("1e3", 1000),
        ("1year", 31536000),
        ("2 days", 172800),
        ("1 s", 1),
    ],
)
def test_times_have_units(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["-1d", "1 fortnight", "", "nan", "1e30y"])
def test_times_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match="--time"):
        seconds(text)


def test_options_change_the_card_they_start_from():
    card = card_of("default", weights="ideal", attention="ecram-li", without=["adc"])
    assert (card.weights.cell, card.attention.cell, set(card.off)) == ("ideal", "ecram-li", {"adc"})
    assert card_of("default", only=["drift"]).weight_cell.on("drift")


def test_compare_prints_one_object_with_the_public_keys(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "compare", "--images", "6", "--chips", "2", "--json")
    assert code == 0
    found = json.loads(out)
    assert set(found) >= KEYS
    assert found["images"] == 6
    assert len(found["crossbar"]["accuracy"]["per_chip"]) == 2
    assert found["energy"]["crossbar"] == pytest.approx(sum(found["breakdown"].values()), rel=1e-12)
    assert (
        found["attention"]["writes_per_image"] == 2 * 4 * 4 * 16 * 16
    )  # layers, heads, steps, tokens squared
    assert 0 < found["energy"]["crossbar"] < 1e-3


def test_the_digital_engine_alone_has_no_crossbar(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "compare", "--images", "6", "--engine", "digital", "--json")
    assert code == 0
    assert "crossbar" not in json.loads(out)


def test_compare_explains_a_layer(capsys, monkeypatch):
    words = ("compare", "--images", "2", "--chips", "1", "--explain", "blocks.0.attention.core")
    code, out, _ = run(capsys, monkeypatch, *words)
    assert code == 0
    for word in (
        "pulse-reram",
        "row-drive",
        "array-read",
        "all work, attention by table",
        "event-driven, with SRAM",
        "digital-compare",
    ):
        assert word in out


def test_devices_lists_every_preset_and_prints_one(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "devices", "--json")
    assert code == 0
    assert {"pcm-joshi2020", "reram-om", "ecram-li", "ideal"} <= set(json.loads(out))
    code, out, _ = run(capsys, monkeypatch, "devices", "reram-om")
    assert code == 0
    assert "949 nS" in out


def bad_card(tmp_path, text: str) -> list[str]:
    path = tmp_path / "chip.toml"
    path.write_text('name = "mine"\n' + text)
    return ["compare", "--card", str(path)]


def damaged_checkpoint(tmp_path) -> list[str]:
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"no safetensors at all")
    return ["compare", "--model", str(path)]


def dataset_of(tmp_path, images: np.ndarray) -> list[str]:
    path = tmp_path / "set.npz"
    labels = np.arange(len(images)) % 10
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return ["compare", "--dataset", str(path), "--chips", "1"]


def unwritable(tmp_path) -> list[str]:
    (tmp_path / "file").write_text("a file where a folder should be")
    return ["compare", "--out", str(tmp_path / "file" / "out")]


BAD = {
    "unknown card key": (lambda p: bad_card(p, "[weights]\nadc_bit = 8\n"), ["adc_bit", "adc_bits"]),
    "microsiemens": (lambda p: bad_card(p, '[weights]\n"g_max [S]" = 25.0\n'), ["g_max", "25", "micro"]),
    "negative time": (lambda p: ["compare", "--time", "-1d"], ["--time", "-1d", "0 s"]),
    "NaN image": (lambda p: dataset_of(p, np.full((40, 8, 8), np.nan)), ["NaN", "[0, 1]"]),
    "wrong image shape": (lambda p: dataset_of(p, np.zeros((40, 9, 9))), ["shape", "8, 8"]),
    "damaged checkpoint": (damaged_checkpoint, ["net.safetensors", "damaged"]),
    "unwritable folder": (unwritable, ["cannot write", "out"]),
    "unknown cell": (lambda p: ["compare", "--attention", "reram-on"], ["reram-on", "reram-om"]),
    "unknown effect": (lambda p: ["compare", "--without", "drfit"], ["drfit", "drift"]),
    "unknown engine": (lambda p: ["compare", "--engine", "gpu"], ["gpu", "memsim"]),
    "unknown benchmark": (lambda p: ["bench", "walk"], ["walk", "attention"]),
    "unknown model": (
        lambda p: ["compare", "--model", "s2tdpt-letters"],
        ["s2tdpt-letters", "s2tdpt-digits"],
    ),
    "times that are none": (
        lambda p: ["train", "digits", "--card", "default", "--times", "1y,1d", "--out", str(p)],
        ["--times", "1y,1d"],
    ),
    "unknown data set": (lambda p: ["train", "letters", "--out", str(p)], ["letters", "digits"]),
}


@pytest.mark.parametrize("slip", BAD)
def test_a_bad_request_is_one_clear_message_and_exit_code_1(slip, tmp_path, capsys, monkeypatch):
    make, words = BAD[slip]
    code, out, err = run(capsys, monkeypatch, *make(tmp_path))
    assert code == 1
    assert out == ""
    assert err.startswith("memsim: ")
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2
    for word in words:
        assert word in err


REFUSED = [
    "compare --card nonsense",
    "compare --weights nonsense",
    "compare --without nonsense",
    "compare --only wear",
    "compare --chips 0",
    "compare --engine gpu",
    "compare --time -1d",
    "compare --model nonsense",
    "compare --model none.safetensors",
    "compare --dataset nonsense",
    "compare --dataset none.npz",
    "study nonsense",
    "study drift --model nonsense",
    "train nonsense",
    "train digits --card nonsense",
    "devices nonsense",
    "devices none.toml",
    "report none",
    "bench nonsense",
    "nonsense",
]

LIGHT = """
import contextlib, io, sys
from memsim.studies.cli import main
for words in {lines!r}:
    sys.argv = ["memsim", *words.split()]
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code
    assert code in {codes}, (words, code, err.getvalue())
    heavy = {{"torch", "aihwkit", "numba", "scipy", "matplotlib"}} & set(sys.modules)
    assert not heavy, (words, heavy)
"""


@pytest.mark.parametrize(("lines", "codes"), [(REFUSED, (1, 2)), (["--help", "--version"], (0,))])
def test_help_and_refusals_come_before_torch_is_imported(lines, codes, tmp_path):
    """An import of torch takes a second; what comes without one takes a fraction of it."""
    subprocess.run(
        [sys.executable, "-c", LIGHT.format(lines=lines, codes=codes)],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_the_names_of_benchmarks_known_without_torch_are_those_there_are():
    from memsim.studies.speed import bench, names

    assert tuple(dict.fromkeys(name.split()[0] for name in bench.BENCHES)) == names.NAMES


def test_the_version_is_that_of_the_package(capsys, monkeypatch):
    assert run(capsys, monkeypatch, "--version") == (0, f"memsim {memsim.__version__}\n", "")
    assert metadata.version("memsim") == memsim.__version__
    assert (Path(memsim.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    ("layer", "said"),
    [("blocks.0.atention", "did you mean blocks.0.attention"), ("xyz", "it has patches, patches.encoder")],
)
def test_a_misspelt_layer_is_refused_before_the_work(layer, said, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("memsim.studies.evaluation.compare.compare", lambda *a, **k: pytest.fail("it ran"))
    words = ("compare", "--explain", layer, "--out", str(tmp_path / "out"))
    code, out, err = run(capsys, monkeypatch, *words)
    assert (code, out) == (1, "") and f"--explain '{layer}': the network has no such layer; {said}" in err
    assert not (tmp_path / "out").exists()


def test_the_command_is_installed():
    help_text = subprocess.run(
        [sys.executable, "-m", "memsim.studies.cli", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in ("compare", "devices", "train", "bench", "doctor"):
        assert command in help_text


@pytest.mark.slow
def test_train_with_a_card_hardens_the_network_in_the_folder(tmp_path, capsys, monkeypatch):
    line = [
        "train",
        "digits",
        "--card",
        "default",
        "--times",
        "1h",
        "--epochs",
        "1",
        "--out",
        str(tmp_path),
        "--json",
    ]
    code, out, err = run(capsys, monkeypatch, *line)
    assert code == 0, err
    record = json.loads(out)
    assert record["hardened"]["times [s]"] == 3600.0 and len(record["epochs"]) == 1
    assert Path(record["checkpoint"]).name == "s2tdpt-digits-hardened-default.safetensors"
    name = "s2tdpt-digits-hardened-default"
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.safetensors", f"{name}.jsonl"}
