"""Options that would be ignored are refused, with the reason, before any work."""

from typing import Any

import pytest

from tests.studies.test_cli import run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compare --engine digital --chips 3 --time 2d", "--chips, --time have no effect: engine digital"),
        ("compare --engine digital --without drift", "--without has no effect: engine digital"),
        ("train digits --times 1s", "--times has no effect: only hardening"),
        ("study drift --cluster tcp://x:1 --workers 2", "--workers has no effect: with --cluster"),
    ],
)
def test_an_option_without_effect_is_refused(
    words: str, said: str, tmp_path: Any, capsys: Any, monkeypatch: Any
):
    monkeypatch.chdir(tmp_path)
    code, _, error = run(capsys, monkeypatch, *words.split(), "--out", "new")
    assert code == 1 and said in error and "leave" in error
    assert not (tmp_path / "new").exists()


def test_a_study_refuses_a_setting_that_no_task_depends_on(tmp_path: Any, capsys: Any, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    words = ("study", "drift", "--time", "2d", "--chips", "1", "--images", "8", "--out", "new")
    code, _, error = run(capsys, monkeypatch, *words)
    assert code == 1 and "--time has no effect: no task of study drift" in error
    assert not (tmp_path / "new").exists()
