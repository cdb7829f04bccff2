"""The benchmark of programming counts every device and sees what a process holds; its times are nobody's
test.
"""

import sys

import pytest

from memsim.studies.speed import bench_program


@pytest.mark.slow
def test_devices_and_memory_of_a_network(monkeypatch):
    """squeezenet1_1 has 1,231,552 weights; a chip holds a difference and a sum for each pair: one copy."""
    monkeypatch.setattr(bench_program, "SIDE", 512)
    found = bench_program.program(repeats=1, net="squeezenet1_1")
    assert found["devices"] == 2 * 1231552
    assert found["ratio"] == pytest.approx(found["ours [s]"] / found["other [s]"])
    if sys.platform == "linux":
        assert found["memory"] > 0.9
