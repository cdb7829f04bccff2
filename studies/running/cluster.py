"""Seats on a cluster: one for each worker of an existing dask.distributed scheduler."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from memsim.studies.running.rows import VERSION
from memsim.studies.running.seats import AbstractCrew, AbstractSeat, Finished, Job, measure, version
from memsim.studies.running.study import Study
from memsim.studies.running.task import Task

FETCH = 30.0  #: how long a finished result may take to arrive before its worker counts as lost [s]
PATIENCE = 60.0  #: how long a cluster may be without any worker, for instance while its workers restart [s]


@final
class WorkerSeat(AbstractSeat):
    """One worker of the cluster, by its address; it is sent one task at a time, since a result it still holds
    is lost with it.
    """

    def __init__(self, client: Any, address: str, job: Job) -> None:
        super().__init__()
        self.client, self.address, self.job = client, address, job

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


@final
class Cluster(AbstractCrew):
    """The workers of a scheduler; they may come and go."""

    def __init__(self, study: Study, data: str, address: str, *, timeout: float = 10.0) -> None:
        """ImportError without dask; ConnectionError where no scheduler or no worker answers; ValueError for
        workers with another memsim.
        """
        try:
            from distributed import Client
        except ImportError:
            raise ImportError("--cluster needs dask: pip install 'memsim[cluster]'") from None
        self.address = address
        self.job = Job(study=replace(study), data=str(Path(data).resolve()))
        self.seats: list[WorkerSeat] = []
        self._last = time.monotonic()
        try:
            self.client: Any = Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ConnectionError(
                f"no scheduler answers at {address} ({error}): is it running (`dask scheduler`), and is this "
                "the address it printed?"
            ) from None
        try:
            self._check(timeout)
            self.look_round()
        except BaseException:
            self.client.close()
            raise

    def _check(self, timeout: float) -> None:
        """Every worker has this memsim."""
        if not self.client.nthreads():
            raise ConnectionError(f"the cluster at {self.address} has no workers: start some (`dask worker`)")
        for worker, theirs in self.client.run(version, on_error="return").items():
            if theirs != VERSION:
                raise ValueError(
                    f"worker {worker} has no memsim {VERSION} ({theirs}); install it where the worker runs"
                )

    def replace(self, seat: WorkerSeat) -> bool:
        if seat in self.seats:
            self.seats.remove(seat)
        return False

    def look_round(self) -> None:
        """ConnectionError where no worker was there for a minute, or no scheduler is any more."""
        try:
            present = self.client.nthreads()
        except Exception as error:
            raise ConnectionError(f"the scheduler at {self.address} is gone: {error}") from None
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
