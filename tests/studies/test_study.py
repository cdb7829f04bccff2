"""Studies: tasks that are the same each time and named apart; a file that is wrong is one message by name."""

import subprocess
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest

import memsim
from memsim.studies.evaluation.crossbars import measure, prepare
from memsim.studies.evaluation.identity import point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.reports.dossier import tables_of
from memsim.studies.running.study import Study, load, names
from memsim.studies.running.task import Task

CARD = dump(memsim.ChipCard.load("default"))
TINY = """
from memsim.studies.running.task import Task
title = "Tiny"
def tasks(setting):
    yield Task(study="tiny", labels={"n": 1})
"""


@pytest.fixture(scope="module", params=[name for name in names() if name != "folds"])
def known(request: pytest.FixtureRequest) -> tuple[Study, list[Task]]:
    """A built-in study and its tasks on eight chips; that of folds needs networks of its own (test_folds)."""
    study = load(request.param)
    return study, list(study.tasks(Setting(card=CARD, chips=8)))


def test_names_are_the_files_of_the_library() -> None:
    assert names() == [
        "attention",
        "circuit",
        "coding",
        "context",
        "converters",
        "countermeasures",
        "dendrites",
        "drift",
        "faults",
        "folds",
        "forgetting",
        "kinds",
        "learning",
        "lifetime",
        "memory-bits",
        "mixers",
        "sanity",
        "tokens",
        "tradeoff",
        "variation",
        "wires",
    ]


def test_tasks_have_names_of_their_own_and_are_the_same_twice(known: tuple[Study, list[Task]]) -> None:
    study, tasks = known
    assert len({task.id for task in tasks}) == len(tasks) > 10
    assert {task.study for task in tasks} == {study.name}
    again = load(study.name)
    assert [task.id for task in again.tasks(Setting(card=CARD, chips=8))] == [task.id for task in tasks]


def test_tasks_that_share_follow_one_another(known: tuple[Study, list[Task]]) -> None:
    runs = [share for share, _ in groupby(known[1], key=lambda task: task.share)]
    assert len(runs) == len(set(runs))


def test_a_place_and_a_block_of_chips_is_one_task(known: tuple[Study, list[Task]]) -> None:
    seen = Counter((point(task.labels), tuple(task.shared["chips"])) for task in known[1])
    assert set(seen.values()) == {1}
    for task in known[1]:
        assert task.shared["chips"] in ([0, 1, 2, 3], [4, 5, 6, 7]) or task.shared["engine"] == "digital"


def test_more_chips_only_add_tasks_and_a_seed_changes_all(known: tuple[Study, list[Task]]) -> None:
    study, tasks = known
    before = {task.id for task in tasks}
    more = [task.id for task in study.tasks(Setting(card=CARD, chips=12))]
    assert [name for name in more if name in before] == [task.id for task in tasks] and len(more) > len(tasks)
    others = [task for task in study.tasks(Setting(card=CARD, chips=8, seed=1)) if "seed" in task.shared]
    assert others and before.isdisjoint(task.id for task in others)  # a digital run has no chips and no seed
    assert before.isdisjoint(task.id for task in study.tasks(Setting(card=CARD, chips=8, images=7)))


@pytest.mark.slow
def test_another_process_gives_the_same_names() -> None:
    """No name hangs on the order of a set: strings hash differently in each process."""
    program = (
        "import memsim; from memsim.studies.evaluation.setting import dump; "
        "from memsim.studies.evaluation.setting import Setting; "
        "from memsim.studies.running.study import load; "
        "s = Setting(card=dump(memsim.ChipCard.load('default').without('adc', 'dac', 'drift')), chips=1); "
        "print(*(t.id for t in load('drift').tasks(s)))"
    )
    card = dump(memsim.ChipCard.load("default").without("drift", "dac", "adc"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [task.id for task in load("drift").tasks(Setting(card=card, chips=1))]


@pytest.mark.parametrize(
    ("wrong", "near"), [("drifd", "'drift'"), ("tradeof", "'tradeoff'"), ("atention", "'attention'")]
)
def test_an_unknown_study_is_refused_with_the_nearest_name(wrong: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"no study '{wrong}'; did you mean {near}"):
        load(wrong)
    with pytest.raises(
        ValueError,
        match=r"no study 'zzz' \(known: attention, circuit, coding, context, converters, countermeasures, ",
    ):
        load("zzz")


def test_what_a_file_lacks_stands_in(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(TINY, "utf-8")
    study = load(file)
    assert study.name == "own" and (study.measure, study.prepare) == (measure, prepare)
    assert tables_of(study, []) == {}
    assert [task.labels for task in study.tasks(Setting())] == [{"n": 1}]


def test_a_file_may_have_dataclasses(tmp_path: Path) -> None:
    """They look for their module while it is executed; and no future statement of ours is theirs."""
    file = tmp_path / "own.py"
    file.write_text(
        TINY + "from dataclasses import dataclass\n@dataclass\nclass Size:\n    bits: 'int'\n    n: int = 0\n"
        "assert Size.__annotations__['n'] is int\n",
        "utf-8",
    )
    assert load(file).module.Size(4).bits == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 'a'\ndef tasks(:\n", r"study \S+own.py, line 2: "),
        ("title = 'a'\n", r"study \S+own.py defines no tasks; see studies/running/study.py"),
        (TINY.replace("title", "name"), r"study \S+own.py defines no title"),
    ],
)
def test_a_file_that_is_wrong_is_one_message(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        _ = load(file).module
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone.py cannot be read: No such file"):
        load(tmp_path / "gone.py")
    for bad, message in ((b"title = '\xff'", "is no UTF-8 text"), (b"title = 1\0", "null bytes")):
        (tmp_path / "own.py").write_bytes(bad)
        with pytest.raises(ValueError, match=rf"own.py.*{message}"):
            load(tmp_path / "own.py")
