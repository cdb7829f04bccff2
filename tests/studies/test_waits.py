"""Nothing waits for ever: tasks have a limit, workers show life, silent schedulers are refused."""

import socket
import time

import pytest

from memsim.studies.running import cluster, rows, seats, source
from tests.studies import tiny


@pytest.mark.slow
def test_a_task_that_takes_too_long_is_a_failure_and_the_others_are_measured(tmp_path):
    study = tiny.study(tmp_path, 6, group=3, measure="time.sleep(600 if n == 1 else 0)")
    outcome = tiny.run(study, tmp_path / "out", limit=15.0)
    assert (outcome.done, outcome.failed) == (5, 1)
    (failed,) = (row for row in rows.read(tmp_path / "out") if "failure" in row)
    assert failed["labels"] == {"n": 1}
    assert failed["failure"]["error"] == "it took longer than 15 s, the limit of a task"


@pytest.mark.slow
def test_a_worker_that_was_stopped_is_ended_and_its_task_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(seats, "SILENCE", 8.0)
    stop = 'if n == 1 and not (HERE / "stopped").exists():\n        (HERE / "stopped").touch()\n'
    study = tiny.study(tmp_path, 4, group=2, measure=stop + "        os.kill(os.getpid(), 19)  # SIGSTOP")
    said: list[str] = []
    outcome = tiny.run(study, tmp_path / "out", say=said.append)
    assert (outcome.done, outcome.failed) == (4, 0)
    assert len(said) == 1 and "ended unexpectedly (killed, stopped" in said[0]


def test_a_silent_scheduler_is_refused_in_time(tmp_path):
    pytest.importorskip("distributed")
    study = tiny.study(tmp_path)
    with socket.socket() as peer:
        peer.bind(("127.0.0.1", 0))
        peer.listen()
        address = f"tcp://127.0.0.1:{peer.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=r"no scheduler answers at .*silent for 1 s"):
            cluster.Cluster(study, "data", address, timeout=1.0)
        assert time.monotonic() - start < 25


@pytest.mark.parametrize("address", ["here", "nonsense://x", "", "tcp://[bad:1", "tcp://127.0.0.1:99999999"])
def test_an_address_that_is_none_is_refused_at_once(tmp_path, address):
    pytest.importorskip("distributed")
    with pytest.raises(ConnectionError, match="no scheduler answers at"):
        cluster.Cluster(tiny.study(tmp_path), "data", address, timeout=1.0)


@pytest.mark.slow
def test_a_worker_with_another_source_is_refused(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(source, "code", lambda: "0123456789abcdef")  # here, not where the worker runs
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as found:
        with pytest.raises(ValueError, match=r"worker .* has memsim .*this is .*0123456789abcdef"):
            cluster.Cluster(tiny.study(tmp_path), "data", found.scheduler_address)
