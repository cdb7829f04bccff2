"""The benchmark of whole networks says what it compared; its times are nobody's test."""

import pytest

from memsim.studies.speed import bench_image


@pytest.mark.slow
def test_a_network_on_chips_beside_the_digital_one(monkeypatch):
    monkeypatch.setattr(bench_image, "CHIPS", 2)
    monkeypatch.setattr(bench_image, "IMAGES", 3)
    for network in ("s2tdpt-digits", "resnet18"):
        found = bench_image.image(network, repeats=1)
        assert (found["chips"], found["images"], found["threads"]) == (2, 3, 1)
        assert found["ratio"] == pytest.approx(found["ours [s]"] / found["other [s]"])
