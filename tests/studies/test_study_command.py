"""`memsim study`: what it prints, what it refuses; and that no kill at any moment changes a row."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memsim.studies.cli import main
from memsim.studies.running import rows
from memsim.studies.running.seats import THREADS
from tests.studies import tiny

ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in THREADS}


def run(capsys, monkeypatch, *words: str) -> tuple[int, str, str]:
    """Exit code, output, and errors of `memsim study words`."""
    monkeypatch.setattr(sys, "argv", ["memsim", "study", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
        raise SystemExit(0)
    captured = capsys.readouterr()
    return int(leaving.value.code or 0), captured.out, captured.err


def start(file: str | Path, out: Path, *words: str) -> subprocess.Popen:
    """The command as a process, in a group of its own."""
    command = [
        sys.executable,
        "-m",
        "memsim.studies.cli",
        "study",
        str(file),
        "--out",
        str(out),
        "--no-report",
        *words,
    ]
    return subprocess.Popen(
        command,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run behind a &
    )


def finish(file: str | Path, out: Path, *words: str) -> None:
    with start(file, out, *words) as process:
        told, _ = process.communicate(timeout=1500)
        assert process.returncode == 0, told.decode()


def in_session(session: int) -> list[int]:
    """The living processes of a session; one that is dead and not yet buried does not count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(true, seconds: float = 300.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def size(out: Path) -> int:
    return (out / rows.FILE).stat().st_size if (out / rows.FILE).exists() else 0


def kill_often(file, out, *words: str, times: int, within: float) -> None:
    """Start the command and kill it `times` times, at some time up to `within` [s] after its first new row;
    every fourth time after its start, when it has hardly begun.
    """
    draw = random.Random(7)
    for number in range(times):
        before = size(out)
        with start(file, out, *words) as process:
            if number % 4 < 3:
                wait_until(lambda p=process, b=before: p.poll() is not None or size(out) > b)
            time.sleep(draw.uniform(0, within))
            process.kill()
            process.communicate(timeout=300)
        assert wait_until(lambda p=process: not in_session(p.pid), 60), "workers outlive their parent"


def test_json_is_a_line_for_each_task(tmp_path, capsys, monkeypatch):
    tiny.study(tmp_path, 3)
    words = (str(tmp_path / "tiny.py"), "--out", str(tmp_path / "out"), "--no-report", "--chips", "2")
    code, out, _ = run(capsys, monkeypatch, *words, "--json", "--workers", "1")
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert sorted(row["labels"]["n"] for row in found) == [0, 1, 2]
    assert {row["own"]["chips"] for row in found} == {2}
    about = json.loads((tmp_path / "out" / "study.json").read_text())
    assert about["setting"]["card"]["weights"]["cell"] == "pcm-joshi2020"
    assert about["setting"]["time"] == 86400.0
    code, out, _ = run(capsys, monkeypatch, *words)
    assert code == 0
    for text in ("Tiny things", "x [J]", "[0.1, 0.2]", "A note."):
        assert text in out
    code, _, errors = run(capsys, monkeypatch, *words, "--seed", "3")
    assert code == 1
    assert "seed is 0 there and 3 here" in errors


def test_failed_tasks_are_exit_code_1_with_where_to_look(tmp_path, capsys, monkeypatch):
    tiny.study(tmp_path, 3, measure="if n == 1: raise ValueError('too hot')")
    words = (str(tmp_path / "tiny.py"), "--out", str(tmp_path / "out"), "--no-report", "--workers", "1")
    code, _, errors = run(capsys, monkeypatch, *words)
    assert code == 1
    told = "1 of 3 tasks failed, such as {'n': 1}: ValueError: too hot; the tracebacks are in "
    assert told in errors
    assert "out/rows.jsonl" in errors


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["drifd"], "did you mean 'drift'"),
        (["no.py"], "no.py cannot be read"),
        (["drift", "--model", "s2tdpt-nothing"], "'s2tdpt-nothing' is unknown"),
        (["drift", "--dataset", "nothing"], "--dataset 'nothing' is unknown"),
        (["drift", "--cluster", "here"], "HOST:PORT is needed"),
        pytest.param(  # it waits ten seconds for an answer
            ["drift", "--cluster", "here:9"], "no scheduler answers at here:9", marks=pytest.mark.slow
        ),
        (["drift", "--out", "/proc/none"], "cannot write to folder /proc/none"),
        (["drift", "--time", "soon"], "--time"),
    ],
)
def test_what_cannot_be_done_is_one_message_before_any_work(tmp_path, capsys, monkeypatch, words, told):
    out = [] if "--out" in words else ["--out", str(tmp_path / "out")]
    code, _, errors = run(capsys, monkeypatch, *words, *out)
    assert code == 1
    assert told in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.slow
