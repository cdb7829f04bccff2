"""No weight cell whose numbers are accepted gives NaN, a conductance below 0 or a negative spread; numbers
that cannot be are refused by their field's name.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memsim import devices
from memsim.devices.functions import CappedPower, ClippedLog, Polynomial
from memsim.devices.numerics.stream import stream
from memsim.devices.weights.effects import Drift, FittedRelaxation, LogRelaxation, RelativeFlicker, Spread
from memsim.devices.weights.pcm_weights import pcm_joshi2020
from memsim.devices.weights.weight_cell import WeightCell

HELD, LOST = Spread(Polynomial((0.1, 0.0)), 25.0), Spread(Polynomial((math.nan, 0.0)), 25.0)
number = st.floats(-5.0, 5.0)
positive = st.floats(1e-6, 1e3)
cells = st.fixed_dictionaries(
    {
        "g_max": st.floats(1e-9, 1e-2),
        "g_min": st.sampled_from([0.0, 1e-10, 1e-5]),
        "programming": st.builds(
            Spread, st.builds(Polynomial, st.tuples(number, number, number)), st.sampled_from([None, 25.0])
        ),
        "drift": st.builds(
            Drift,
            mean=st.builds(Polynomial, st.tuples(number, number)),
            spread=st.builds(ClippedLog, number, number, st.just(0.0), st.floats(0.0, 1.0)),
            t_0=positive,
        ),
        "relaxation": st.none() | st.builds(LogRelaxation, number, number, number),
        "flicker": st.none()
        | st.builds(
            RelativeFlicker,
            t_0=positive,
            t_read=st.floats(1e-9, 1e-3),
            fit=st.builds(CappedPower, number, st.floats(0.0, 2.0), positive),
        ),
        "read_noise_std": st.floats(-0.1, 1.1),
    }
)


@settings(max_examples=60, deadline=None)
@given(cells, st.sampled_from([0.0, 1.0, 1e5, 1e9]))
def test_what_validates_stays_finite_and_not_below_zero(fields, t):
    try:
        cell = WeightCell(name="made", technology="ReRAM", source="none", **fields)
    except ValueError as refusal:
        assert any(field in str(refusal) for field in fields)
        return
    target = torch.linspace(cell.g_min, cell.g_max, 300)
    read = cell.read(cell.relax(cell.write(target, rng=stream(0, "w")), t))
    assert bool(read.isfinite().all()) and bool((read >= 0).all())
    assert bool((cell.programming(target, cell.g_max) >= 0).all())  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"g_max": 25.0}, "g_max = 25 S .*microsiemens"),
        ({"g_max": 26e-6}, "g_max = 2.6e-05 S is above 2.5e-05 S, the highest its source measured"),
        ({"g_max": math.nan}, "g_max"),
        ({"g_min": -1e-6}, "g_min"),
        ({"g_min": 30e-6}, "g_min"),
        ({"read_noise_std": -0.01}, "read_noise_std"),
        ({"read_noise_std": math.nan}, "read_noise_std"),
        ({"programming": Spread(Polynomial((0.1, -1.0)), 25.0)}, "programming is -9e-07 at 2.5e-05 S"),
        ({"programming": Spread(Polynomial((math.inf, 1.0)), 25.0)}, "programming is inf"),
        ({"drift": Drift(Polynomial((0.05, 0.0)), Polynomial((-0.01, 0.0)), 20.0)}, "drift.spread"),
        ({"drift": Drift(Polynomial((0.05, 0.0)), Polynomial((0.01, 0.0)), 0.0)}, "drift.t_0"),
        ({"relaxation": LogRelaxation(math.nan, 0.0, 0.0)}, "relaxation"),
        (
            {"relaxation": FittedRelaxation((1.0, 1e2, 1e4, 1e5), (HELD, LOST, HELD, HELD))},
            "relaxation after 1 s",
        ),
        ({"flicker": RelativeFlicker(20.0, 0.0, CappedPower(0.01, 0.65, 0.2))}, "flicker.t_read"),
        ({"flicker": RelativeFlicker(20.0, 1e-6, CappedPower(-0.01, 0.65, 0.2))}, "flicker is"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_name(changes, said):
    with pytest.raises(ValueError, match=said):
        pcm_joshi2020(**changes)


@pytest.mark.parametrize("times", [(1.0,), (1.0, 1.0), (0.0, 1.0), (2.0, 1.0), (1.0, math.nan)])
def test_times_that_do_not_rise_are_refused(times):
    spread = Spread(Polynomial((0.1, 0.1)), 25.0)
    with pytest.raises(ValueError, match="times = "):
        FittedRelaxation(times, (spread,) * len(times))


@pytest.mark.parametrize("name", [n for n in devices.names() if isinstance(devices.get(n), WeightCell)])
def test_a_smaller_range_is_taken_and_a_larger_one_refused(name):
    from dataclasses import replace

    cell = devices.get(name)
    smaller = replace(cell, g_max=cell.g_min + 0.5 * (cell.g_max - cell.g_min))
    assert smaller.describe().high < cell.describe().high
    with pytest.raises(ValueError, match=f"{name}: g_max = .* is above"):
        replace(cell, g_max=1.01 * cell.g_top)
