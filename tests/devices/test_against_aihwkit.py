"""Pulsed presets against aihwkit's compiled tiles: the same devices on both sides, n pulses from reset.

A CPU tile of aihwkit draws its noise from a list of some 3e4 normals that it goes through again and again,
so the mean of one large tile scatters many standard errors from run to run. Hence many small tiles, each
with a list of its own, and standard errors from the scatter between tiles. Lists are seeded by the clock:
these tests are random each time, at 5 standard errors. A device with steps or noise 3 % wrong is rejected
by the same checks.
"""

from dataclasses import replace

import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.bridge import TileArray
from tests.devices.pulsed_cells import CLASSES, TILED, cell_of
from tests.statistics import assert_mean, assert_same_law, assert_same_mean, assert_same_std

TILES, SHAPE = 200, (20, 25)  # 1e5 cells
RUNS = [
    ("reram-om", 1), ("reram-om", 4), ("reram-om", 16), ("reram-om", 64), ("reram-om", -4), ("reram-om", -16),
    ("reram-es", 4), ("reram-es", 64), ("reram-es", -64),
    ("ecram-li", 1), ("ecram-li", 16), ("ecram-li", 64), ("ecram-li", -16),
    ("pcm-nandakumar2020", 1), ("pcm-nandakumar2020", 4), ("pcm-nandakumar2020", 16),
]  # fmt: skip


def tiled(cell, fabric, n):
    """What aihwkit tiles with these devices hold after n pulses from reset, (tiles, cells)."""
    held = []
    for place in range(fabric.places[0]):
        device = CLASSES.get(cell.name)
        tile = TileArray(cell, fabric, (place,), n_max=max(cell.n_max, abs(n)), device=device)
        tile.reset()
        tile.write(torch.full(SHAPE, float(n)))
        held.append(tile.weights().flatten())
    return torch.stack(held).double()


def ours(cell, fabric, n):
    counts = torch.full((*fabric.places, 1, 1, *SHAPE), n)
    rng = stream(2, range(fabric.places[0]), "noise")
    return cell.rewrite(fabric, counts, rng=rng, image=None, step=None).flatten(1).double()


def fabricate(cell, tiles=TILES):
    return cell.fabricate(SHAPE, rng=stream(1, range(tiles), cell.name))


def assert_means_agree(fast, slow):
    """Device by device: stricter than the means of two populations."""
    assert_mean((fast - slow).mean(1), 0.0)


def assert_spreads_agree(fast, slow, rel=0.01):
    """Standard deviations within 1 % (or rel) or 5 standard errors, whichever is wider."""
    difference = ((fast - fast.mean()) ** 2 - (slow - slow.mean()) ** 2).mean(1)
    assert_mean(difference, 0.0, floor=2 * rel * float(slow.var()))


def assert_law_of_the_tile(name, n):
    cell = cell_of(name)
    fabric = fabricate(cell)
    fast, slow = ours(cell, fabric, n), tiled(cell, fabric, n)
    assert_means_agree(fast, slow)
    # "reference": a few devices that it puts outside their bounds, where the tile clips first
    assert_spreads_agree(fast, slow, rel=0.015 if name == "reference" else 0.01)
    assert_same_law(fast, slow, floor=0.01)


@pytest.mark.parametrize("name, n", RUNS)
def test_mean_and_spread_are_those_of_the_tile(name, n):
    assert_law_of_the_tile(name, n)


@pytest.mark.exhaustive
@pytest.mark.parametrize("n", [1, 4, 16, 64, -1, -4, -16, -64])
@pytest.mark.parametrize("name", [*TILED, *CLASSES])
def test_every_law_is_that_of_its_tile(name, n):
    if cell_of(name).one_sided and n < 0:
        pytest.skip("moves up only")
    assert_law_of_the_tile(name, n)


@pytest.mark.parametrize(
    "name, n", [("reram-om", 4), ("reram-es", 64), ("ecram-li", 16), ("pcm-nandakumar2020", 4)]
)
def test_steps_three_per_cent_wrong_are_rejected(name, n):
    cell = devices.get(name)
    cell = cell.without(*({"write-noise"} & set(cell.effects)))
    fabric = fabricate(cell, 2 * TILES)
    slow = tiled(cell, fabric, n)
    assert_means_agree(ours(cell, fabric, n), slow)
    steps = ("dwmin_up", "dwmin_down", "slope_up", "slope_down")
    wrong = {name: value * (1.03 if name in steps else 1.0) for name, value in fabric.values.items()}
    with pytest.raises(AssertionError, match="mean"):
        assert_means_agree(ours(cell, cell.assemble(wrong, fabric.places), n), slow)