def test_ctrl_c_is_one_message_and_exit_code_130(tmp_path):
    tiny.study(tmp_path, 200, measure="time.sleep(0.1)")
    out = tmp_path / "out"
    with start(tmp_path / "tiny.py", out, "--workers", "2") as process:
        assert wait_until(lambda: size(out) > 0)
        os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to workers too
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = told.decode().splitlines()
    kept = len(list(rows.read(out)))
    assert line == f"memsim: stopped; {kept} rows are stored in {out}; the same command continues"
    assert wait_until(lambda: not in_session(process.pid), 60)


@pytest.mark.parametrize(
    "times", [pytest.param(10, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.exhaustive)]
)
def test_kills_change_no_row(times, tmp_path):
    count = 12 * times
    tiny.study(tmp_path, count, group=5, measure="time.sleep(0.05 + 0.1 * (n * 7 % 10) / 10)")
    kill_often(tmp_path / "tiny.py", tmp_path / "killed", "--workers", "2", times=times, within=0.5)
    found = list(rows.read(tmp_path / "killed", lambda _: None))
    assert 0.75 * times <= sum("result" in row for row in found) == len(found) < count  # every row whole
    finish(tmp_path / "tiny.py", tmp_path / "killed", "--workers", "2")
    finish(tmp_path / "tiny.py", tmp_path / "whole", "--workers", "4")
    assert tiny.bare(tmp_path / "killed") == tiny.bare(tmp_path / "whole")
    assert len(tiny.bare(tmp_path / "whole")) == count


@pytest.mark.slow
def test_kills_change_no_bit_of_a_crossbar_study(tmp_path):
    words = ("--images", "8", "--chips", "2")
    kill_often("drift", tmp_path / "killed", *words, "--workers", "2", times=3, within=1.5)
    finish("drift", tmp_path / "killed", *words, "--workers", "2")
    finish("drift", tmp_path / "whole", *words, "--workers", "1")
    assert tiny.bare(tmp_path / "killed") == tiny.bare(tmp_path / "whole")


@pytest.fixture
def cluster():
    """A scheduler with two workers on loopback."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", host="127.0.0.1"
    ) as found:
        yield found


@pytest.mark.slow
def test_a_cluster_gives_the_same_rows_and_survives_a_lost_worker(tmp_path, cluster):
    once = 'if n == 5 and not (HERE / "struck").exists():\n        (HERE / "struck").touch()\n'
    study = tiny.study(tmp_path, 12, group=4, measure=once + "        os.kill(os.getpid(), 9)")
    said = []
    tiny.run(study, tmp_path / "cluster", cluster=cluster.scheduler_address, say=said.append)
    assert len(said) == 1
    assert "ended unexpectedly" in said[0]
    tiny.run(study, tmp_path / "here", workers=2)
    assert tiny.bare(tmp_path / "cluster") == tiny.bare(tmp_path / "here")


@pytest.mark.slow
def test_a_crossbar_study_has_the_same_bits_on_a_cluster(tmp_path, cluster):
    words = ("--images", "8", "--chips", "2")
    finish("drift", tmp_path / "cluster", *words, "--cluster", cluster.scheduler_address)
    finish("drift", tmp_path / "here", *words)
    assert tiny.bare(tmp_path / "cluster") == tiny.bare(tmp_path / "here")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_tasks():
    peaks = []
    for count in ("1000", "10000"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.studies.tiny", count, "2"], capture_output=True, check=True
        )
        peaks.append(json.loads(done.stdout)["peak memory of the parent [B]"])
    assert peaks[1] - peaks[0] < 30e6  # ids of 9000 tasks take 2 MB
