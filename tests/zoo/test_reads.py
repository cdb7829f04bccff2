"""Calls of one layer: noise of their own, converters that fit each of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import memsim
from memsim.arrays.ranges import Ranges
from memsim.converters.dac import Dac
from tests.zoo.layout_networks import Calls

DEFAULT = memsim.ChipCard.load("default")
READS, COLUMNS, IMAGES = 16, 512, 128


def _in_a_loop(m, x):
    return torch.stack([m.a(step) for step in x.unbind(1)]).mean(0)


def _along_an_axis(m, x):
    return m.a(x.transpose(0, 1)).mean(0)


def _as_tokens(m, x):
    return m.a(x).mean(1)


@pytest.mark.parametrize("call", [_in_a_loop, _along_an_axis, _as_tokens])
def test_sixteen_reads_average_as_independent_ones(call) -> None:
    """sd = sigma sqrt(g_max sum_r x_r^2 (G+ + G-)) / (g_max - g_min) / sqrt(16), within 2 %: read noise
    alone, weights of one.
    """
    layer = nn.Linear(24, COLUMNS, bias=False)
    sign = torch.where(
        torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.5, -1, 1
    )
    layer.weight.data = sign.float()
    card = DEFAULT.only("read-noise")
    x = torch.ones(IMAGES, READS, 24)
    chip = memsim.to_crossbar(Calls(call, a=layer), card, chips=1, seed=4, calibration=x[:4]).program()
    with torch.no_grad():
        error = (chip(x)[0] - layer(x).mean(1)).double()
    cell = card.weight_cell
    siemens = chip.weight_arrays["a"].conductance()[0].double().reshape(2, 24, COLUMNS).sum((0, 1))
    sd = cell.read_noise * (cell.g_max * siemens).sqrt() / (cell.g_max - cell.g_min) / math.sqrt(READS)
    ratio = error / sd
    assert abs(float(ratio.std()) - 1) < 0.02
    assert abs(float(ratio.mean())) < 5 / math.sqrt(ratio.numel())


def _numbers_and_spikes(m, x):
    return m.a(x) + m.second((x > 0).to(x.dtype))


def test_numbers_and_spikes_on_one_layer_convert_as_on_two() -> None:
    """Converters alone: the rms error of a layer called with both is that of two copies, within a tenth."""
    torch.manual_seed(6)
    one, x, calibration = nn.Linear(64, 48), torch.randn(200, 64), torch.randn(100, 64)
    two = nn.Linear(64, 48)
    two.load_state_dict(one.state_dict())
    card = DEFAULT.only("adc", "dac")
    rms = []
    for net in (
        Calls(_numbers_and_spikes, a=one, second=one),
        Calls(_numbers_and_spikes, a=one, second=two),
    ):
        chip = memsim.to_crossbar(net, card, chips=1, seed=4, calibration=calibration).program()
        with torch.no_grad():
            rms.append(float((chip(x)[0] - net(x)).square().mean().sqrt()))
    assert 0 < rms[1] < 0.1
    assert rms[0] == pytest.approx(rms[1], rel=0.1)


def test_the_sign_of_a_chips_numbers_is_its_own() -> None:
    """Chip 0 saw negative numbers, chip 1 none: each converts as it would alone."""
    drive = torch.rand(2, 2, 5, 3, generator=torch.Generator().manual_seed(2))
    drive[:, 0] -= 0.5
    current = torch.ones(2, 1)

    def converted(chips: slice) -> torch.Tensor:
        ranges = Ranges("layer")
        ranges.note(0, drive[:, chips], current[chips], 2)
        (drives,) = ranges.of(0)
        return drives.convert(drive[:, chips], drives.levels(Dac(bits=8)))[0]

    beside = converted(slice(0, 2))
    assert torch.equal(beside[:, :1], converted(slice(0, 1)))
    assert torch.equal(beside[:, 1:], converted(slice(1, 2)))
    assert not torch.equal(torch.round(beside[:, 1] * 127), beside[:, 1] * 127)  # all 255 codes on one side


@pytest.mark.parametrize("draw", [torch.randn, torch.rand])
def test_one_bit_converters_never_give_nan(draw) -> None:
    """dac_bits = 1 of signed numbers: right (-1, 0, 1 or two levels) or refused by name."""
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x = draw(40, 6)
    try:
        card = DEFAULT.replace(weights={"dac_bits": 1})
        chip = memsim.to_crossbar(net, card, chips=2, calibration=x).program()
    except ValueError as refusal:
        assert "dac_bits" in str(refusal)
        return
    with torch.no_grad():
        assert torch.isfinite(chip(x)).all()


def test_inputs_beyond_the_calibrated_range_are_told() -> None:
    """Numbers twice as large as any of the calibration are cut by the DAC; the ledger notes how many."""
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.rand(40, 6)
    chip = memsim.to_crossbar(net, DEFAULT, chips=1, calibration=x).program()
    with torch.no_grad():
        chip(2 * x)
    over = float((2 * x > x.max()).sum()) / 40
    assert over > 0
    assert chip.ledger.noted("clipped inputs", "0") == pytest.approx(over, rel=0.2)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_layer_that_is_silent_on_some_chips_alone(groups: int) -> None:
    """The last layer sees zeros in calibration on some chips and numbers on others: each reads as alone."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(8, 4, 1), nn.ReLU(), nn.Conv1d(4, 6, 1, groups=groups))
    with torch.no_grad():
        net[0].weight[:], net[0].bias[:] = 1.0, -8.0  # positive where devices err upwards
        net[0].weight[1:], net[0].bias[1:] = 0.0, -1.0
    x = torch.ones(3, 8, 5)
    card = memsim.ChipCard.load("default").without("read-noise", "drift", "flicker-noise")

    def chip(names: list[int]) -> memsim.Chip:
        return memsim.to_crossbar(net, card, chips=names, calibration=x).program()

    together = chip(list(range(8)))
    sorts = {drives.spikes: drives.chips for drives in together.weight_arrays["2"].ranges.of(0)}
    assert set(sorts) == {True, False} and sum(len(places or ()) for places in sorts.values()) == 8
    with torch.no_grad():
        whole = together(x, image=range(3))
        alone = [chip([name]) for name in range(8)]
        for name, one in enumerate(alone):
            assert torch.equal(one(x, image=range(3))[0], whole[name])
    for event in ("dac-conversion", "row-drive", "adc-8b"):
        mean = sum(one.ledger.number(event) for one in alone) / 8
        assert together.ledger.number(event) == pytest.approx(mean)
