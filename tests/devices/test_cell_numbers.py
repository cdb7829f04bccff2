"""Whatever numbers a pulsed cell accepts, its states are numbers within its devices' bounds."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.exponential_pulses import ExponentialPulsesCell
from memsim.devices.pulses.exponential_step import ExponentialStepCell
from memsim.devices.pulses.neurosim import NeuroSimCell
from memsim.devices.pulses.piecewise_step import PiecewiseStepCell
from memsim.devices.pulses.population import Population
from memsim.devices.pulses.power_step import PowerStepCell
from tests.devices.pulsed_cells import cell_of

SMALL, SHARE = st.sampled_from([0.0, 1e-3, 0.3, 2.0]), st.floats(0, 1)
TOLD = {"name": "made", "technology": "test", "source": "hypothesis"}


@st.composite
def populations(draw):
    w_max, w_min = draw(st.floats(0, 1e3)), draw(st.floats(-1e3, 0))
    reach = w_max - w_min
    if reach < 1e-3:
        w_max, reach = 1.0, 1.0 - w_min
    return Population(
        dw_min=draw(st.sampled_from([1e-6, 1e-3, 0.1, 1.0])) * reach, dw_min_dtod=draw(SMALL),
        dw_min_dtod_log_normal=draw(st.booleans()), up_down=draw(st.floats(-1, 1)), up_down_dtod=draw(SMALL),
        w_max=w_max, w_min=w_min, w_max_dtod=draw(SMALL), w_min_dtod=draw(SMALL),
        reset=w_min + draw(SHARE) * (w_max - w_min), reset_dtod=draw(SHARE) * reach,
    )  # fmt: skip


@st.composite
def cells(draw):
    population = draw(populations())
    common = TOLD | {
        "population": population, "n_max": draw(st.integers(1, 100)), "write_noise_std": 0.0,
        "reset_std": draw(SHARE) * population.reach,
        "dw_min_std": draw(st.sampled_from([0.0, 0.3, 5.0, 100.0])),
    }  # fmt: skip
    curve = {"a": draw(st.sampled_from([-1, 1])) * draw(st.floats(0.2, 2)), "b": draw(st.floats(-2, 2))}
    curve |= {key: draw(st.floats(0.05, 13)) for key in ("gamma_up", "gamma_down")}
    curve |= {key: draw(st.floats(-100, 100)) for key in ("A_up", "A_down")}
    gamma, nodes = st.floats(0, 10), st.lists(st.floats(0, 10), min_size=4, max_size=4)
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return AffineCell(
            gamma_up=draw(gamma), gamma_down=draw(gamma), gamma_up_dtod=draw(SMALL),
            gamma_down_dtod=draw(SMALL),
            mean_bound_reference=draw(st.booleans()), mult_noise=draw(st.booleans()), **common,
        )  # fmt: skip
    if kind == 1:
        return AffineCell(
            mult_noise=draw(st.booleans()), reference_std=draw(SHARE) * population.reach,
            subtract_symmetry_point=draw(st.booleans()), **common,
        )  # fmt: skip
    if kind == 2:
        return ExponentialStepCell(**common | curve)
    if kind == 3:
        return ExponentialPulsesCell(
            dw_min_std_add=draw(SMALL), dw_min_std_slope=draw(SMALL), **common | curve
        )
    if kind == 4:
        return PowerStepCell(
            pow_gamma=draw(gamma), pow_gamma_dtod=draw(SMALL), pow_up_down=draw(st.floats(-1, 1)),
            pow_up_down_dtod=draw(SMALL), **common,
        )  # fmt: skip
    return PiecewiseStepCell(piecewise_up=tuple(draw(nodes)), piecewise_down=tuple(draw(nodes)), **common)


@st.composite
def neurosim(draw):
    label = st.floats(-9, 9)
    return NeuroSimCell(
        g_max=10 ** draw(st.floats(-9, -3)), on_off=draw(st.floats(1.01, 1e4)),
        levels=draw(st.integers(2, 300)), up=draw(label), down=draw(label), c2c=draw(SHARE), n_max=10, **TOLD,
    )  # fmt: skip


def assert_within_bounds(cell):
    fabric = cell.fabricate((256,), rng=stream(0, "spread"))
    n = torch.tensor([0, 1, 2, 7, 64, *([] if cell.one_sided else [-1, -2, -7, -64])]).reshape(-1, 1, 1)
    w = cell.rewrite(fabric, n.expand(-1, 1, 256), rng=stream(0, "n"), image=range(len(n)), step=None)[:, 0]
    assert bool(torch.isfinite(w).all())
    low, high = fabric["min_bound"], fabric["max_bound"]
    reference = fabric.values.get("reference", torch.zeros_like(high))
    room = 1e-5 * (high.abs() + low.abs() + reference.abs()) + 1e-20
    assert bool(((w[0] <= high + room) & (w[0] >= low - room)).all())
    u = w[1:] + reference
    assert bool(((u <= high + room) & (u >= low - room)).all())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cell=cells() | neurosim())
def test_numbers_that_are_accepted_give_numbers_within_bounds(cell):
    assert_within_bounds(cell)


BAD = [math.nan, math.inf, -math.inf, -1e9, 1e9]
FIELDS = [
    *[("soft-bounds", field) for field in ("gamma_up", "gamma_down_dtod", "dw_min_std", "write_noise_std")],
    *[("reference", field) for field in ("reference_mean", "reference_std", "reset_std")],
    *[("exponential", field) for field in ("a", "b", "gamma_up", "A_down", "dw_min_std", "reset_std")],
    *[("exponential-complex", field) for field in ("dw_min_std_add", "dw_min_std_slope")],
    *[("power", field) for field in ("pow_gamma", "pow_gamma_dtod", "pow_up_down", "pow_up_down_dtod")],
    *[("fefet-jerry2017", field) for field in ("g_max", "on_off", "levels", "up", "down", "c2c", "n_max")],
]


@pytest.mark.parametrize("name, field", FIELDS)
def test_numbers_that_cannot_be_are_refused_by_name(name, field):
    for value in BAD:
        with pytest.raises(ValueError, match=rf"\b{field}="):
            replace(cell_of(name), **{field: value})


@pytest.mark.parametrize("field", [
    "dw_min", "dw_min_dtod", "up_down", "up_down_dtod", "w_max", "w_min", "w_max_dtod", "w_min_dtod",
    "reset", "reset_dtod",
])  # fmt: skip
def test_a_population_that_cannot_be_is_refused_by_name(field):
    population = devices.get("reram-om").population
    for value in BAD:
        with pytest.raises(ValueError, match=rf"\b{field}="):
            replace(population, **{field: value})


def test_curves_that_cannot_be_are_refused():
    cell = cell_of("piecewise")
    for nodes in ((1.0,), (1.0, -0.1, 1.0), (1.0, np.nan, 1.0)):
        with pytest.raises(ValueError, match="piecewise_up="):
            replace(cell, piecewise_up=nodes)
    with pytest.raises(ValueError, match="equally many"):
        replace(cell, piecewise_up=(1.0, 1.0))
    with pytest.raises(ValueError, match="no range"):
        replace(devices.get("reram-om").population, w_max=0.0, w_min=0.0, reset=0.0)
    with pytest.raises(ValueError, match="is constant"):
        replace(cell_of("exponential"), gamma_up=0.0)
