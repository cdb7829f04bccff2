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


@pytest.mark.parametrize(
    "words", ["compare", "compare --dataset digits-hard", "study s.toml", "see --images 8", "train digits"]
)
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("there", "no folder of data sets; leave it out"),
        ("none", "none does not exist"),
        ("s.toml", "s.toml is a file"),
    ],
)
def test_a_folder_of_data_is_there_and_read(
    words: str, folder: str, said: str, tmp_path: Any, capsys: Any, monkeypatch: Any
):
    """A folder that no data set lies in has no effect; a missing one is refused whatever the data set is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "s.toml").write_text('title = "bits"\n[vary]\n"weights.adc_bits" = [4, 8]\n', "utf-8")
    code, _, error = run(capsys, monkeypatch, *words.split(), "--data", folder, "--out", "new")
    assert code == 1 and said in error
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "--json", ""], "--json takes no value, and an empty one is given"),
        (["compare", "--json="], "--json takes no value"),
        (["study", "drift", "--no-report", " "], "--no-report takes no value"),
        (["devices", "fit", "x.csv", "--swap-directions", ""], "--swap-directions takes no value"),
        (["compare", "--out", ""], "--out is empty: a value is needed"),
        (["report", ""], "an argument is empty: a value is needed"),
        (["compare", "--", ""], "an argument is empty: a value is needed"),
    ],
)
def test_an_empty_word_is_refused_for_what_it_stands_behind(
    words: list[str], said: str, capsys: Any, monkeypatch: Any
):
    code, _, error = run(capsys, monkeypatch, *words)
    assert code == 1 and said in error and "variable of the shell" in error
