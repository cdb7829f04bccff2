"""Kernels and processes: a forked worker is refused in words, a spawned one works."""

import multiprocessing
from queue import Queue

import pytest

from memsim.devices import stream


def draw(answers: "Queue[str]") -> None:
    try:
        answers.put(str(stream(0).normal((3,)).shape))
    except Exception as error:
        answers.put(f"{type(error).__name__}: {error}")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    "way, answer",
    [("fork", "RuntimeError: kernels cannot run in a forked process"), ("spawn", "torch.Size([3])")],
)
def test_a_worker_draws_or_says_why_not(way: str, answer: str) -> None:
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {way} on this system")
    stream(0).normal((3,))  # the parent's threads are there
    context = multiprocessing.get_context(way)
    answers = context.Queue()
    worker = context.Process(target=draw, args=(answers,), daemon=True)
    worker.start()
    try:
        assert answers.get(timeout=60).startswith(answer)
    finally:
        worker.join(timeout=10)
        worker.kill()
