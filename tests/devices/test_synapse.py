"""Several devices for a synapse: independent errors shrink by the root of their number, the mean stays."""

import pytest
import torch

from memsim import devices
from memsim.devices.cell import PulsedCell
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.synapse import Synapse, synapse
from tests.statistics import assert_same_mean, assert_same_std

N = 100_000
OM = devices.get("reram-om")
PULSED = [n for n in devices.names() if isinstance(devices.get(n), PulsedCell)]


def written(cell, pulses: int, name: str = "n") -> torch.Tensor:
    fabric = cell.fabricate((N,), rng=stream(0, name, "s"))
    n = torch.full((1, 1, N), pulses)
    return cell.rewrite(fabric, n, rng=stream(0, name), image=None, step=None).flatten()


@pytest.mark.parametrize("count", [4, 16])
def test_the_spread_falls_with_the_root_of_their_number(count):
    one, many = written(OM, 8), count**0.5 * written(synapse(OM, count), 8, "many")
    assert_same_std(many, one)
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * many, one)


def test_by_the_counter_a_device_takes_its_part_of_the_pulses():
    """Mean response to K n pulses: that of one device to n, soft bounds or not; the spread is theirs too."""
    one, many = written(OM, 6), written(synapse(OM, 4, "counter"), 24, "many")
    assert_same_mean(many, one)
    assert_same_std(2 * many, one)
    with pytest.raises(AssertionError):
        assert_same_mean(1.03 * many, one)


@pytest.mark.parametrize("pulses", [0.0, 1.0, 7.0, -7.0, 8.0, 2.5])
def test_shares_add_up_and_begin_at_the_turn(pulses):
    cell = synapse(OM, 3, "counter")
    assert isinstance(cell, Synapse) and cell.n_max == 3 * OM.n_max
    shares = cell.shares(torch.full((1, 2, 5), pulses), torch.tensor([[1, 5]]), -1)  # at turns 1 and 5
    assert shares.shape == (1, 2, 3, 5)
    assert torch.equal(shares.sum(2), torch.full((1, 2, 5), pulses))
    assert float(shares.abs().max() - shares.abs().min()) <= 1
    many = shares.abs()[0, :, :, 0]
    assert many[0, 1] == many[0].max() and many[1, 2] == many[1].max()
    assert pulses != 7.0 or many.tolist() == [[2, 3, 2], [2, 2, 3]]


def test_single_pulses_reach_every_device_in_turn():
    cell = synapse(OM.only(), 4, "counter")
    fabric = cell.fabricate((7,), rng=stream(0, "s"))
    state = cell.reset(fabric, rng=stream(0, "r"))
    for n in range(4):
        state = cell.pulse(state, 1, 0, rng=stream(0, "p", n))
        assert int((state.w > 0.05).sum()) == 7 * (n + 1)
        assert torch.allclose(cell.read(state), state.w.mean(0))
    alone = OM.only()
    moved = alone.pulse(alone.reset(alone.fabricate((7,), rng=stream(0)), rng=stream(0)), 1, 0, rng=stream(0))
    assert torch.allclose(state.w, moved.w)


@pytest.mark.parametrize("name", PULSED)
@pytest.mark.parametrize("sharing", ["all", "counter"])
def test_the_first_device_is_the_only_one_of_one_and_bits_hang_on_names(name, sharing):
    one, places = devices.get(name), range(2)
    cell = synapse(one, 3, sharing)
    fabric, single = (c.fabricate((4, 9), rng=stream(0, places, "s")) for c in (cell, one))
    assert all(torch.equal(fabric[v][:, 0], single[v]) for v in single.values)
    n = torch.randint(0, one.n_max + 1, (2, 3, 2, 4, 9), generator=torch.Generator().manual_seed(0))
    whole = cell.rewrite(fabric, n, rng=stream(0, places), image=[3, 4, 5], step=range(2))
    part = cell.rewrite(fabric, n[:, [2, 0]][:, :, 1:], rng=stream(0, places), image=[5, 3], step=[1])
    assert torch.equal(part, whole[:, [2, 0]][:, :, 1:])
    if sharing == "all":
        states = cell.rewrite(fabric, n, rng=stream(0, places), image=[3, 4, 5], step=range(2), visible=False)
        alone = one.rewrite(single, n, rng=stream(0, places), image=[3, 4, 5], step=range(2), visible=False)
        assert torch.equal(states[..., 0, :, :], alone)


@pytest.mark.parametrize("name", PULSED)
def test_pulses_go_on_from_the_state_of_each_write(name):
    """Without noise, a write in two parts is the write at once; every write has a state of its own."""
    cell = devices.get(name)
    cell = cell.only(*({"device-spread"} & set(cell.effects)))
    fabric = cell.fabricate((300,), rng=stream(0, "s"))
    first = torch.tensor([0, 1, 3, 4]).view(1, 4, 1).expand(1, 4, 300)
    at = {"rng": stream(0), "image": None, "step": range(4)}
    begun = cell.rewrite(fabric, first, **at, visible=False)
    whole, parts = (
        cell.rewrite(fabric, first + 3, **at),
        cell.rewrite(fabric, 0 * first + 3, **at, start=begun),
    )
    wide = float(whole.max() - whole.min())
    assert float((parts - whole).abs().mean()) < 0.002 * wide
    assert float((parts[:, 0] - parts[:, 3]).abs().max()) > 0.02 * wide
    with pytest.raises(ValueError, match="start"):
        cell.rewrite(fabric, first, **at, start=begun[:, :3])


def test_a_synapse_switches_its_devices_effects():
    cell = synapse(OM, 2)
    assert cell.effects == OM.effects and cell.describe().name == "reram-om"
    assert cell.without("cycle-noise").strength("cycle-noise") == 0.0
    assert cell.scaled({"cycle-noise": 2}).strength("cycle-noise") == 2.0
    assert [e for e in cell.effects if cell.only("reset-noise").on(e)] == ["reset-noise"]
    assert synapse(OM, 1) is OM
    with pytest.raises(ValueError, match="at least one"):
        synapse(OM, 0)
