"""Seats: where tasks are measured, one after the other: a process of this machine, or a worker of a cluster.

A seat works on one task at a time and keeps what ``prepare`` gave until a task shares something else.  It may
be lost at any moment; the runner then gives its tasks to the seat made in its place, or to another.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from queue import SimpleQueue
from typing import Any, final

from memsim.studies.running.rows import plain
from memsim.studies.running.source import source
from memsim.studies.running.study import Study
from memsim.studies.running.task import Task

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What the libraries read, when they are imported, for the number of their threads: one, on every seat.

The last bit of a sum of floats depends on how many threads add it up, and a row must not depend on how many
seats or cores there were.
"""

SILENCE = 60.0  #: how long a process may show no life before it counts as lost [s]


@final
@dataclass(frozen=True, kw_only=True)
class Job:
    """What every task of a run needs to be measured in another process."""

    study: Study
    data: str  #: folder of the data sets


# ---- in the worker


_turn = threading.Lock()  # a cluster's worker may have many threads: one task at a time all the same
_kept: tuple[Any, Any] = (None, None)  # what the last task shared, and what prepare gave for it
_life: Any = None  # of a process of this machine: when it last showed life, when its task began (0: none)


@lru_cache(maxsize=1)
def _known(study: Study) -> Study:
    """Return the study as it came first: its file is executed once."""
    return study


def measure(job: Job, task: Task) -> dict[str, Any]:
    """Measure a task: ``result``, or ``failure`` with error and traceback, ``wall_time [s]``, and the source
    of memsim that this process has.
    """
    with _turn:
        _one_thread()
        made_by = source()
        start = time.perf_counter()
        try:
            chips = len(task.shared.get("chips", [0]))
            call = _known(job.study).measure  # imports what the study does, which is no work of the task
            _began(time.monotonic())
            result = call(_prepared(job, task), task.own)
            found: dict[str, Any] = {"result": plain(result, chips)}
        except (Exception, SystemExit) as error:
            told = "".join(traceback.format_exception(error))
            found = {"failure": {"error": f"{type(error).__name__}: {error}", "traceback": told}}
        _began(0.0)
        return found | made_by | {"wall_time [s]": time.perf_counter() - start}


def _prepared(job: Job, task: Task) -> Any:
    global _kept
    key = (job, task.share)
    if _kept[0] != key:
        _kept = (None, None)  # two at once may not fit the memory
        _kept = (key, _known(job.study).prepare(task.shared, job.data))
    return _kept[1]


