"""Devices of a weight array, in one go: the same as write, relax, read and chord one after the other.

The arrays are longer than two blocks of the kernel, and of no whole number of blocks of random numbers.
"""

import warnings
from dataclasses import replace

import pytest
import torch

from memsim import devices
from memsim.arrays.weight_devices import conductances, sense
from memsim.devices.weights.effects import Spread

DAY, YEAR = 86400.0, 3.15e7
CELLS = ["pcm-joshi2020", "pcm-hermes2023-2", "reram-wan2022", "reram-cmo-falcone2025-2pct", "reram-milo2021"]


def goals(cell, groups: int = 1, rows: int = 61, columns: int = 43) -> torch.Tensor:
    """Signed goals over the whole range, some of them zero."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(groups, rows, columns, generator=generator) * 2 - 1
    return torch.where(x.abs() < 0.1, 0.0, x) * (cell.g_max - cell.g_min)


def one_by_one(cell, goal, rng, age, pairs) -> torch.Tensor:
    """Conductances (S, 2 n, R, C) of one group, by the verbs of a cell; G+, G-, G+, ..."""
    target = torch.stack([goal.clamp(min=0), (-goal).clamp(min=0)]) + cell.g_min
    target = target.repeat(pairs, 1, 1)
    state = cell.write(target.expand(len(rng.keys), *target.shape), rng=rng)
    return cell.read(cell.relax(state, age, rng=rng), rng=rng)


def check(cell, *, age: float, pairs: int = 1, dtype: torch.dtype = torch.float32) -> None:
    """Compare everything that is sensed with the cell's own verbs."""
    goal = goals(cell).to(dtype)
    rng = devices.stream(3, [0, 5], "layer")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", devices.BeyondFit)
        now = sense(cell, goal, rng=rng, age=age, pairs=pairs, voltage=0.2, dtype=dtype)
        kept = conductances(cell, goal, rng=rng, age=age, pairs=pairs)
        every = one_by_one(cell, goal[0], rng, age, pairs)
    chord = cell.chord(every, 0.2)
    plus, minus = chord[:, 0::2].sum(1), chord[:, 1::2].sum(1)
    assert now.difference_SRC.dtype == dtype
    assert torch.equal(now.difference_SRC, plus - minus)
    assert now.total_SRC is not None
    assert torch.equal(now.total_SRC, plus + minus)
    size = (plus - minus).abs().double()
    torch.testing.assert_close(now.row_siemens_SR, (plus + minus).double().sum(-1), rtol=1e-12, atol=0)
    torch.testing.assert_close(now.mean_global.double(), size.mean((1, 2))[:, None], rtol=2e-6, atol=0)
    torch.testing.assert_close(now.mean_column.double(), size.mean(1), rtol=2e-6, atol=0)
    assert torch.equal(kept, torch.cat([every[:, 0::2], every[:, 1::2]], 1))


def sensed(cell, goal, *, chips=(0, 5), age: float = DAY, pairs: int = 1):
    """What two chips show of one layer."""
    return sense(cell, goal, rng=devices.stream(3, chips, "layer"), age=age, pairs=pairs, voltage=0.2)


@pytest.mark.parametrize("age", [0.0, 1.0, DAY, YEAR])
@pytest.mark.parametrize("name", CELLS)
def test_what_is_sensed_is_what_the_verbs_of_a_cell_give(name, age):
    check(devices.get(name), age=age)


@pytest.mark.parametrize("name", ["pcm-joshi2020", "reram-milo2021"])
def test_devices_in_parallel_have_places_of_their_own(name):
    check(devices.get(name), age=DAY, pairs=2)
    check(devices.get(name), age=DAY, pairs=3)


@pytest.mark.parametrize("name", CELLS)
def test_effects_off_and_scaled_are_those_of_the_cell(name):
    cell = devices.get(name)
    check(cell.only(), age=DAY)
    for effect in set(cell.effects) - {"read-noise"}:
        check(cell.without(effect), age=DAY)
        check(cell.scaled({effect: 0.5}), age=DAY)


def test_an_ideal_cell_holds_its_goals_in_float64():
    cell = devices.get("ideal")
    check(cell, age=YEAR, dtype=torch.float64)
    goal = goals(cell).double()
    now = sense(
        cell, goal, rng=devices.stream(0, [0], "x"), age=0.0, pairs=1, voltage=0.2, dtype=torch.float64
    )
    assert torch.equal(now.difference_SRC, goal)


def test_groups_are_arrays_of_their_own():
    """Group g is the array of its own stream; means are those of the layer, and of its columns in a row."""
    cell, names = devices.get("pcm-joshi2020"), ([0, 5], "layer")
    goal = goals(cell, groups=3)
    rng = devices.stream(3, *names, range(3))
    now = sense(cell, goal, rng=rng, age=DAY, pairs=2, voltage=0.2)
    for g in range(3):
        alone = sense(cell, goal[g : g + 1], rng=devices.stream(3, *names, g), age=DAY, pairs=2, voltage=0.2)
        assert torch.equal(now.difference_SRC[g::3], alone.difference_SRC)
        assert torch.equal(now.row_siemens_SR[g::3], alone.row_siemens_SR)
        assert torch.equal(now.mean_column[:, 43 * g : 43 * (g + 1)], alone.mean_column)
    layer = now.difference_SRC.unflatten(0, (2, 3)).abs().double().mean((1, 2, 3))
    torch.testing.assert_close(now.mean_global.double(), layer[:, None], rtol=2e-6, atol=0)


def test_the_total_is_left_out_where_nobody_asks():
    cell = devices.get("pcm-joshi2020")
    now = sense(
        cell, goals(cell), rng=devices.stream(0, [0], "x"), age=0.0, pairs=1, voltage=0.2, total=False
    )
    assert now.total_SRC is None
    assert bool((now.row_siemens_SR > 0).all())


def test_a_chip_is_the_same_alone_and_beside_others_and_with_any_number_of_threads():
    cell = devices.get("pcm-joshi2020")
    goal, before = goals(cell), torch.get_num_threads()
    both = sensed(cell, goal)
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for place, chip in enumerate((0, 5)):
                alone = sensed(cell, goal, chips=(chip,))
                for one, among in zip(alone, both, strict=True):
                    assert isinstance(one, torch.Tensor)
                    assert isinstance(among, torch.Tensor)
                    assert torch.equal(one[0], among[place])
    finally:
        torch.set_num_threads(before)


def test_a_time_before_the_write_is_refused():
    with pytest.raises(ValueError, match="time since the write"):
        sensed(devices.get("pcm-joshi2020"), goals(devices.get("pcm-joshi2020")), age=-1.0)


class Wavy:
    """A spread [uS] by an operation that blocks do not know."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) + 1.0


def test_a_law_that_blocks_do_not_know_runs_on_whole_tensors():
    known = devices.get("pcm-joshi2020")
    assert isinstance(known, devices.WeightCell)
    check(replace(known, programming=Spread(Wavy())), age=DAY, pairs=2)
