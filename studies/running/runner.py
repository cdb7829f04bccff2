"""The study runner: the tasks of a study measured on seats, each written down as a row when it is done.

    row     one line of OUT/rows.jsonl (studies.running.rows)
    seat    a worker, which measures one task at a time (studies.running.seats, studies.running.cluster)
    group   consecutive tasks that share something; one seat takes them one after the other

What was done is read from the rows alone: a run that was stopped, however, goes on when it is started again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, final

from memsim.studies.evaluation.setting import Setting
from memsim.studies.running.cluster_address import check_address
from memsim.studies.running.folder import claim
from memsim.studies.running.rows import FILE, Say, row, to_stderr
from memsim.studies.running.seats import AbstractCrew, AbstractSeat, Processes
from memsim.studies.running.store import Store
from memsim.studies.running.study import Study
from memsim.studies.running.task import Task

GROUP = 32
"""Most tasks of a group: longer runs of equal ``shared`` are cut, so that other seats can help."""

TRIES = 2
"""How often a task may be at work when its worker vanishes."""

Advance = Callable[[str, int, int], None]


@final
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run went: tasks measured now, there already (or done by another run meanwhile), failed now."""

    done: int
    skipped: int
    failed: int
    folder: Path


def collect(
    study: Study,
    setting: Setting,
    folder: str | Path,
    *,
    workers: int = 1,
    cluster: str | None = None,
    data: str = "data",
    limit: float | None = None,
    advance: Advance = lambda stage, done, total: None,
    say: Say = to_stderr,
) -> Outcome:
    """Measure every task of a study that has no result in the folder yet.

    A task that raises becomes a row with the failure, and is tried again by the next run.
    Rows are the same, bit for bit, whatever the number of workers and however often a run was stopped.
    workers: processes on this machine; cluster: address of a dask scheduler, whose workers are used instead;
    limit: how long one task may take, without its worker's start, before it is given up and written down as
    failed [s];
    advance(stage, done, total) is called after each task; say(message) for what the user should know.

    Raises: ValueError for a folder of another study, setting or version, or a study that cannot be used;
    OSError for a folder or a full disk, a cluster or workers that do not answer; ImportError without dask;
    KeyboardInterrupt with a message when stopped by Ctrl-C.  Rows written before are safe in every case.
    """
    ids = names_of(study, setting)
    if cluster is not None:
        check_address(cluster)
    folder = claim(study, setting, folder, ids)
    with Store(folder / FILE, say) as store:
        run = _Run(study, setting, ids, store, advance, say, limit)
        if run.left:
            with _crew(study, data, min(workers, len(run.left)), cluster) as crew:
                try:
                    run.go(crew)
                except KeyboardInterrupt:
                    raise KeyboardInterrupt(
                        f"stopped; {len(store.done)} rows are stored in {folder}; the same command continues"
                    ) from None
        return Outcome(
            done=run.done, skipped=run.total - run.done - run.failed, failed=run.failed, folder=folder
        )


@contextmanager
def _crew(study: Study, data: str, workers: int, cluster: str | None) -> Iterator[AbstractCrew]:
    """The seats; whatever they are at ends with an exception."""
    if cluster is not None:
        from memsim.studies.running.cluster import Cluster

        crew: AbstractCrew = Cluster(study, data, cluster)
    else:
        crew = Processes(study, data, workers)
    try:
        yield crew
    except BaseException:
        crew.close(now=True)
        raise
    crew.close(now=False)


