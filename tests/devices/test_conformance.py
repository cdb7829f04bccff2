"""What every preset keeps, whatever its law; weight cells go on in test_weight_conformance.py."""

import json
import math
from itertools import pairwise

import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from tests.statistics import assert_same_std, assert_std

#: what a preset must say of itself: kind, unit, pulses of a full write, states (to 3 digits), up only
EXPECTED = {
    "ideal": ("weight, pulsed", "1", 16, math.inf, False),
    "pcm-hermes2023-1": ("weight", "S", 0, math.inf, False),
    "pcm-hermes2023-2": ("weight", "S", 0, math.inf, False),
    "pcm-joshi2020": ("weight", "S", 0, math.inf, False),
    "reram-cmo-falcone2025-0.2pct": ("weight", "S", 0, math.inf, False),
    "reram-cmo-falcone2025-2pct": ("weight", "S", 0, math.inf, False),
    "reram-milo2021": ("weight", "S", 0, math.inf, False),
    "reram-wan2022": ("weight", "S", 0, math.inf, False),
    "capacitor-li2018": ("pulsed", "1", 16, 400, False),
    "ecram-li": ("pulsed", "1", 16, 1000, False),
    "ecram-mo": ("pulsed", "1", 64, 7090, False),
    "fefet-jerry2017": ("pulsed", "S", 11, 32, False),
    "pcm-kuzum2011": ("pulsed", "S", 28, 100, False),
    "pcm-nandakumar2018": ("pulsed", "S", 16, 22.3, True),
    "pcm-nandakumar2020": ("pulsed", "1", 16, 200, True),
    "reram-choi2018": ("pulsed", "S", 35, 64, False),
    "reram-es": ("pulsed", "1", 64, 1480, False),
    "reram-hfo2": ("pulsed", "1", 4, 4.33, False),
    "reram-jo2010": ("pulsed", "S", 69, 97, False),
    "reram-om": ("pulsed", "1", 16, 21.1, False),
    "reram-park2013": ("pulsed", "S", 40, 50, False),
    "reram-sb": ("pulsed", "1", 256, 1000, False),
    "reram-woo2016": ("pulsed", "S", 22, 40, False),
    "reram-wu2018": ("pulsed", "S", 64, 128, False),
    "rpu-gokmen2016": ("pulsed", "1", 64, 1250, False),
    "rpu-idealized": ("pulsed", "1", 256, 10_000, False),
}

CELLS = devices.names()
PULSED = [name for name in CELLS if devices.get(name).describe().kind == "pulsed"]
EFFECTS = [(name, effect) for name in PULSED for effect in devices.get(name).effects]
PLACES, SHAPE = range(3), (20, 30)
N = 50_000


def fabric_of(cell, seed=0, shape=SHAPE):
    return cell.fabricate(shape, rng=stream(seed, PLACES, "spread"))


def counts(cell, images=4, steps=3, seed=0, shape=SHAPE):
    low = 0 if cell.one_sided else -cell.n_max
    generator = torch.Generator().manual_seed(seed)
    size = (len(PLACES), images, steps, *shape)
    return torch.randint(low, cell.n_max + 1, size, generator=generator, dtype=torch.int16)


@pytest.mark.parametrize("name", CELLS)
def test_it_says_what_it_is(name):
    cell = devices.get(name)
    told = cell.describe()
    assert told.name == name and told.source and name in told.line and told.technology in told.line
    assert name in EXPECTED, f"{name}: say what it must be in EXPECTED"
    states = float(f"{told.states:.3g}")
    assert (told.kind, told.unit, told.n_max, states, told.one_sided) == EXPECTED[name]
    assert told.low < told.high and told.states > 1
    assert devices.get(name.upper()) is cell
    assert json.dumps(told.unsupported)


