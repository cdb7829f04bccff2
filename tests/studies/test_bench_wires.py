"""The benchmark of wires measures equal things under a known name; its times are nobody's test."""

import pytest

from memsim.studies.speed import bench, bench_wires, names


def test_names_are_those_of_the_benchmarks():
    assert tuple(dict.fromkeys(name.split()[0] for name in bench.BENCHES)) == names.NAMES


def test_both_paths_are_told_with_their_errors(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_wires, "SIDE", 16)
    monkeypatch.setattr(bench_wires, "ARRAYS", 2)
    monkeypatch.setattr(bench_wires, "JUDGES", tmp_path / "none")
    monkeypatch.setattr(bench_wires, "find_spec", lambda name: None)
    found = bench_wires.wires(repeats=1)
    assert found["methods"] == ["sweeps", "ladder"]
    assert "stored figure" in found["other"]
    assert found["ratio"] == pytest.approx(bench_wires.STORED * 2 / found["ours [s]"])
    errors = found["errors"]
    assert 0 < errors["fast"] < errors["fast, bound"] < errors["without wires"]
