"""Counts from a shape alone are those of a run of that shape."""

import dataclasses

import pytest
import torch

from memsim import models
from memsim.energy.digital_work import DigitalWork
from memsim.energy.work import SPIKES, Attention, Matrix
from memsim.models.networks import s2tdpt_counts as counts
from memsim.models.registry import configure


@pytest.mark.parametrize("network", ["s2tdpt-digits", "s2tdpt-fashion"])
def test_shapes_are_those_of_the_network(network):
    net = models.build(network).eval()
    with torch.no_grad(), DigitalWork(net) as watched:
        net(torch.rand(2, *net.config.in_shape))
    run = {(w.name, getattr(w, "event", "")): _shape(w) for w in watched.works}
    made = {(w.name, getattr(w, "event", "")): _shape(w) for w in counts.works(net.config, 0.1)}
    assert made == run


def _shape(work) -> dict:
    """All fields but those that grow with the spike rate."""
    left = {"name", *SPIKES.get(type(work), ())}
    return {name: value for name, value in dataclasses.asdict(work).items() if name not in left}


def test_a_rate_is_a_rate():
    works = counts.works(configure("s2tdpt-4-384"), 0.146)
    assert {round(w.rate, 12) for w in works if isinstance(w, Matrix) and w.spikes} == {0.146}
    full = {w.name: w for w in counts.works(configure("s2tdpt-digits"), 1.0)}
    conv = full["patches.stages.0.conv"]
    assert conv.drives < conv.positions * conv.passes * conv.rows  # the edge sees less
    with pytest.raises(ValueError, match="between 0 and 1"):
        counts.works(configure("s2tdpt-digits"), 14.6)


def test_the_papers_network():
    """921.5 M multiply-accumulates, 9.28 M weights (9.32 M parameters with norms and biases), 786,432
    attention writes an image with 12 heads.
    """
    works = counts.works(configure("s2tdpt-4-384"), 0.146)
    matrices = [w for w in works if isinstance(w, Matrix)]
    assert sum(m.dense for m in matrices) == pytest.approx(921.45e6, rel=1e-4)
    assert sum(m.rows * m.columns for m in matrices) == 9_281_040
    writes = sum(w.pairs for w in works if isinstance(w, Attention))
    assert writes == 786_432
    micro = [1e6 * writes * pico * 1e-12 for pico in (1, 100, 1000)]
    assert micro == pytest.approx([0.8, 79, 786], rel=0.02)
