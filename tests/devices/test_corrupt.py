"""Corrupt devices: aihwkit's share, levels and reads, on devices it drew and on those of its presets."""

import math

import pytest
import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.presets import devices as presets
from aihwkit.simulator.tiles.analog import AnalogTile

from memsim import devices
from memsim.devices.fault_shares import CORRUPT
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses import bridge
from memsim.devices.pulses.corrupt import RANGES, Corrupt, corrupt, with_corrupt
from tests.statistics import assert_mean, assert_same_law, assert_same_mean, assert_same_std

TILES = 50
KINDS = {"reram-om": presets.ReRamArrayOMPresetDevice, "reram-hfo2": presets.ReRamArrayHfO2PresetDevice}


def drawn_by_aihwkit(name: str, share: float, reach: float) -> dict[str, torch.Tensor]:
    device = KINDS[name](corrupt_devices_prob=share, corrupt_devices_range=reach, construction_seed=7)
    return dict(AnalogTile(400, 500, SingleRPUConfig(device=device)).get_hidden_parameters())


def cell(name: str, share: float, reach: float) -> Corrupt:
    return Corrupt.of(devices.get(name), share=share, reach=reach)


@pytest.mark.parametrize("name", list(KINDS))
def test_shares_and_ranges_are_those_of_aihwkits_presets(name):
    made = with_corrupt(devices.get(name))
    assert made.reach == RANGES[name] == KINDS[name]().corrupt_devices_range
    assert made.share == {"reram-om": 0.1348, "reram-hfo2": 0.0977}[name]
    assert set(CORRUPT) == set(RANGES) == set(KINDS)
    n = 1 << 20
    found = corrupt(made.fabricate((n,), rng=stream(0, name))).double()
    sigma = math.sqrt(made.share * (1 - made.share))
    assert_mean(found, made.share, sigma=sigma)
    with pytest.raises(AssertionError):
        assert_mean(found, 1.03 * made.share, sigma=sigma)


@pytest.mark.parametrize("name", list(KINDS))
@pytest.mark.parametrize("reach", [0.01, 0.4, 1e3])
def test_levels_and_references_follow_aihwkits_law(name, reach):
    theirs = drawn_by_aihwkit(name, 0.8, reach)
    ours = cell(name, 0.8, reach).fabricate((400, 500), rng=stream(1, name)).values
    stuck = [values["max_bound"] == values["min_bound"] for values in (ours, theirs)]
    assert_same_mean(stuck[0].double(), stuck[1].double())
    levels = [values["max_bound"][at] for values, at in zip((ours, theirs), stuck, strict=True)]
    assert_same_law(*levels)
    references = [values["reference"][at] for values, at in zip((ours, theirs), stuck, strict=True)]
    assert_same_law(*references)
    assert_same_std(*references)
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * references[0], references[1])
    for name in ("dwmin_up", "dwmin_down"):
        assert not ours[name][stuck[0]].any() and not theirs[name][stuck[1]].any()
    for name in ("max_bound", "min_bound", "dwmin_up", "dwmin_down", "reference"):
        assert_same_law(ours[name][~stuck[0]], theirs[name][~stuck[1]])


@pytest.mark.parametrize("name", list(KINDS))
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_corrupt_device_reads_as_aihwkits_tile_does(name, share):
    """The same devices, pulses up and down: levels to rounding, visible states in law.

    A tile takes its noise from a list of 3e4 normals, seeded by the clock, so one tile's mean scatters many
    standard errors: many small tiles, and standard errors from the scatter between them.
    """
    made, shape = cell(name, share, 0.3), (TILES, 50, 80)
    fabric = made.fabricate(shape[1:], rng=stream(2, range(TILES), name))
    counts = torch.randint(1, made.n_max + 1, shape, generator=torch.Generator().manual_seed(0))
    counts[:, ::2] *= -1
    at = {"rng": stream(3, range(TILES)), "image": None, "step": None}
    bad, pulses = corrupt(fabric), counts.view(TILES, 1, 1, *shape[1:])
    level = made.rewrite(fabric, pulses, **at, visible=False)[:, 0, 0]
    assert torch.allclose(level[bad], (fabric["max_bound"] - fabric["reference"])[bad], atol=1e-6)
    ours, theirs = made.rewrite(fabric, pulses, **at)[:, 0, 0], torch.empty(shape)
    for place in range(TILES):
        tile = bridge.TileArray(made.device, fabric, (place,))
        tile.reset()
        tile.write(counts[place])
        assert torch.allclose(tile.persistent()[bad[place]], level[place][bad[place]], atol=1e-6)
        theirs[place] = tile.weights()
    noise = [(w - level).double() for w in (ours, theirs)]
    means, spreads = (
        [torch.stack([of(x[here]) for x, here in zip(one, bad, strict=True)]) for one in noise]
        for of in (torch.mean, torch.std)
    )
    assert_same_mean(*means)
    assert_same_mean(*spreads)
    if share == 1.0:
        with pytest.raises(AssertionError):
            assert_same_mean(1.03 * spreads[0], spreads[1])
    else:
        assert_same_law(ours[~bad], theirs[~bad], floor=0.01)


def test_none_corrupt_is_the_device_itself():
    made, at = cell("reram-om", 0.0, 0.01), {"rng": stream(3), "image": range(2), "step": None}
    n = torch.randint(-16, 17, (2, 1, 30, 40), generator=torch.Generator().manual_seed(1))
    both = [c.rewrite(c.fabricate((30, 40), rng=stream(4)), n, **at) for c in (made, made.device)]
    assert torch.equal(*both)


@pytest.mark.parametrize(("name", "numbers"), [("reram-om", {"share": 1.5}), ("reram-om", {"reach": -1.0})])
def test_numbers_that_cannot_be_are_refused(name, numbers):
    with pytest.raises(ValueError, match=next(iter(numbers))):
        Corrupt.of(devices.get(name), **({"share": 0.1, "reach": 0.1} | numbers))


def test_a_law_without_soft_bounds_is_refused():
    with pytest.raises(ValueError, match=r"ecram-mo.*soft bounds"):
        Corrupt.of(devices.get("ecram-mo"), share=0.1, reach=0.1)