@pytest.mark.parametrize("name", CELLS)
def test_unsupported_verbs_say_why(name):
    cell = devices.get(name)
    calls = {
        "write": lambda: cell.write(torch.zeros(1), rng=stream(0)),
        "pulse": lambda: cell.pulse(None, 1, 0, rng=stream(0)),
        "relax": lambda: cell.relax(None, 1.0),
    }
    for verb, reason in cell.describe().unsupported.items():
        with pytest.raises(devices.Unsupported, match=verb) as error:
            calls[verb]()
        assert reason in str(error.value)


@pytest.mark.parametrize("name", CELLS)
def test_effects_switch_off_by_name_only(name):
    cell = devices.get(name)
    for effect in cell.effects:
        other = cell.without(effect)
        assert (
            cell.on(effect) and not other.on(effect) and all(other.on(e) for e in cell.effects if e != effect)
        )
        assert [e for e in cell.effects if cell.only(effect).on(e)] == [effect]
    with pytest.raises(ValueError, match="no effect 'rust'"):
        cell.without("rust")


def numbers(cell):
    """Everything a cell can be seen to do, with all its randomness."""
    fabric = fabric_of(cell)
    w = cell.rewrite(fabric, counts(cell), rng=stream(0, PLACES, "n"), image=range(4), step=range(3))
    return [*fabric.values.values(), w]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(numbers(one), numbers(other), strict=True))


@pytest.mark.parametrize("name, effect", EFFECTS)
def test_strength_one_is_the_source_and_zero_is_off(name, effect):
    cell = devices.get(name)
    twice = cell.scaled({effect: 2})
    assert (cell.strength(effect), twice.strength(effect), twice.without(effect).strength(effect)) == (
        1,
        2,
        0,
    )
    assert all(twice.strength(e) == 1 for e in cell.effects if e != effect)
    assert twice.scaled({effect: 1}) == cell and hash(twice.scaled({effect: 1})) == hash(cell)
    assert same(cell.scaled({effect: 1.0}), cell) and not same(twice, cell)
    assert same(cell.scaled({effect: 0.0}), cell.without(effect)) and not cell.scaled({effect: 0}).on(effect)
    assert same(twice.without(effect), cell.without(effect))


@pytest.mark.parametrize("name", CELLS)
def test_strengths_that_cannot_be_are_refused(name):
    cell = devices.get(name)
    with pytest.raises(ValueError, match="no effect 'rust'"):
        cell.scaled({"rust": 2.0})
    for factor in (-0.1, 10.1, math.nan, math.inf):
        for effect in cell.effects:
            with pytest.raises(ValueError, match=f"{effect}.*0 to 10"):
                cell.scaled({effect: factor})


def error(cell, effect):
    """What one effect does to a reset, in float64."""
    fabric, rest = cell.fabricate((N,), rng=stream(0, "s")), torch.zeros(1, 1, N)
    held = [
        one.rewrite(fabric, rest, rng=stream(0, "n"), image=None, step=None).double().flatten()
        for one in (cell, cell.without(effect))
    ]
    return held[0] - held[1]


LINEAR = [(name, effect) for name, effect in EFFECTS if effect not in ("cycle-noise", "device-spread")]


@pytest.mark.parametrize("name, effect", LINEAR)
def test_twice_the_strength_is_twice_the_error_with_the_same_draws(name, effect):
    """The effect alone, so weak that nothing clips."""
    cell = devices.get(name).only(effect)
    once, twice = (error(cell.scaled({effect: strength}), effect) for strength in (0.1, 0.2))
    expected = 2 * float(once.std())
    assert torch.allclose(twice, 2 * once, rtol=1e-3, atol=1e-3 * expected)
    assert_std(twice, expected)
    assert_std(error(cell, effect), 5 * expected, rel=0.15 if name == "pcm-nandakumar2020" else 0.0)  # clips
    with pytest.raises(AssertionError):
        assert_std(1.03 * twice, expected)


