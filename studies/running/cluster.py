"""Seats on a cluster: one for each worker of an existing dask.distributed scheduler."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from memsim.studies.running.seats import AbstractCrew, AbstractSeat, Finished, Job, measure
from memsim.studies.running.source import source, source_of
from memsim.studies.running.study import Study
from memsim.studies.running.task import Task

FETCH = 30.0  #: how long a finished result may take to arrive before its worker counts as lost [s]
SILENCE = 20.0  #: how long a scheduler may take to answer a question [s]
PATIENCE = 60.0  #: how long a cluster may be without any worker, for instance while its workers restart [s]


@final
class WorkerSeat(AbstractSeat):
    """One worker of the cluster, by its address; it is sent one task at a time, since a result it still holds
    is lost with it.
    """

    def __init__(self, client: Any, address: str, job: Job) -> None:
        super().__init__()
        self.client, self.address, self.job = client, address, job
        self.given_up = False

    def send(self, task: Task, finished: Finished) -> None:
        future = self.client.submit(
            measure, self.job, task, workers=[self.address], allow_other_workers=False, pure=False
        )
        self.flying[future] = task
        future.add_done_callback(lambda done: finished.put((self, done)))

    def outcome(self, future: Any) -> dict[str, Any] | None:
        from distributed import KilledWorker

        if future.status in ("cancelled", "lost"):
            return None
        try:
            return future.result(timeout=FETCH)
        except (KilledWorker, TimeoutError):
            return None

    def give_up(self) -> None:
        """Restart the worker, where a nanny can; it is sent no more tasks under this address."""
        with suppress(Exception):
            self.client.restart_workers([self.address], timeout=SILENCE, raise_for_error=False)
        self.given_up = True
        self.client.cancel(list(self.flying), force=True)


@final
class Cluster(AbstractCrew):
    """The workers of a scheduler; they may come and go."""

    def __init__(self, study: Study, data: str, address: str, *, timeout: float = 10.0) -> None:
        """ImportError without dask; ConnectionError where no scheduler or no worker answers in time;
        ValueError for workers with another memsim, or another source text of it.
        """
        try:
            from distributed import Client
        except ImportError:
            raise ImportError("--cluster needs dask: pip install 'memsim[cluster]'") from None
        self.address = address
        self.job = Job(study=replace(study), data=str(Path(data).resolve()))
        self.seats: list[WorkerSeat] = []
        self._last = time.monotonic()
        self._gone = set[str]()  # workers whose task took too long
        try:
            asyncio.run(asyncio.wait_for(_greet(address, timeout), timeout))
            self.client: Any = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, TypeError, asyncio.TimeoutError) as error:
            why = str(error) or f"silent for {timeout:g} s"
            raise ConnectionError(
                f"no scheduler answers at {address} ({why}): is it running "
                "(`dask scheduler`), and is this the address it printed?"
            ) from None
        try:
            self._check(timeout)
            self.look_round()
        except BaseException:
            self.client.close()
            raise

    def _check(self, timeout: float) -> None:
        """Every worker has this memsim, to the letter."""
        ours, workers = source(), self._present()
        if not workers:
            raise ConnectionError(f"the cluster at {self.address} has no workers: start some (`dask worker`)")
        asked = {worker: self.client.submit(source, workers=[worker], pure=False) for worker in workers}
        for worker, future in asked.items():
            try:
                theirs = future.result(timeout=timeout)
            except Exception as error:
                raise ValueError(
                    f"worker {worker} has no memsim {ours['memsim']} ({type(error).__name__}: {error}); "
                    "install it where the worker runs"
                ) from None
            if source_of(theirs) != source_of(ours):
                raise ValueError(
                    f"worker {worker} has memsim {source_of(theirs)}, this is {source_of(ours)}: their rows "
                    "do not mix; install the same memsim there, and start the worker again"
                )

    def _present(self) -> Any:
        """Return the workers there are; ConnectionError where the scheduler does not say so in time."""
        try:
            return self.client.sync(self.client.scheduler.ncores, callback_timeout=SILENCE)
        except Exception as error:
            raise ConnectionError(
                f"the scheduler at {self.address} is gone: {str(error) or f'silent for {SILENCE:g} s'}"
            ) from None

    def replace(self, seat: WorkerSeat) -> bool:
        self._gone |= {seat.address} if seat.given_up else set()
        if seat in self.seats:
            self.seats.remove(seat)
        return False

    def look_round(self) -> None:
        """ConnectionError where no worker was there for a minute, or no scheduler is any more."""
        self._gone |= {seat.address for seat in self.seats if seat.given_up}
        present = self._present().keys() - self._gone
        for seat in self.seats:
            if seat.address not in present:
                self.client.cancel(list(seat.flying), force=True)
        self.seats = [seat for seat in self.seats if seat.flying or seat.address in present]
        known = {seat.address for seat in self.seats}
        self.seats += [WorkerSeat(self.client, a, self.job) for a in present if a not in known]
        self._last = time.monotonic() if present else self._last
        if time.monotonic() - self._last > PATIENCE:
            raise ConnectionError(f"the cluster at {self.address} has had no worker for {PATIENCE:.0f} s")

    def close(self, *, now: bool) -> None:
        if now:
            for seat in self.seats:
                self.client.cancel(list(seat.flying), force=True)
        self.client.close()


async def _greet(address: str, timeout: float) -> None:
    """Shake hands with a scheduler and leave: dask's own time-out does not hold against a silent peer."""
    from distributed.comm.core import connect

    (await connect(address, timeout=timeout)).abort()
