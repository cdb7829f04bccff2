"""Rows and the disk: a power cut, imitated, loses tasks in flight alone; waiting for the disk is cheap."""

import os
from pathlib import Path

import pytest

from memsim.studies.running import files, rows, source, store
from memsim.studies.running.rows import row
from memsim.studies.running.store import SYNC_SHARE, Store
from memsim.studies.running.task import Task
from tests.studies import tiny


@pytest.fixture
def synced(monkeypatch) -> dict[int, bytes]:
    """What is on the disk for sure: each file's content at its last fsync, by inode."""
    found: dict[int, bytes] = {}
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_file():
            found[path.stat().st_ino] = path.read_bytes()

    monkeypatch.setattr(os, "fsync", note)
    return found


def cut_power(synced: dict[int, bytes], folder: Path) -> None:
    """Let every file be as it was at its last fsync, and those that never had one empty."""
    for path in folder.iterdir():
        path.write_bytes(synced.get(path.stat().st_ino, b""))


class Cut(Exception):
    pass


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are named in /proc")
@pytest.mark.parametrize("after", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 5, 11))])
def test_a_power_cut_loses_the_tasks_in_flight_alone(tmp_path, synced, monkeypatch, after):
    study, out = tiny.study(tmp_path, 12, group=4), tmp_path / "out"
    monkeypatch.setattr(store, "SYNC_SHARE", 1.0)  # a task of this study takes no time

    def advance(stage: str, done: int, total: int) -> None:
        if done == after:
            cut_power(synced, out)
            raise Cut

    with pytest.raises(Cut):
        tiny.run(study, out, advance=advance)
    cut_power(synced, out)  # what was written while it ended, too
    assert len(list(rows.read(out))) == after
    assert tiny.run(study, out).skipped == after
    tiny.run(study, tmp_path / "whole")
    assert tiny.bare(out) == tiny.bare(tmp_path / "whole")


@pytest.mark.parametrize(("lasts", "between"), [(1e-3, 1.0), (0.5, 1.0), (0.5, 0.01)])
def test_waiting_for_the_disk_takes_two_percent_at_most(tmp_path, monkeypatch, lasts, between):
    clock, calls = [0.0], []

    def fsync(descriptor: int) -> None:
        clock[0] += lasts
        calls.append(clock[0])

    monkeypatch.setattr(store, "monotonic", lambda: clock[0])
    with Store(tmp_path / "rows.jsonl") as one:
        monkeypatch.setattr(store.os, "fsync", fsync)
        for n in range(300):
            clock[0] += between
            one.append(good(n))
        assert len(calls) * lasts <= SYNC_SHARE * clock[0] + 2 * lasts
        assert len(calls) >= min(300, int(SYNC_SHARE * 300 * between / lasts))
        before = len(calls)
    assert len(calls) == before + (before < 300)  # the rest at the end


def broken(descriptor: int) -> None:
    raise OSError(5, "input/output error")


def test_a_disk_that_fails_is_named(tmp_path, monkeypatch):
    with Store(tmp_path / "rows.jsonl") as one:
        fsync = os.fsync
        monkeypatch.setattr(
            store.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "input/output error"))
        )
        with pytest.raises(OSError, match=r"rows.jsonl: rows do not reach the disk: input/output error"):
            one.append(good(1))
        monkeypatch.setattr(store.os, "fsync", fsync)


def test_a_file_that_is_replaced_is_on_the_disk_first(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(files.os, "fsync", lambda _: order.append("sync"))
    monkeypatch.setattr(Path, "replace", lambda *_: order.append("replace"))
    files.write_whole(tmp_path / "study.json", "{}")
    assert order == ["sync", "replace", "sync"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_no_file_of_rows(tmp_path):
    os.mkfifo(tmp_path / "rows.jsonl")
    with pytest.raises(OSError, match="it is no file"):
        Store(tmp_path / "rows.jsonl")
    with pytest.raises(OSError, match="no file of rows"):
        list(rows.read(tmp_path / "rows.jsonl"))


def good(n: int, **more) -> dict:
    return row(
        Task(study="s", labels={"n": n}), {"result": {"per_chip": {}, "total": {}, "series": {}}} | more
    )


def test_a_row_has_the_source_of_the_worker_that_measured_it():
    assert good(1)["code"] == source.code()
    assert good(1, code="another")["code"] == "another"


def test_rows_of_two_sources_have_a_heading():
    other = good(2, code="another") | {"with": source.packages() | {"torch": "0.1"}}
    assert source.mixed([good(1), good(2)]) == ""
    words = source.mixed([good(1), other, good(3)])
    for part in (source.code(), "another", "measured 2", "measured 1", "torch", "0.1"):
        assert part in words