@pytest.mark.parametrize("name", [name for name, effect in EFFECTS if effect == "device-spread"])
def test_the_spread_of_devices_is_linear_in_a_small_strength(name):
    """Every device value, reference and symmetry point included, moves by its slope."""
    cell = devices.get(name)
    nominal = cell.without("device-spread").fabricate((N,), rng=stream(0, "s")).values
    once, twice = (
        cell.scaled({"device-spread": s}).fabricate((N,), rng=stream(0, "s")) for s in (0.02, 0.04)
    )
    moved = 0
    for value, start in nominal.items():
        deviation = (once[value].double() - start, twice[value].double() - start)
        expected = 2 * float(deviation[0].std())
        if expected > 1e-5:
            moved += 1
            assert_std(deviation[1], expected)
            with pytest.raises(AssertionError):
                assert_std(1.03 * deviation[1], expected)
    assert moved >= 2


@pytest.mark.parametrize("name", PULSED)
def test_a_pulsed_cell_stays_within_its_devices_bounds(name):
    cell = devices.get(name)
    quiet = cell.without(*({"write-noise", "read-noise"} & set(cell.effects)))
    fabric = fabric_of(quiet)
    w = quiet.rewrite(fabric, counts(cell), rng=stream(0, PLACES), image=range(4), step=range(3))
    high = fabric["max_bound"] * (1e-6 if name == "pcm-nandakumar2018" else 1.0)  # its law is in microsiemens
    low = fabric["min_bound"] if "min_bound" in fabric.values else torch.zeros_like(high)
    reference = fabric["reference"] if "reference" in fabric.values else torch.zeros_like(high)
    moved = counts(cell) != 0
    room = 1e-6 * float(high.max())
    above = w + reference[:, None, None] > high[:, None, None] + room
    below = w + reference[:, None, None] < low[:, None, None] - room
    assert not bool(((above | below) & moved).any())


@pytest.mark.parametrize("name", PULSED)
def test_same_stream_same_bits_whatever_the_batch(name):
    cell = devices.get(name)
    fabric, n, rng = fabric_of(cell), counts(cell), stream(7, PLACES, "noise")
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        whole = cell.rewrite(fabric, n, rng=rng, image=[5, 6, 7, 8], step=range(3))
        torch.set_num_threads(1)
        alone = cell.rewrite(fabric, n, rng=rng, image=[5, 6, 7, 8], step=range(3))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(alone, whole)
    assert torch.equal(whole, cell.rewrite(fabric, n, rng=rng, image=[5, 6, 7, 8], step=range(3)))
    order = [2, 0, 3]
    part = cell.rewrite(fabric, n[:, order][:, :, 1:2], rng=rng, image=[7, 5, 8], step=[1])
    assert torch.equal(part, whole[:, order][:, :, 1:2])
    one = cell.rewrite(fabric.take((1,)), n[1], rng=stream(7, 1, "noise"), image=[5, 6, 7, 8], step=range(3))
    assert torch.equal(one, whole[1])
    assert not torch.equal(
        whole[:, :, 0], cell.rewrite(fabric, n, rng=rng, image=range(4), step=range(3))[:, :, 0]
    )


@pytest.mark.parametrize("name", PULSED)
def test_a_cell_does_not_see_its_neighbours_pulses(name):
    """One write of a block, its cells told more, fewer or no pulses, but for every third cell."""
    cell = devices.get(name)
    fabric, rng = fabric_of(cell), stream(1, PLACES, "write")
    pulses, others = counts(cell, images=1, steps=1), counts(cell, images=1, steps=1, seed=1)
    others.flatten()[::3] = pulses.flatten()[::3]
    assert not torch.equal(pulses, others)
    a, b = (cell.rewrite(fabric, n, rng=rng, image=[5], step=[2]) for n in (pulses, others))
    assert torch.equal(a.flatten()[::3], b.flatten()[::3])


