"""aihwkit's tiles take whole pulses exactly, for every pulsed preset and whatever the devices."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.bridge import TileArray, fabric_from_hidden
from tests.devices import judges
from tests.devices.pulsed_cells import CLASSES, TILED, cell_of, without


def quiet(name):
    return without(cell_of(name), "cycle-noise", "write-noise", "reset-noise")


def plain(device):
    """aihwkit's own device without cycle and write noise."""
    noises = {"dw_min_std", "write_noise_std"} & {f.name for f in fields(device)}
    return replace(device, **dict.fromkeys(noises, 0.0))


@pytest.mark.parametrize("name", [*TILED, *CLASSES])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_a_noiseless_tile_takes_the_pulses_it_is_told(name, scale):
    cell = quiet(name)
    fabric = cell.fabricate((24, 40), rng=stream(5, name, "spread"))
    values = {k: v * (scale if k.startswith(("dwmin", "slope")) else 1.0) for k, v in fabric.values.items()}
    fabric = cell.assemble(values)
    tile = TileArray(cell, fabric, device=plain(CLASSES[name]) if name in CLASSES else None)
    n = np.random.default_rng(0).integers(0 if cell.one_sided else -cell.n_max, cell.n_max + 1, (24, 40))
    tile.reset()
    start = tile.persistent().numpy().copy()
    tile.write(torch.from_numpy(n))
    expected = judges.of(cell)(fabric.values, start, n, np.random.default_rng(0), quiet=True)
    assert np.abs(tile.weights().numpy() - expected).max() < 2e-5


@pytest.mark.parametrize("name", [*TILED, *CLASSES])
def test_devices_travel_both_ways(name):
    cell = cell_of(name)
    fabric = cell.fabricate((3, 12, 20), rng=stream(5, name, "spread"))
    tile = TileArray(cell, cell.fabricate((12, 20), rng=stream(1, range(2), "other")), (1,))
    tile.copy_fabric(cell.assemble(fabric.values, (3,)), (2,))
    back = fabric_from_hidden(cell, tile.hidden())
    for value, original in back.values.items():
        assert torch.equal(original, fabric[value][2])


def test_aihwkits_pulse_response_is_not_the_documented_one():
    """SoftBoundsPmaxDevice: p_max pulses should lead from range_min to range_max; its own do not."""
    device = plain(CLASSES["pmax"])
    cell = without(cell_of("pmax"), "device-spread", "cycle-noise", "reset-noise")
    tile = TileArray(cell, cell.fabricate((1, 1), rng=stream(0, "spread")), n_max=100, device=device)
    tile.set_reset_state(torch.tensor([[device.range_min]]))
    tile.write(torch.tensor([[float(device.p_max)]]))
    reached = float(tile.weights())
    values = cell.fabricate((1, 1), rng=stream(0, "spread")).values
    start, n = np.array([[device.range_min]]), np.array([[device.p_max]])
    expected = judges.of(cell)(values, start, n, np.random.default_rng(0), quiet=True)
    assert reached == pytest.approx(expected.item(), abs=1e-4)
    assert reached > device.range_max + 0.05


def test_keys_are_inputs_and_queries_outputs():
    cell = quiet("ecram-li")
    tile = TileArray(cell, cell.fabricate((3, 5), rng=stream(0, "spread")))
    tile.reset()
    n = torch.zeros(3, 5)
    n[2, 4] = 9
    tile.write(n)
    assert (tile.weights().abs() > 0.01).nonzero().tolist() == [[2, 4]]
    x = torch.eye(5)
    assert torch.allclose(tile.forward(x), tile.weights().T)


def test_a_pulse_count_the_tile_cannot_take_is_refused():
    cell = devices.get("pcm-nandakumar2020")
    tile = TileArray(cell, cell.fabricate((2, 2), rng=stream(0, "spread")))
    for n, message in ((17.0, "at most n_max=16"), (0.5, "whole"), (-1.0, "two tiles")):
        with pytest.raises(ValueError, match=message):
            tile.write(torch.full((2, 2), n))
    with pytest.raises(ValueError, match="no tile"):
        cell = devices.get("pcm-nandakumar2018")
        TileArray(cell, cell.fabricate((2, 2), rng=stream(0, "spread")))