@pytest.mark.parametrize("name, n, noise", [
    ("reram-om", 1, "write_noise_std"), ("reram-om", 4, "dw_min_std"), ("reram-es", 1, "write_noise_std"),
    ("ecram-li", 1, "reset_std"), ("ecram-li", 16, "dw_min_std"), ("pcm-nandakumar2020", 4, "dw_min_std"),
])  # fmt: skip
def test_noise_three_per_cent_wrong_is_rejected(name, n, noise):
    """On one device many times over, with the other noises off, so that nothing else spreads."""
    others = {"dw_min_std": "cycle-noise", "write_noise_std": "write-noise", "reset_std": "reset-noise"}
    cell = devices.get(name)
    cell = cell.only(others[noise])
    fabric = fabricate(cell, 2 * TILES)
    slow = tiled(cell, fabric, n)
    assert_spreads_agree(ours(cell, fabric, n), slow)
    wrong = replace(cell, **{noise: 1.03 * getattr(cell, noise)})
    with pytest.raises(AssertionError, match="mean"):
        assert_spreads_agree(ours(wrong, fabric, n), slow)


@pytest.mark.parametrize("name", ["reram-om", "ecram-li", "pcm-nandakumar2020"])
def test_a_tile_has_the_strengths_of_the_cell(name):
    plain = devices.get(name)
    wanted = {"cycle-noise": 1.5, "reset-noise": 0.5, "write-noise": 0.7, "device-spread": 0.6}
    cell = plain.scaled({effect: wanted[effect] for effect in plain.effects})
    fabric = fabricate(cell)
    slow = tiled(cell, fabric, 4)
    assert_means_agree(ours(cell, fabric, 4), slow)
    assert_spreads_agree(ours(cell, fabric, 4), slow)
    for effect in {"cycle-noise", "reset-noise", "write-noise"} & set(cell.effects):
        one = plain.only(effect).scaled({effect: wanted[effect]})
        nominal = fabricate(one)
        n = 4 if effect == "cycle-noise" else 0
        slow = tiled(one, nominal, n)
        assert_spreads_agree(ours(one, nominal, n), slow)
        with pytest.raises(AssertionError, match="mean"):
            assert_spreads_agree(ours(one.scaled({effect: 1.03 * wanted[effect]}), nominal, n), slow)


def test_a_tile_of_aihwkit_repeats_its_noise():
    """The reason for many small tiles: the mean noise of a large one is off by far more than chance."""
    cell = devices.get("ecram-li").only("cycle-noise")
    fabric = cell.fabricate((250, 400), rng=stream(0, "one device"))
    means = []
    for _ in range(6):
        tile = TileArray(cell, fabric, n_max=64)
        tile.reset()
        tile.write(torch.full((250, 400), 64.0))
        means.append(float(tile.weights().double().mean()))
    chance = float(tile.weights().std()) / 100_000**0.5
    assert float(torch.tensor(means).std()) > 4 * chance


@pytest.mark.parametrize("name", [*TILED, *CLASSES])
def test_devices_are_spread_as_aihwkit_spreads_them(name):
    cell = cell_of(name)
    fabric = cell.fabricate((250, 400), rng=stream(1, name))
    drawn = TileArray(cell, fabric, device=CLASSES.get(name)).fresh().get_hidden_parameters()
    for value, ours in fabric.values.items():
        if value not in drawn:  # slopes that follow from steps and bounds
            continue
        assert_same_mean(ours, drawn[value])
        assert_same_std(ours, drawn[value])
        assert_same_law(ours, drawn[value])
    assert_same_law(fabric["dwmin_up"] - fabric["dwmin_down"], drawn["dwmin_up"] - drawn["dwmin_down"])
    with pytest.raises(AssertionError):
        assert_same_law(1.03 * fabric["max_bound"], drawn["max_bound"])


def test_inconsistent_bounds_are_made_consistent_as_in_aihwkit():
    """Bounds so widely spread that many are exchanged or on the wrong side."""
    cell = devices.get("reram-om")
    wild = replace(cell.population, w_max_dtod=1.5, w_min_dtod=2.0, up_down_dtod=0.8)
    cell = replace(cell, population=wild)
    fabric = cell.fabricate((250, 400), rng=stream(1, "wild"))
    drawn = TileArray(cell, fabric).fresh().get_hidden_parameters()
    for value in ("max_bound", "min_bound", "dwmin_up", "dwmin_down"):
        assert_same_law(fabric[value], drawn[value])


def test_a_reset_column_is_at_the_reset_level_in_aihwkit_too():
    """aihwkit resets the visible w to the symmetry point, which it also subtracts: so do we."""
    cell = devices.get("reram-om").without("write-noise", "cycle-noise")
    fabric = cell.fabricate((60, 70), rng=stream(1, "reset"))
    tile = TileArray(cell, fabric)
    tile.tile.reset_columns(0, 70, 1.0)
    low, high = fabric["min_bound"], fabric["max_bound"]
    inside = (fabric["reset_bias"] - 0.06 > low) & (fabric["reset_bias"] + 0.06 < high)
    for w in (tile.weights(), cell.reset(fabric, rng=stream(0, "r")).w):
        error = (w - fabric["reset_bias"])[inside]
        assert_mean(error, 0.0, sigma=0.01)
        assert float(error.std()) == pytest.approx(0.01, rel=0.06)