@pytest.mark.parametrize("name", PULSED)
def test_an_effect_off_leaves_the_other_bits(name):
    """Without pulses only reset and read-out noise are left, and each keeps its numbers alone."""
    cell = devices.get(name)
    cell = cell.without(*({"device-spread"} & set(cell.effects)))
    fabric = fabric_of(cell)
    rest = torch.zeros(3, 1, 1, *SHAPE)

    def visible(one):
        return one.rewrite(fabric, rest, rng=stream(7, PLACES), image=None, step=None).double()

    read_out = {"write-noise", "read-noise"} & set(cell.effects)
    ideal, both = visible(cell.without("reset-noise", *read_out)), visible(cell)
    reset = visible(cell.without(*read_out)) - ideal
    assert float(reset.abs().max()) > 0
    for effect in read_out:
        alone = visible(cell.without("reset-noise")) - ideal
        if effect == "write-noise":
            assert torch.allclose(reset + alone, both - ideal, atol=1e-6)
    assert torch.equal(visible(cell.without("cycle-noise")), both)


@pytest.mark.parametrize("name", PULSED)
def test_a_reset_forgets_and_a_pulse_potentiates(name):
    cell = devices.get(name)
    fabric = cell.fabricate((20_000,), rng=stream(0, "spread"))
    state = cell.reset(fabric, rng=stream(0, "reset"))
    means = [float(state.w.double().mean())]
    for k in range(6):
        state = cell.pulse(state, -(-cell.n_max // 8), 0, rng=stream(0, "pulse", k))
        means.append(float(state.w.double().mean()))
    fixed = float(cell.pulse(state, 20 * cell.n_max, 0, rng=stream(0, "on")).w.double().mean())
    error = 5 * float(state.w.double().std()) / 20_000**0.5
    assert all(b >= min(a, fixed) - error for a, b in pairwise(means))
    assert means[-1] > means[0] + error
    again = cell.reset(fabric, rng=stream(0, "reset"))
    assert float(again.w.double().mean()) == means[0]
    assert torch.equal(cell.read(again), again.visible)


@pytest.mark.parametrize("name", PULSED)
def test_the_verbs_and_the_whole_stack_agree_on_a_reset(name):
    cell = devices.get(name)
    fabric, rng = fabric_of(cell), stream(0, PLACES, "r")
    rest = torch.zeros(3, 1, 1, *SHAPE)
    stack = cell.rewrite(fabric, rest, rng=rng, image=None, step=None)
    assert torch.equal(cell.read(cell.reset(fabric, rng=rng)), stack[:, 0, 0])


@pytest.mark.parametrize("name", PULSED)
def test_pulses_that_do_not_fit_are_refused(name):
    cell = devices.get(name)
    fabric, n = fabric_of(cell), counts(cell)
    with pytest.raises(ValueError, match="do not fit"):
        cell.rewrite(fabric, n, rng=stream(0, PLACES), image=range(3), step=range(3))
    with pytest.raises(ValueError, match="do not fit"):
        cell.rewrite(fabric, n, rng=stream(0, range(2)), image=range(4), step=range(3))
    state = cell.reset(fabric, rng=stream(0, PLACES))
    with pytest.raises(ValueError, match="negative"):
        cell.pulse(state, -1, 0, rng=stream(0, PLACES))
    if cell.one_sided:
        with pytest.raises(devices.Unsupported, match="only ever raises"):
            cell.rewrite(fabric, -n, rng=stream(0, PLACES), image=range(4), step=range(3))
        with pytest.raises(devices.Unsupported, match="only ever raises"):
            cell.pulse(state, 0, 1, rng=stream(0, PLACES))


@pytest.mark.parametrize("name", PULSED)
def test_pulses_are_independent_of_the_reset_before_them_under_one_stream(name):
    cell = devices.get(name)
    cell = cell.without("device-spread") if "device-spread" in cell.effects else cell
    rng, other = stream(0, PLACES, "one"), stream(0, PLACES, "other")
    begun = cell.reset(fabric_of(cell, shape=(N,)), rng=rng)
    same, apart = (cell.pulse(begun, 4, 0, rng=r).w.double() for r in (rng, other))
    assert_same_std(same, apart)
