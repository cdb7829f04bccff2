"""Seven hundred and fifty damaged files of rows: no damaged row is believed, no other one is lost."""

import json
import random
from pathlib import Path

import pytest

from memsim.studies.evaluation.points import points
from memsim.studies.evaluation.result import Result
from memsim.studies.running import rows
from memsim.studies.running.rows import encode, plain, row
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


STRANGE_PARTS = [
    ("labels", {"n": 9}), ("shared", {"chips": [0]}), ("shared", {"chips": 2}), ("own", {}), ("study", "t"),
    ("wall_time [s]", "1"), ("wall_time [s]", {}), ("result", {"per_chip": {}, "total": {}}),
    ("result", {"per_chip": {"a": [1.0]}, "total": {}, "series": {}}),
    ("result", {"per_chip": {"a": [1.0, 10**400]}, "total": {}, "series": {}}),
    ("result", {"per_chip": {"a": [1.0, "2"]}, "total": {}, "series": {}}),
    ("result", {"per_chip": {"a": 1.0}, "total": {}, "series": {}}),
    ("result", {"per_chip": {}, "total": {"a": {"b": [1]}}, "series": {}}),
    ("result", {"per_chip": {}, "total": {"a": 10**400}, "series": {}}),
    ("result", {"per_chip": {}, "total": {}, "series": {"a": 1}}),
    ("result", {"per_chip": {}, "total": {}, "series": {}, "more": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("part", "value"), STRANGE_PARTS, ids=str)
def test_a_whole_row_that_contradicts_itself_is_left_out(part, value, tmp_path):
    """A right check sum is no proof: the task's name, columns and chips must agree, too."""
    path, said = tmp_path / "rows.jsonl", []
    path.write_bytes(encode(good(0) | {part: value}) + encode(good(1)))
    assert [text(one) for one in rows.read(path, said.append)] == [text(good(1))]
    assert len(said) == 1 and "line 1" in said[0] and len(said[0]) <= 2000


def test_a_task_with_numbers_for_keys_has_the_name_that_its_row_says(tmp_path):
    task = Task(study="s", labels={"n": 1}, own={"by width": {2: 0.1, 10: 0.2}})
    written = row(task, {"result": {"per_chip": {}, "total": {}, "series": {}}})
    (tmp_path / rows.FILE).write_bytes(encode(written))
    assert [one["id"] for one in rows.read(tmp_path, pytest.fail)] == [task.id]


def test_what_is_written_is_read_and_what_would_not_be_is_refused(tmp_path):
    """Chips may be named by texts; a number that no float holds is refused when it is measured."""
    task = Task(study="s", labels={}, shared={"chips": ["a", "b"]})
    measured = plain(Result(per_chip={"x": [1.0, 2.0]}), 2)
    (tmp_path / rows.FILE).write_bytes(encode(row(task, {"result": measured})))
    assert [one["id"] for one in rows.read(tmp_path, pytest.fail)] == [task.id]
    with pytest.raises(ValueError, match=r"result total.n: a whole number above"):
        plain(Result(total={"n": 10**400}), 1)


@pytest.mark.parametrize("change", [b"\xef\xbb\xbf%s", b"%s\r\n", b"\0%s", b"%s%s"])
def test_marks_of_editors_cost_no_other_row(change, tmp_path):
    path, line = tmp_path / "rows.jsonl", encode(good(0))
    whole = change % ((line.rstrip(b"\n"),) * change.count(b"%s"))
    path.write_bytes(whole.rstrip(b"\n") + b"\n" + encode(good(1)) + encode(good(1)))
    found = [text(one) for one in rows.read(path, lambda _: None)]
    assert found[-1] == text(good(1)) and set(found) <= {text(good(0)), text(good(1))}


@pytest.mark.slow
def test_reports_of_strange_whole_rows_are_drawn_or_refused(tmp_path):
    """A hundred and fifty folders with a strange row: a page, or one message that names the folder."""
    from memsim.studies.reports import dossier
    from tests.studies.test_dossier import made

    draw, folder, drawn = random.Random(2), made(tmp_path / "out"), 0
    lines = [json.loads(line) for line in (folder / rows.FILE).read_bytes().splitlines()]
    for one in lines:
        one.pop("check")
    for _ in range(150):
        strange = [*lines, mutant(draw.choice(lines), draw)]
        strange.pop(draw.randrange(len(lines)))
        try:
            (folder / rows.FILE).write_bytes(b"".join(map(encode, strange)))
        except (ValueError, TypeError, RecursionError):
            continue  # no JSON
        try:
            dossier.document(dossier.recall(folder, trust=True))
            drawn += 1
        except ValueError as error:
            assert len(str(error)) <= 2000 and str(folder) in str(error)
    assert drawn > 50


def test_what_a_study_makes_of_rows_without_its_columns_is_one_message(tmp_path):
    from memsim.studies.reports import dossier
    from tests.studies.test_dossier import made

    folder = made(tmp_path / "out")
    (one, *_) = [row for row in rows.read(folder) if "result" in row]
    bare = {"per_chip": {"other": [0.0] * len(one["shared"]["chips"])}, "total": {}, "series": {}}
    (folder / rows.FILE).write_bytes(encode(one | {"result": bare}))
    with pytest.raises(ValueError, match=r"study bits makes no tables of its rows \(KeyError") as refused:
        dossier.document(dossier.recall(folder, trust=True))
    assert str(folder) in str(refused.value)
