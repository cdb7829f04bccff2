"""What every weight cell keeps, whatever its laws; a new preset is in it by its name."""

import math

import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from tests.statistics import assert_std

WEIGHT = [name for name in devices.names() if "weight" in devices.get(name).describe().kind]
EFFECTS = [(name, effect) for name in WEIGHT for effect in devices.get(name).effects]
PLACES = range(3)
N = 50_000
TIMES = (0.0, 1e-3, 1.0, 3600.0, 1e6)

pytestmark = pytest.mark.filterwarnings("ignore::memsim.devices.BeyondFit")


def targets(cell, *shape, dtype=torch.float32):
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return cell.g_min + (cell.g_max - cell.g_min) * x


def numbers(cell):
    """Everything a cell can be seen to do, with all its randomness."""
    state = cell.write(targets(cell, 3, 500), rng=stream(0, PLACES, "w"))
    reads = [cell.read(cell.relax(state, t)) for t in (0.0, 1e5)]
    return [*reads, cell.chord(reads[0], 0.3), torch.tensor(cell.read_noise)]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(numbers(one), numbers(other), strict=True))


def test_every_effect_of_a_weight_cell_is_one_of_these():
    known = {"programming", "drift", "relaxation", "flicker-noise", "read-noise", "iv-curve"}
    assert {effect for _, effect in EFFECTS} == known


@pytest.mark.parametrize("name", WEIGHT)
def test_it_stays_in_bounds_and_repeats_itself(name):
    cell = devices.get(name)
    rng, target = stream(0, PLACES, "w"), targets(cell, 3, 500)
    for t in TIMES:
        read = cell.read(cell.relax(cell.write(target, rng=rng), t, rng=rng), rng=rng)
        assert torch.equal(read, cell.read(cell.relax(cell.write(target, rng=rng), t, rng=rng), rng=rng))
        assert bool((read >= 0).all()) and float(read.max()) < 1.6 * cell.g_max
        assert bool((cell.chord(read, 0.2) >= 0).all())
        one = cell.write(target[1:2, :40], rng=stream(0, [1], "w"))  # another chip's order, part of an array
        assert torch.equal(cell.read(cell.relax(one, t)), read[1:2, :40])
    state = cell.write(target, rng=rng)
    assert torch.equal(cell.read(cell.relax(state, 0.0, rng=rng)), cell.read(state))
    assert torch.equal(
        cell.read(cell.relax(cell.relax(state, 1e5), 10.0)), cell.read(cell.relax(state, 10.0))
    )
    for t in (-1.0, math.nan):
        with pytest.raises(ValueError, match="time"):
            cell.relax(state, t)


@pytest.mark.parametrize(("name", "effect"), EFFECTS)
def test_it_says_whether_time_changes_it(name, effect):
    cell = devices.get(name).only(effect)
    state = cell.write(targets(cell, 3, 500), rng=stream(0, PLACES, "w"))
    reads = [cell.read(cell.relax(state, t)) for t in (1.0, 86400.0)]
    assert torch.equal(*reads) is not cell.ages


@pytest.mark.parametrize("name", WEIGHT)
def test_without_its_effects_it_is_ideal(name):
    cell = devices.get(name)
    ideal = cell.without(*cell.effects)
    target = targets(cell, 3, 500, dtype=torch.float64)
    state = ideal.write(target, rng=stream(0, PLACES, "w"))
    for t in TIMES:
        assert torch.equal(ideal.read(ideal.relax(state, t)), target)
    assert torch.equal(ideal.chord(target, 0.2), target) and ideal.read_noise == 0.0


@pytest.mark.parametrize("name", [name for name in WEIGHT if name != "ideal"])
def test_targets_outside_its_range_are_refused(name):
    cell = devices.get(name)
    for wrong, said in (
        (25.0, "microsiemens"),
        (-1e-6, "outside"),
        (math.nan, "outside"),
        (1.1 * cell.g_max, "outside"),
    ):
        with pytest.raises(ValueError, match=said):
            cell.write(torch.full((1,), wrong), rng=stream(0))
    with pytest.raises(ValueError, match="float tensor"):
        cell.write(torch.ones(1, dtype=torch.int32), rng=stream(0))


@pytest.mark.parametrize("name, effect", EFFECTS)
def test_strength_one_is_the_source_and_zero_is_off(name, effect):
    cell = devices.get(name)
    twice = cell.scaled({effect: 2})
    told = (cell.strength(effect), twice.strength(effect), twice.without(effect).strength(effect))
    assert told == (1, 2, 0) and all(twice.strength(e) == 1 for e in cell.effects if e != effect)
    assert twice.scaled({effect: 1}) == cell and hash(twice.scaled({effect: 1})) == hash(cell)
    assert same(cell.scaled({effect: 1.0}), cell) and not same(twice, cell)
    assert same(cell.scaled({effect: 0.0}), cell.without(effect)) and not cell.scaled({effect: 0}).on(effect)
    assert same(twice.without(effect), cell.without(effect))


def error(cell, effect):
    """What one effect does to a write of 0.6 of the range, a day later, in float64."""
    target = torch.full((N,), cell.g_min + 0.6 * (cell.g_max - cell.g_min), dtype=torch.float64)
    state = cell.write(target, rng=stream(0, "w"))
    if effect == "drift":
        return state.exponent
    if effect == "read-noise":
        return cell.read_noise * stream(0).normal((N,))
    if effect == "iv-curve":
        spread = targets(cell, N, dtype=torch.float64)
        return cell.chord(spread, 0.2) / spread - 1.0
    return cell.read(cell.relax(state, 86400.0)) / target - 1.0


@pytest.mark.parametrize("name, effect", EFFECTS)
def test_twice_the_strength_is_twice_the_error_with_the_same_draws(name, effect):
    cell = devices.get(name).only(effect)
    once, twice, five = (error(cell.scaled({effect: s}), effect) for s in (0.1, 0.2, 0.5))
    expected = 2 * float(once.std())
    assert torch.allclose(twice, 2 * once, rtol=1e-5, atol=1e-5 * expected)
    assert_std(five, 2.5 * expected)
    assert not torch.allclose(1.03 * twice, 2 * once, rtol=1e-3, atol=1e-3 * expected)


@pytest.mark.parametrize("name, effect", EFFECTS)
def test_an_effect_off_leaves_the_others_bits(name, effect):
    """Everything but the one effect off, then on again beside it: its numbers are its own."""
    cell = devices.get(name)
    rng, target = stream(0, "w"), targets(cell, 400, dtype=torch.float64)
    whole, without = cell.write(target, rng=rng), cell.without(effect).write(target, rng=rng)
    assert effect == "programming" or torch.equal(whole.programmed, without.programmed)
    if effect != "drift" and whole.exponent is not None:
        assert torch.equal(whole.exponent, without.exponent)
