"""The runner: every task gets one row, whatever happens to workers, folders, and runs beside it."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import memsim
from memsim.studies.evaluation.result import KEYS
from memsim.studies.evaluation.setting import Setting
from memsim.studies.running import rows
from memsim.studies.running.runner import GROUP, collect, groups
from memsim.studies.running.task import Task
from tests.studies import tiny


def failures(folder: Path) -> list[str]:
    return [row["failure"]["error"] for row in rows.read(folder) if "failure" in row]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> list[str]:
    """The rows of six tiny tasks."""
    folder = tmp_path_factory.mktemp("undisturbed")
    study = tiny.study(folder)
    assert tiny.run(study, folder / "out").done == 6
    return tiny.bare(folder / "out")


def test_groups_are_consecutive_bounded_and_single_where_nothing_is_shared():
    def tasks(*shares):
        return (Task(study="t", labels={"n": n}, shared={"s": s} if s else {}) for n, s in enumerate(shares))

    def sizes(*shares):
        return [len(group) for group in groups(tasks(*shares))]

    assert sizes(1, 1, 2, 2, 2, 1) == [2, 3, 1]
    assert sizes(0, 0, 1, 1) == [1, 1, 2]
    assert sizes(*[1] * (2 * GROUP + 3)) == [GROUP, GROUP, 3]


def test_a_group_is_prepared_once_and_a_second_run_has_nothing_to_do(tmp_path):
    note = "(HERE / f\"prepared-{shared['group']}-{time.time_ns()}\").touch()"
    study = tiny.study(tmp_path, 12, group=4, prepare=note)
    seen = []
    outcome = tiny.run(study, tmp_path / "out", workers=2, advance=lambda *a: seen.append(a))
    assert (outcome.done, outcome.skipped, outcome.failed) == (12, 0, 0)
    prepared = Counter(path.name.split("-")[1] for path in tmp_path.glob("prepared-*"))
    assert prepared == {"0": 1, "1": 1, "2": 1}
    assert seen == [("tiny", n, 12) for n in range(13)]
    again = tiny.run(study, tmp_path / "out", workers=2)
    assert (again.done, again.skipped, again.failed) == (0, 12, 0)


@pytest.mark.parametrize("workers", [2, 4])
def test_the_number_of_workers_changes_no_row(tmp_path, undisturbed, workers):
    study = tiny.study(tmp_path)
    tiny.run(study, tmp_path / "out", workers=workers)
    assert tiny.bare(tmp_path / "out") == undisturbed


def test_a_study_that_needs_no_tensor_is_measured_without_torch(tmp_path):
    look = "return Result(total={name: float(name in sys.modules) for name in ('torch', 'numba', 'memsim')})"
    tiny.run(tiny.study(tmp_path, 1, measure=look), tmp_path / "out")
    (row,) = rows.read(tmp_path / "out")
    assert row["result"]["total"] == {"torch": 0.0, "numba": 0.0, "memsim": 1.0}


def test_a_worker_has_one_thread_and_ignores_ctrl_c(tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    look = """
    import signal, torch, numba
    print("noise on stdout")
    return Result(total={"torch": torch.get_num_threads(), "numba": numba.config.NUMBA_NUM_THREADS,
                         "ignored": signal.getsignal(signal.SIGINT) == signal.SIG_IGN})"""
    study = tiny.study(tmp_path, 2, group=0, measure=look.strip())
    tiny.run(study, tmp_path / "out", workers=2)
    for row in rows.read(tmp_path / "out"):
        assert row["result"]["total"] == {"torch": 1, "numba": 1, "ignored": True}
    assert "OMP_NUM_THREADS" not in os.environ


def test_what_goes_wrong_in_a_task_is_its_row_and_nobody_elses(tmp_path):
    trouble = """
    if n == 0: raise KeyError("no such cell")
    if n == 1: return Result(total={"accuracy": {"digital": float("nan")}})
    if n == 2: sys.exit("enough")
    if n == 3: return None"""
    flag = tmp_path / "repaired"
    study = tiny.study(tmp_path, measure=f"if not os.path.exists({str(flag)!r}):{_indent(trouble)}")
    outcome = tiny.run(study, tmp_path / "out", workers=1)
    assert (outcome.done, outcome.failed) == (2, 4)
    assert sorted(failures(tmp_path / "out")) == [
        "KeyError: 'no such cell'",
        "SystemExit: enough",
        "ValueError: measure gave NoneType, not a Result: return "
        f"Result({KEYS}), from memsim.studies.evaluation.result; docs/new-study.md has an example",
        "ValueError: result total.accuracy.digital: nan cannot be kept as a number or text",
    ]
    told = [row["failure"]["traceback"] for row in rows.read(tmp_path / "out") if "failure" in row]
    assert any("tiny.py" in text and 'raise KeyError("no such cell")' in text for text in told)
    flag.touch()
    again = tiny.run(study, tmp_path / "out")
    assert (again.done, again.skipped, again.failed) == (4, 2, 0)
    assert failures(tmp_path / "out") == []


def _indent(code: str) -> str:
    return code.replace("\n    ", "\n        ")


def test_a_preparation_that_fails_fails_each_task_of_its_group(tmp_path):
    study = tiny.study(tmp_path, prepare="if shared['group'] == 0: raise ValueError('no chip')")
    assert tiny.run(study, tmp_path / "out").failed == 3
    assert failures(tmp_path / "out") == ["ValueError: no chip"] * 3


def test_a_worker_that_vanishes_once_is_replaced_and_its_task_tried_again(tmp_path, undisturbed):
    once = """
    if n == 1 and not (HERE / "struck").exists():
        (HERE / "struck").touch()
        os.kill(os.getpid(), 9)"""
    study = tiny.study(tmp_path, measure=once.strip())
    said = []
    assert tiny.run(study, tmp_path / "out", workers=2, say=said.append).done == 6
    assert tiny.bare(tmp_path / "out") == undisturbed
    assert len(said) == 1
    assert "ended unexpectedly" in said[0]
    assert "tried once more" in said[0]


def test_a_task_that_kills_its_worker_twice_has_failed_and_the_rest_goes_on(tmp_path):
    study = tiny.study(tmp_path, measure="if n == 1: os.kill(os.getpid(), 9)")
    said = []
    outcome = tiny.run(study, tmp_path / "out", say=said.append)
    assert (outcome.done, outcome.failed, len(said)) == (5, 1, 2)
    assert failures(tmp_path / "out") == ["the worker vanished twice"]


def test_two_runs_at_once_share_a_folder(tmp_path, undisturbed):
    study = tiny.study(tmp_path, measure="time.sleep(0.02)")
    outcomes, said = [], []

    def one():
        outcomes.append(tiny.run(replace(study), tmp_path / "out", say=said.append))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [o.done + o.skipped for o in outcomes] == [6, 6]
    assert (tiny.bare(tmp_path / "out"), said) == (undisturbed, [])


def test_more_chips_add_rows_and_fewer_take_none_away(tmp_path):
    study = tiny.study(tmp_path, 2)
    for chips, done in ((1, 2), (2, 2), (1, 0)):
        assert tiny.run(study, tmp_path / "out", chips=chips).done == done
    about = json.loads((tmp_path / "out" / "study.json").read_text())
    assert (about["study"], about["setting"]["chips"]) == ("tiny", 2)
    assert (tmp_path / "out" / "tiny.py").read_text() == study.source


def test_a_folder_of_another_setting_or_study_is_refused_by_the_field(tmp_path):
    study, card = tiny.study(tmp_path, 0), memsim.ChipCard.load("default")
    fields = card.model_dump(mode="json", by_alias=True)
    collect(study, Setting(card=fields), tmp_path / "out")
    assert memsim.ChipCard.load(tmp_path / "out" / "card.toml") == card
    other = card.replace(weights={"cell": "ideal"}).model_dump(mode="json", by_alias=True)
    for setting, told in (
        (Setting(card=fields, seed=1), "seed is 0 there and 1 here; choose another"),
        (Setting(card=other), "card.weights.cell is 'pcm-joshi2020' there and 'ideal' here"),
    ):
        with pytest.raises(ValueError, match=told):
            collect(study, setting, tmp_path / "out")
    with pytest.raises(ValueError, match="the text of the study"):
        collect(replace(study, source=study.source + "\n"), Setting(card=fields), tmp_path / "out")
    with pytest.raises(ValueError, match="study is 'tiny' there and 'else' here"):
        collect(replace(study, name="else"), Setting(card=fields), tmp_path / "out")


def test_a_folder_that_takes_no_files_is_named_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    study = tiny.study(tmp_path, prepare="(HERE / 'worked').touch()")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/none")):
        with pytest.raises(OSError, match="cannot write to folder"):
            tiny.run(study, folder)
    assert not (tmp_path / "worked").exists()


def test_a_damaged_study_json_is_named(tmp_path):
    study = tiny.study(tmp_path, 0)
    tiny.run(study, tmp_path / "out")
    (tmp_path / "out" / "study.json").write_text('{"stu')
    with pytest.raises(ValueError, match=r"study.json is damaged"):
        tiny.run(study, tmp_path / "out")


@pytest.mark.parametrize(
    ("code", "told"),
    [("raise KeyError('x')", "no tasks: KeyError"), ("title = x", "no tasks: NameError")],
)
def test_a_study_file_that_fails_is_one_message(tmp_path, code, told):
    study = tiny.study(tmp_path)
    text = study.source.replace("    for n in range", f"    {code}\n    for n in range")
    with pytest.raises(ValueError, match=told):
        tiny.run(replace(study, source=text), tmp_path / "out")


def test_tasks_that_change_when_asked_again_are_an_error(tmp_path):
    study = tiny.study(tmp_path)
    text = study.source.replace('"n": n, "chips"', '"now": time.time_ns(), "n": n, "chips"')
    with pytest.raises(ValueError, match="other tasks when it was called again"):
        tiny.run(replace(study, source=text), tmp_path / "out")


def test_two_tasks_of_one_name_are_an_error(tmp_path):
    study = tiny.study(tmp_path, group=0)
    text = study.source.replace('own={"n": n,', 'own={"n": n // 2,').replace('labels={"n": n}', "labels={}")
    with pytest.raises(ValueError, match="two tasks are the same"):
        tiny.run(replace(study, source=text), tmp_path / "out")


def test_a_script_without_a_main_guard_gets_one_message(tmp_path):
    tiny.study(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(
        "from memsim.studies.evaluation.setting import Setting\n"
        "from memsim.studies.running.study import load\n"
        "from memsim.studies.running.runner import collect\n"
        f"collect(load({str(tmp_path / 'tiny.py')!r}), Setting(), {str(tmp_path / 'out')!r})\n"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 1
    assert "worker processes end while they start" in done.stderr.splitlines()[-1]
