"""Looking at results runs no code that lies beside them."""

import json
from pathlib import Path

import pytest

from memsim.studies.reports import dossier
from memsim.studies.reports.beside import write_beside
from tests.studies.test_cli import run
from tests.studies.test_dossier import STUDY, made

HOSTILE = STUDY + "\nfrom pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results of a user's study whose file leaves a trace when it is run."""
    folder = made(tmp_path / "run", failing=False)
    (folder / "bits.py").write_text(HOSTILE, "utf-8")
    return folder


def test_a_study_file_in_the_folder_is_not_run(folder: Path, capsys, monkeypatch) -> None:
    before = sorted(folder.rglob("*"))
    for look in (lambda: dossier.write(folder), lambda: write_beside(folder, folder)):
        with pytest.raises(ValueError, match=r"bits\.py is a user's study, .*--trust"):
            look()
    code, _, error = run(capsys, monkeypatch, "report", str(folder))
    assert code == 1 and "--trust" in error
    assert sorted(folder.rglob("*")) == before


def test_it_is_run_where_it_is_trusted(folder: Path, capsys, monkeypatch) -> None:
    assert run(capsys, monkeypatch, "report", str(folder), "--trust")[0] == 0
    assert (folder / "ran").exists() and (folder / "report.html").exists()


def test_another_file_under_the_name_of_a_built_in_study_is_not_run(folder: Path) -> None:
    about = json.loads((folder / "study.json").read_text("utf-8")) | {"study": "drift"}
    (folder / "study.json").write_text(json.dumps(about), "utf-8")
    (folder / "bits.py").rename(folder / "drift.py")
    with pytest.raises(ValueError, match=r"drift\.py is another version's study"):
        dossier.recall(folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("name", ["../bits.py", "/elsewhere/bits.py", "bits"])
def test_a_study_outside_the_folder_is_not_run(folder: Path, name: str) -> None:
    (folder / "bits.py").rename(folder.parent / "bits.py")
    about = json.loads((folder / "study.json").read_text("utf-8")) | {"study": name}
    (folder / "study.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match="is neither built in nor lies in the folder"):
        dossier.recall(folder)
    assert not (folder.parent / "ran").exists()


def test_brackets_and_dollars_of_a_path_are_printed(tmp_path: Path, capsys, monkeypatch) -> None:
    folder = made(tmp_path / "a[b] $c", failing=False)
    assert "a[b] $c" in run(capsys, monkeypatch, "report", str(folder), "--trust")[1]