class _Run:
    """Tasks on their way through the seats to the rows; ``left`` are the ids that have no row yet."""

    def __init__(
        self,
        study: Study,
        setting: Setting,
        ids: set[str],
        store: Store,
        advance: Advance,
        say: Say,
        limit: float | None,
    ) -> None:
        self.study, self.store, self.say, self.limit = study, store, say, limit
        self.late = set[str]()  # tasks that were given up
        self.total, self.left = len(ids), ids - store.done
        self.advance, self.size = advance, len(self.left)
        self.done = self.failed = 0
        self.groups = groups(task for task in tasks_of(study, setting) if task.id in self.left)
        self.returned: deque[deque[Task]] = deque()  # what seats that are gone had in hand
        self.lost: Counter[str] = Counter()
        self.finished: SimpleQueue = SimpleQueue()

    def go(self, crew: AbstractCrew) -> None:
        """Measure all that is left."""
        self.advance(self.study.name, 0, self.size)
        while self.left:
            for seat in crew.seats:
                self._fill(seat)
            if not self.left:
                break
            if crew.seats and not any(seat.flying for seat in crew.seats):
                raise ValueError(
                    f"study {self.study.path}: tasks() returned other tasks when it was called again"
                )
            try:
                seat, future = self.finished.get(timeout=1.0)
            except Empty:
                crew.look_round()
                self.store.sync()
            else:
                self._receive(crew, seat, future)
            self._give_up(crew)

    def _give_up(self, crew: AbstractCrew) -> None:
        """End the workers whose task takes longer than the limit."""
        for seat in crew.seats if self.limit is not None else ():
            if seat.flying and seat.worked > self.limit:
                self.late.add(next(iter(seat.flying.values())).id)
                seat.give_up()

    def _fill(self, seat: AbstractSeat) -> None:
        while len(seat.flying) < seat.places:
            task = self._next(seat)
            if task is None:
                return
            if not seat.flying:
                seat.since = monotonic()
            seat.send(task, self.finished)

    def _next(self, seat: AbstractSeat) -> Task | None:
        """Return the next task of the seat's group, or of a new one if it has nothing to do; not what is
        done.
        """
        while True:
            if not seat.held and not seat.flying:
                seat.held = self.returned.popleft() if self.returned else deque(next(self.groups, ()))
            if not seat.held:
                return None
            task = seat.held.popleft()
            self.store.refresh()
            if task.id not in self.store.done:
                return task
            self._settle(task)

    def _receive(self, crew: AbstractCrew, seat: AbstractSeat, future: Any) -> None:
        if future not in seat.flying:
            return  # of a worker that was lost meanwhile
        try:
            outcome = seat.outcome(future)
        except Exception as error:  # on the way there or back: it could not be pickled, for instance
            outcome = _failure(f"{type(error).__name__}: {error}", seat)
        if outcome is None:
            self._lose(crew, seat)
            return
        task = seat.flying.pop(future)
        seat.since = monotonic()
        self._record(task, outcome)

    def _lose(self, crew: AbstractCrew, seat: AbstractSeat) -> None:
        """A worker vanished: the task it was at is tried once more, others are just sent again."""
        first, *others = seat.flying.values()
        seat.flying.clear()
        self.lost[first.id] += 1
        late = first.id in self.late
        again = not late and self.lost[first.id] < TRIES
        if late:
            self._record(first, _failure(f"it took longer than {self.limit:g} s, the limit of a task", seat))
        else:
            what = "it is tried once more" if again else "this is recorded as its failure"
            self.say(
                f"a worker process ended unexpectedly (killed, stopped, out of memory?) at task {first.id} "
                f"{dict(first.labels)}: {what}"
            )
            if not again:
                self._record(first, _failure("the worker vanished twice", seat))
        seat.held.extendleft(reversed([first, *others] if again else others))
        if not crew.replace(seat):
            self.returned.append(seat.held)

    def _record(self, task: Task, outcome: Mapping[str, Any]) -> None:
        self.store.append(row(task, outcome))
        self.done += "result" in outcome
        self.failed += "failure" in outcome
        self._settle(task)

    def _settle(self, task: Task) -> None:
        self.left.discard(task.id)
        self.advance(self.study.name, self.size - len(self.left), self.size)


def _failure(error: str, seat: AbstractSeat) -> dict[str, Any]:
    """Return a failure that no worker could report; the time is how long it was waited for."""
    return {"failure": {"error": error, "traceback": ""}, "wall_time [s]": monotonic() - seat.since}


def names_of(study: Study, setting: Setting) -> set[str]:
    """Return the ids of all tasks; ValueError where two are the same."""
    ids = set[str]()
    for task in tasks_of(study, setting):
        if task.id in ids:
            raise ValueError(f"study {study.path}: two tasks are the same: {dict(task.labels)}")
        ids.add(task.id)
    return ids


def tasks_of(study: Study, setting: Setting) -> Iterator[Task]:
    """Yield the tasks of a study, one at a time; ValueError where its file or its generator fails."""
    try:
        for task in study.tasks(setting):
            if not isinstance(task, Task):
                raise ValueError(f"study {study.path}: tasks() gave a {type(task).__name__}, not a Task")
            yield task
    except (ValueError, OSError):
        raise
    except (Exception, SystemExit) as error:
        raise ValueError(f"study {study.path}: no tasks: {type(error).__name__}: {error}") from error


def groups(tasks: Iterator[Task]) -> Iterator[list[Task]]:
    """Consecutive tasks of equal ``shared``, at most GROUP of them; each alone where nothing is shared."""
    for _, same in groupby(tasks, key=lambda task: task.share):
        group: list[Task] = []
        for task in same:
            group.append(task)
            if len(group) == GROUP or not task.shared:
                yield group
                group = []
        if group:
            yield group
