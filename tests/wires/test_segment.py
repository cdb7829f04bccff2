"""Resistance and capacitance of segments, and settling of lines, against the exact answer to a step."""

import math

import numpy as np
import pytest

from memsim.wires.segment import Segment, elmore_delay, settling_time


@pytest.mark.parametrize(
    ("node", "side", "ohm", "femto"),
    [("45nm", 4, 0.70, 0.064), ("45nm", 2, 0.35, 0.032), ("22nm", 4, 1.56, 0.032)],
)
def test_segments_of_a_technology(node, side, ohm, femto):
    """Expected: NeuroSim 1.4's wires, .2 fF/um."""
    found = Segment.of(node, side=side)
    assert found.resistance == pytest.approx(ohm, rel=0.02)
    assert found.capacitance == pytest.approx(femto * 1e-15, rel=0.02)


def test_a_pitch_is_a_length():
    wide, narrow = Segment.of("45nm", pitch=640e-9), Segment.of("45nm")
    assert wide.resistance == pytest.approx(2 * narrow.resistance)  # 80 nm wide wires, four of them a cell


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"side": 4, "pitch": 1e-7}, "one of them"),
        ({"side": 0}, "above 0"),
        ({"pitch": 320.0}, "in metres"),
    ],
)
def test_lengths_that_cannot_be_are_refused(how, told):
    with pytest.raises(ValueError, match=told):
        Segment.of("45nm", **how)


@pytest.mark.parametrize("driver", [0.0, 1e3])
@pytest.mark.parametrize("share", [0.1, 2**-9])
def test_a_line_has_settled_by_its_settling_time_and_not_long_before(driver, share):
    """The exact answer of the ladder to a step, by the eigenvalues of its matrix."""
    segment, cells, load = Segment(1.5, 3e-17), 64, 1e-16
    each = segment.capacitance + load
    g = 1 / segment.resistance
    matrix = np.diag([2 * g] * (cells - 1) + [g]) - g * (np.eye(cells, k=1) + np.eye(cells, k=-1))
    matrix[0, 0] = g + 1 / (segment.resistance + driver)
    rates, modes = np.linalg.eigh(matrix / each)
    weights = modes[-1] * modes.sum(0)  # all nodes begin one volt away from the end

    def left(time):
        return float(weights @ np.exp(-rates * time))

    time = settling_time(segment, cells, share=share, driver=driver, load=load)
    assert 0 < left(time) <= share < left(0.7 * time)


def test_the_elmore_delay_is_the_first_moment():
    segment = Segment(2.0, 1e-16)
    alone = sum(k * 2.0 * 1e-16 for k in range(1, 33))
    assert elmore_delay(segment, 32) == pytest.approx(alone)
    assert elmore_delay(segment, 32, driver=100.0) == pytest.approx(alone + 100.0 * 32 * 1e-16)
    with pytest.raises(ValueError, match="between 0 and 1"):
        settling_time(segment, 32, share=math.inf)