def _one_thread() -> None:
    """For what is imported from now on, and for torch (whose number our kernels follow) in this thread."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _began(now: float) -> None:
    """Tell the runner when the task at hand began, or that there is none."""
    if _life is not None:
        _life[1] = now


def _settle(life: Any) -> None:
    """Begin a worker's life: Ctrl-C is its parent's, it prints to stderr, it ends with its parent, and tells
    it that it is alive.
    """
    global _life
    _life = life
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    threading.Thread(target=_follow_parent, daemon=True).start()
    threading.Thread(target=_beat, daemon=True).start()


def _beat() -> None:
    """Write down the time, second by second, by the clock that all processes of a machine share."""
    while True:
        _life[0] = time.monotonic()
        time.sleep(1.0)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


# ---- in the runner

Finished = SimpleQueue  #: of (seat, future)


class AbstractSeat(ABC):
    """A place at work; ``held`` are tasks of its group that wait, ``flying`` those sent, oldest first."""

    places = 1  #: how many tasks of its group may be sent to it at once

    def __init__(self) -> None:
        self.held: deque[Task] = deque()
        self.flying: dict[Any, Task] = {}
        self.since = time.monotonic()  # when its oldest flying task began

    @abstractmethod
    def send(self, task: Task, finished: Finished) -> None:
        """Send a task; its future comes back through the queue."""

    @abstractmethod
    def outcome(self, future: Any) -> dict[str, Any] | None:
        """Return what ``measure`` gave, or None where the worker was lost; raises what went wrong on the
        way.
        """

    @property
    def worked(self) -> float:
        """How long the worker has been at its task [s], as far as is known here."""
        return time.monotonic() - self.since if self.flying else 0.0

    @abstractmethod
    def give_up(self) -> None:
        """End what the worker is at: it counts as lost."""


class AbstractCrew(ABC):
    """All seats of a run."""

    seats: list[Any]

    @abstractmethod
    def replace(self, seat: Any) -> bool:
        """Make a lost seat anew; False where it is gone for good, then it is no longer among the seats."""

    @abstractmethod
    def look_round(self) -> None:
        """Find out, now and then, which seats were lost without a word and which came."""

    @abstractmethod
    def close(self, *, now: bool) -> None:
        """Send the seats home; now: whatever they are at."""


@final
class ProcessSeat(AbstractSeat):
    """A process of its own, started afresh: compiled kernels do not survive a fork."""

    places = 2  # the next begins while the result of the last travels

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self.start()

    def start(self) -> None:
        """Start the process; this does not wait for it."""
        context = multiprocessing.get_context("spawn")
        self.life = context.Array("d", 2, lock=False)  # as _life; 0: it is starting
        self.pool = ProcessPoolExecutor(1, context, _settle, (self.life,))
        with _environment(), _without_interrupts():
            self.pid = self.pool.submit(os.getpid)

    def send(self, task: Task, finished: Finished) -> None:
        try:
            future = self.pool.submit(measure, self.job, task)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self.flying[future] = task
        future.add_done_callback(lambda done: finished.put((self, done)))

    def outcome(self, future: Future) -> dict[str, Any] | None:
        try:
            return future.result()
        except BrokenProcessPool:
            return None

    @property
    def silent(self) -> float:
        """For how long the process, once started, has shown no life [s]."""
        return time.monotonic() - self.life[0] if self.life[0] else 0.0

    @property
    def worked(self) -> float:
        return time.monotonic() - self.life[1] if self.life[1] else 0.0

    def give_up(self) -> None:
        """Kill the process, though it is stopped or at its start."""
        with suppress(BrokenProcessPool, ProcessLookupError, TimeoutError):
            os.kill(self.pid.result(timeout=1.0), signal.SIGKILL)

    def close(self, *, now: bool) -> None:
        """End the process, now or after what it is at."""
        if now:
            with suppress(BrokenProcessPool, ProcessLookupError):
                os.kill(self.pid.result(), signal.SIGKILL)
        end = threading.Timer(SILENCE, self.give_up)  # a stopped process hears nothing
        end.daemon = True
        end.start()
        self.pool.shutdown(wait=True, cancel_futures=True)
        end.cancel()


@final
class Processes(AbstractCrew):
    """So many processes of this machine."""

    def __init__(self, study: Study, data: str, workers: int) -> None:
        job = Job(study=replace(study), data=data)  # without what the parent has executed
        self.seats: list[ProcessSeat] = []
        try:
            for _ in range(workers):
                self.seats.append(ProcessSeat(job))
        except BaseException:
            self.close(now=True)
            raise

    def replace(self, seat: ProcessSeat) -> bool:
        if seat.pid.exception() is not None:
            raise ChildProcessError(
                f"worker processes end while they start; is there memory for {len(self.seats)} (--workers)? "
                'A script that calls collect needs `if __name__ == "__main__":` around the call'
            )
        seat.close(now=False)
        seat.start()
        return True

    def look_round(self) -> None:
        """A process that ends is heard of at once; one that shows no life is killed."""
        for seat in self.seats:
            if seat.flying and seat.silent > SILENCE:
                seat.give_up()

    def close(self, *, now: bool) -> None:
        for seat in self.seats:
            seat.close(now=now)


def cores() -> int:
    """Return the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def _environment() -> Iterator[None]:
    """Let a process started meanwhile have one thread, whatever it imports first."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a process started meanwhile never see Ctrl-C; this one sees it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
