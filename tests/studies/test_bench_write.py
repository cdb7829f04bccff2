"""The programming benchmark measures two sides that write the same law; its times are nobody's test."""

import pytest

from memsim.studies.speed import bench_write


def test_both_sides_write_as_many_devices_with_the_same_spread(monkeypatch):
    monkeypatch.setattr(bench_write, "SIDE", 512)
    found = bench_write.write(repeats=1)
    assert found["devices"] == 512 * 512
    assert found["ratio"] == pytest.approx(found["other [s]"] / found["ours [s]"])
    assert found["ours [devices/s/core]"] == pytest.approx(512 * 512 / found["ours [s]"])
    assert found["statistics"]["spread_ratio"] == pytest.approx(1.0, abs=0.02)  # 5e4 devices: 0.6 %, twice
