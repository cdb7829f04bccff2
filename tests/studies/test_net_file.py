"""A user's own network from a file: its content names a task, and what is wrong with it is one message."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import memsim
from memsim.studies.evaluation.crossbars import crossbars, measure, prepare
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports import dossier
from memsim.studies.running import rows
from memsim.studies.running.runner import collect, tasks_of
from memsim.studies.running.study import load

TEXT = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
"""
CARD = dump(memsim.ChipCard.load("default"))


def written(folder: Path, text: str = TEXT, name: str = "mine.py") -> NetFile:
    (folder / name).write_text(text, "utf-8")
    return NetFile.read(f"{folder / name}:make")


def setting(net: NetFile, **others: Any) -> Setting:
    return Setting(**{"net": net, "card": CARD, "chips": 2, "images": 6, "dataset": "digits"} | others)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mine", "--net is FILE.py:FUNCTION, such as my_file.py:make"),
        ("mine.py", "FILE.py:FUNCTION"),
        ("gone.py:make", "gone.py cannot be read: No such file"),
        ("mine.py:maek", "there is no function 'maek' in the file; it defines make"),
        ("broken.py:make", r"broken.py, line 1: "),
    ],
)
def test_what_is_no_file_or_function_is_refused_and_nothing_is_run(
    given: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("raise SystemExit('was run')\ndef make(): ...\n", "utf-8")
    Path("broken.py").write_text("def make(:\n", "utf-8")
    with pytest.raises(ValueError, match=told):
        NetFile.read(given)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return 3", r"--net mine.py:make\(\) gave a int, not a torch.nn.Module"),
        ("return nn.Linear(2, 2), 'x'", "the calibration is a str, not a Tensor"),
        ("return nn.Linear(2, 2), 1, 2", "gave a tuple of Linear, int, int"),
        ("return nn.Linear(2)", r"failed: TypeError: .*out_features.* \(line 3\)"),
        (
            "import beside",
            "ModuleNotFoundError: No module named 'beside' .line 3.; the file must be self-contained",
        ),
        ("raise SystemExit(1)", "failed: SystemExit: 1"),
    ],
)
def test_what_goes_wrong_in_make_is_its_last_line(body: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("", "utf-8")
    net = written(tmp_path, f"from torch import nn\ndef make():\n    {body}\n")
    with pytest.raises(ValueError, match=told) as caught:
        net.make()
    assert "\n" not in str(caught.value)


def test_content_names_a_task_and_the_folder_does_not(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, same = (crossbars(setting(written(tmp_path / name)), [0]) for name in "ab")
    assert one == same and one["network"]["file"]["text"] == TEXT
    other = crossbars(setting(written(tmp_path, TEXT.replace("ReLU", "GELU"))), [0])
    assert other != one


def test_fresh_weights_are_the_same_in_every_process_and_read_weights_are_content(tmp_path: Path) -> None:
    net = written(tmp_path)
    torch.manual_seed(99)
    here = crossbars(setting(net), [0])["network"]["digest"]
    program = (
        "from memsim.studies.evaluation.net_file import NetFile\n"
        "from memsim.studies.evaluation.subject import weights_digest\n"
        f"print(weights_digest(NetFile.read({str(tmp_path / 'mine.py') + ':make'!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [here]
    torch.save(torch.ones(2, 2), tmp_path / "w.pt")
    reads = (
        "import torch\ndef make():\n    net = torch.nn.Linear(2, 2)\n"
        f"    net.weight.data = torch.load({str(tmp_path / 'w.pt')!r})\n    return net\n"
    )
    shared = crossbars(setting(written(tmp_path, reads)), [0])
    torch.save(torch.zeros(2, 2), tmp_path / "w.pt")
    file = shared["network"]["file"]
    renamed = shared | {"network": shared["network"] | {"file": file | {"text": file["text"] + "# again\n"}}}
    with pytest.raises(ValueError, match="not the one this task was made for"):
        prepare(renamed)


def test_a_task_runs_what_it_was_made_for_whatever_its_path_holds_by_then(tmp_path: Path) -> None:
    net = written(tmp_path)
    shared = json.loads(json.dumps(crossbars(setting(net), [0, 1])))
    (tmp_path / "mine.py").write_text("def make():\n    raise ValueError('another')\n", "utf-8")
    found = measure(prepare(shared), {"time [s]": 1.0})
    assert len(found.per_chip["accuracy [1]"]) == 2 and found.total["images"] == 6
    python = memsim.compare(net, "default", "digits", chips=2, images=6, time=1.0)
    assert python.result.per_chip == found.per_chip


def test_a_calibration_given_with_the_network_sets_the_ranges(tmp_path: Path) -> None:
    pair = (
        TEXT.replace("    return nn.Seq", "    import torch\n    return nn.Seq").rstrip()
        + ", torch.ones(4, 1, 8, 8)\n"
    )
    plain, given = (crossbars(setting(written(tmp_path, text)), [0]) for text in (TEXT, pair))
    full = []
    for shared in (plain, given):
        chip = prepare(shared).chip
        assert chip is not None and chip.calibration is not None
        full.append(len(chip.calibration))
    assert full == [64, 4]


@pytest.mark.parametrize("name", ["attention", "countermeasures", "lifetime"])
def test_studies_that_need_stdp_attention_say_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*mine.py:make"):
        list(tasks_of(load(name), setting(written(tmp_path))))


def test_a_change_of_memsims_own_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trained can be changed in memsim's own networks only"):
        crossbars(setting(written(tmp_path)), [0], change={"trained": "dot"})


@pytest.mark.parametrize("name", ["drift", "tradeoff", "variation"])
def test_other_studies_take_any_network(name: str, tmp_path: Path) -> None:
    tasks = list(tasks_of(load(name), setting(written(tmp_path))))
    assert len({task.id for task in tasks}) == len(tasks) > 10
    labels = " ".join(str(task.labels) for task in tasks)
    assert not any(word in labels for word in ("n_max", "attention", "wear")) or name == "tradeoff"


SWEEP = 'title = "Bits"\ntimes = ["1s"]\n[vary]\n"weights.adc_bits" = [4, 8]\n'


@pytest.mark.slow
def test_a_sweep_over_workers_resumes_and_reports_without_running_the_file(tmp_path: Path) -> None:
    (tmp_path / "bits.toml").write_text(SWEEP, "utf-8")
    study, chosen, out = load(tmp_path / "bits.toml"), setting(written(tmp_path)), tmp_path / "out"
    assert collect(study, chosen, out, workers=2).done == 2
    assert collect(study, chosen, out, workers=1).skipped == 2
    assert chosen.net is not None
    moved = replace(chosen, net=replace(chosen.net, path="/elsewhere/mine.py"))
    assert collect(study, moved, out, workers=1).skipped == 2
    with pytest.raises(ValueError, match="the text of the network's file is"):
        collect(study, setting(written(tmp_path, TEXT + "# other\n")), out)
    about = json.loads((out / "study.json").read_text("utf-8"))
    assert Setting(**about["setting"]).net is not None
    ran = tmp_path / "ran"
    about["setting"]["net"]["text"] = f"open({str(ran)!r}, 'w')\n" + TEXT
    (out / "study.json").write_text(json.dumps(about), "utf-8")
    text = dossier.write(out, trust=True).read_text("utf-8")
    assert "mine.py" in text and "--net" in text and not ran.exists()
    assert all("result" in row for row in rows.read(out))


def test_a_setting_is_json_and_back(tmp_path: Path) -> None:
    chosen = setting(written(tmp_path))
    assert Setting(**json.loads(json.dumps(asdict(chosen)))) == chosen
