"""memsim warm makes every small run once, in order, and says what each took."""

import json
import sys

import pytest

from memsim.studies.cli import main
from memsim.studies.speed import warm


def test_every_run_is_made_once_with_progress_before_each():
    made, told = [], []
    runs = {"a": lambda: made.append("a"), "b": lambda: made.append("b")}
    found = warm.warm(lambda *now: told.append(now), runs)
    assert made == ["a", "b"] and list(found) == ["a", "b"] and min(found.values()) >= 0
    assert told == [("a", 0, 2), ("b", 1, 2), ("done", 2, 2)]


def test_the_command_prints_seconds_by_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["memsim", "warm", "--json"])
    monkeypatch.setattr("memsim.studies.speed.warm.warm", lambda advance: {"default card": 1.5})
    with pytest.raises(SystemExit) as leaving:
        main()
        raise SystemExit(0)
    assert leaving.value.code in (0, None)
    assert json.loads(capsys.readouterr().out) == {"default card [s]": 1.5}


@pytest.mark.slow
@pytest.mark.parametrize("name", warm.RUNS)
def test_each_small_run_runs(name):
    warm.RUNS[name]()
