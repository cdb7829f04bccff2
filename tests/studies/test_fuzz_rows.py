"""Seven hundred and fifty damaged files of rows: no damaged row is believed, no other one is lost."""

import json
import random
from pathlib import Path

import pytest

from memsim.studies.evaluation.points import points
from memsim.studies.running import rows
from memsim.studies.running.rows import encode, row
from memsim.studies.running.store import Store
from memsim.studies.running.task import Task
from tests.mutations import damaged, mutant


def good(n: int) -> dict:
    task = Task(study="s", labels={"n": n}, shared={"chips": [0, 1]}, own={"k": n})
    numbers = {"per_chip": {"accuracy": [n / 7, n / 8]}, "total": {"x": n / 3, "name": "µ"}}
    return row(task, {"result": numbers | {"series": {"y": [1.0]}}, "wall_time [s]": 0.1})


def text(found: dict) -> str:
    return json.dumps(found, sort_keys=True)


@pytest.mark.slow
def test_damaged_files_of_rows_give_whole_rows_alone(tmp_path):
    draw, path = random.Random(0), tmp_path / "rows.jsonl"
    lines = [encode(good(n)) for n in range(6)]
    whole, untouched = {text(good(n)) for n in range(6)}, b"".join(lines[3:])
    for _ in range(600):
        path.write_bytes(damaged(b"".join(lines[:3]), draw).rstrip(b"\n") + b"\n" + untouched)
        found = list(rows.read(path, lambda _: None))
        assert {text(one) for one in found} <= whole
        assert len(found) >= 3  # those that nothing happened to
        points(found)
        with Store(path, lambda _: None) as store:
            assert store.done >= {good(n)["id"] for n in (3, 4, 5)}


@pytest.mark.slow
def test_whole_rows_of_another_shape_are_read_or_left_out(tmp_path):
    draw, path = random.Random(1), tmp_path / "rows.jsonl"
    for _ in range(150):
        strange = mutant(good(0), draw)
        try:
            line = encode(strange)
        except (ValueError, TypeError, RecursionError):
            continue  # no JSON
        path.write_bytes(line + encode(good(1)))
        try:
            found = list(rows.read(path, lambda _: None))
        except ValueError as error:  # another format or version
            assert "choose another folder" in str(error)
            continue
        assert text(good(1)) in map(text, found)
        for one in found:
            assert isinstance(one["labels"], dict) and ("result" in one) != ("failure" in one)


def test_a_folder_of_rows_with_a_stranger_keeps_the_others(tmp_path: Path, capsys):
    from memsim.studies.reports.dossier import of_one_study

    other = row(Task(study="other", labels={}), {"failure": {"error": "no", "traceback": ""}})
    (tmp_path / "rows.jsonl").write_bytes(b"".join(map(encode, (good(1), other, good(2)))))
    assert [one["labels"] for one in of_one_study(tmp_path)] == [{"n": 1}, {"n": 2}]
    assert "1 rows of study 'other' are left out" in capsys.readouterr().err
