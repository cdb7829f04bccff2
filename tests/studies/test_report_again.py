"""The report of a comparison written again from its folder, and what is kept for that."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import memsim
from memsim.studies.reports.account import Account
from memsim.studies.reports.beside import write_alone
from memsim.studies.reports.report import write_report
from memsim.studies.running import comparison_file
from memsim.studies.running.finite import finite, not_finite, restored
from tests.studies import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole report with a number that is none; tests that change something copy it."""
    comparison = made.comparison()
    comparison.summary()["digital"]["margin"] = float("-inf")
    return write_report(comparison, tmp_path_factory.mktemp("again") / "run").parent  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_the_report_written_again_is_the_same_to_the_byte(folder: Path, tmp_path: Path) -> None:
    page = write_alone(folder, tmp_path / "again")
    assert page == tmp_path / "again" / "report.html"
    assert contents(tmp_path / "again") == contents(folder)


def test_nothing_of_the_folder_is_run_and_a_lost_page_comes_back(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "report.html").unlink()
    (copy / "drift.py").write_text("raise SystemExit('this file was run')\n")
    write_alone(copy)
    assert contents(copy) == contents(folder) | {"drift.py": (copy / "drift.py").read_bytes()}


def test_trust_has_no_effect_on_a_comparison_and_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"--trust: .* holds a comparison"):
        write_alone(folder, trust=True)


@pytest.mark.parametrize("kept", [{}, None])
def test_a_run_that_kept_no_account_is_told_to_run_again(kept: Any, folder: Path, tmp_path: Path) -> None:
    comparison, copy = made.comparison(sample={}, balance=None), tmp_path / "old"
    copy.mkdir()
    text = json.dumps(finite(comparison.summary()))
    (copy / "result.json").write_text(text)
    (copy / "run.json").write_text(comparison_file.made(comparison, text, kept))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did not record what a report needs"):
        write_alone(copy)
    assert not (copy / "report.html").exists()


def test_an_edited_run_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    text = (copy / "run.json").read_text("utf-8")
    (copy / "run.json").write_text(text.replace('"seed": 0', '"seed": 1', 1), "utf-8")
    with pytest.raises(ValueError, match=r"run\.json is damaged"):
        write_alone(copy)


def test_an_account_survives_its_file(folder: Path) -> None:
    comparison = made.comparison()
    before, after = Account.of(comparison), Account.read(comparison_file.recall(folder))  # type: ignore[arg-type]
    assert after.card == before.card and after.notes == before.notes and after.sample == before.sample
    assert after.balance is not None and before.balance is not None
    assert after.balance.lines == list(before.balance.lines) and after.balance.works == list(
        before.balance.works
    )
    assert after.summary["digital"]["margin"] == float("-inf")


def test_numbers_that_json_cannot_hold_come_back() -> None:
    value = {"a": [1.0, float("inf")], "b": {"c": float("nan"), "d": None}, "e": (2, float("-inf"))}
    written = json.loads(json.dumps(finite(value), allow_nan=False))
    back = restored(written, json.loads(json.dumps(not_finite(value))))
    assert back["a"] == [1.0, float("inf")] and back["b"]["c"] != back["b"]["c"]
    assert back["b"]["d"] is None and back["e"] == [2, float("-inf")]
    assert written["a"][1] is None


WITHOUT_TORCH = """
import sys
from memsim.studies.cli import main
for words in {lines!r}:
    sys.argv = ["memsim", *words]
    try:
        main()
    except SystemExit:
        pass
    assert not {{"torch", "numba", "aihwkit"}} & sys.modules.keys(), words
"""


def test_two_comparisons_and_refused_folders_need_no_torch(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "run.json").write_text("{")
    lines = [
        ["report", str(folder), str(folder), "--out", str(tmp_path / "both")],
        ["report", str(tmp_path / "empty")],
        ["report", str(damaged)],
        ["report", str(tmp_path / "nowhere")],
    ]
    code = WITHOUT_TORCH.format(lines=lines)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "both" / "report.html").exists()


def test_every_built_in_study_shows_its_rows_without_torch() -> None:
    """Tables and figures of rows need no tensor: torch is imported where tasks are made and measured."""
    code = (
        "import sys\nfrom memsim.studies.reports import dossier\nfrom memsim.studies.running import study\n"
        "for name in study.names():\n"
        "    module = study.load(name).module\n"
        "    assert module.title\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_card_is_that_of_the_run(folder: Path) -> None:
    assert Account.read(comparison_file.recall(folder)).card == memsim.ChipCard.load("default")
