"""Wear: devices fail by Weibull's law, stay failed, and stand where they are stuck."""

import math

import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.wear import Worn, pulse_wear
from tests.statistics import assert_mean

N = 200_000
OM = devices.get("reram-om")


def worn(cycles: float, **changes) -> Worn:
    return Worn.of(OM, **({"cycles": cycles, "endurance": 1e6, "shape": 1.5, "stuck_high": 0.3} | changes))


def failed(cell: Worn, shape=(N,)) -> torch.Tensor:
    return ~cell.fabricate(shape, rng=stream(0, "s"))["stuck"].isnan()


@pytest.mark.parametrize("cycles", [2e5, 8e5, 2e6])
@pytest.mark.parametrize("shape", [0.8, 2.0])
def test_the_failed_share_is_weibulls(cycles, shape):
    expected = 1 - math.exp(-((cycles / 1e6) ** shape))
    sigma = math.sqrt(expected * (1 - expected))
    assert_mean(failed(worn(cycles, shape=shape)).double(), expected, sigma=sigma)
    if 0.05 < expected < 0.9:
        with pytest.raises(AssertionError):
            assert_mean(failed(worn(1.06 * cycles, shape=shape)).double(), expected, sigma=sigma)


def test_a_chip_wears_monotonically_and_a_new_one_not_at_all():
    before = torch.zeros(N, dtype=torch.bool)
    for cycles in (0.0, 1e3, 3e5, 1e6, 5e6, 1e8):
        now = failed(worn(cycles))
        assert bool((now | ~before).all())
        assert cycles > 0 or not bool(now.any())
        before = now
    assert bool(before.all())


def test_stuck_cells_do_not_move_and_the_others_do_not_know():
    cell, at = worn(7e5), {"rng": stream(0, "n"), "image": range(2), "step": None}
    fabric, fresh = (c.fabricate((40, 50), rng=stream(0, "s")) for c in (cell, OM))
    n = torch.randint(-16, 17, (2, 1, 40, 50), generator=torch.Generator().manual_seed(0))
    w, alive = cell.rewrite(fabric, n, **at), fabric["stuck"].isnan()
    assert torch.equal(w[:, :, alive], OM.rewrite(fresh, n, **at)[:, :, alive])
    levels = w[:, :, ~alive]
    assert set(levels.unique().tolist()) == {-1.0, 1.0} and torch.equal(levels[0], levels[1])
    assert_mean((levels[0, 0] > 0).double(), 0.3)
    state = cell.pulse(cell.reset(fabric, rng=stream(0)), 3, 0, rng=stream(1))
    assert torch.equal(state.visible[~alive], levels[0, 0]) and torch.equal(state.w[~alive], levels[0, 0])


def test_a_pulse_wears_less_than_a_reset_and_more_of_a_range_wears_more():
    once = pulse_wear(OM, 16, 1.0)
    moved = OM.response(16).double()
    assert once == pytest.approx(float(moved[-1] - moved[0]) / 2 / 32, rel=1e-3)  # steps add up to the span
    assert 0 < pulse_wear(OM, 16, 2.0) < once < 1 == pulse_wear(OM, 16, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [{"endurance": 0.0}, {"shape": -1.0}, {"stuck_high": 1.5}, {"cycles": -1.0}, {"cycles": math.nan}],
)
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        worn(**({"cycles": 1.0} | wrong))
