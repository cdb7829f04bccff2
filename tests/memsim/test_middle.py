"""The middle of single devices, measured behind the lines and taken off column by column."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import memsim
from memsim import CardError, ChipCard
from memsim.arrays.weight_array import WeightArray
from tests.memsim.made import array, numbers
from tests.statistics import assert_mean, assert_std

KINDS: dict[str, dict[str, Any]] = {
    "offset": {"kind": "offset"},
    "single": {"kind": "single"},
    "slices": {"kind": "slices", "slice_bits": (3, 3), "sign": "offset"},
}
ROWS, COLUMNS, DAY = 200, 40, 86400.0
DRAW = torch.Generator().manual_seed(3)
MATRIX = torch.randn(ROWS, COLUMNS, generator=DRAW)
SPIKES = (torch.rand(1, 1, 1, 30, ROWS, generator=DRAW) < 0.2).float()
DEFAULT = ChipCard.load("default").replace(attention={"wires": "none"})


def coded(key: str, middle: str = "measured", *effects: str, **weights: Any) -> ChipCard:
    """The default card in a coding, with these effects alone, or all but the ADC's where none is named."""
    made = DEFAULT.replace(weights={"coding": {**KINDS[key], "middle": middle}, **weights})
    return made.only(*effects) if effects else made.without("adc")


def error(found: WeightArray, x: torch.Tensor = SPIKES) -> torch.Tensor:
    """What a read adds to the product with the matrix."""
    return (found.read(x.expand(-1, len(found.run.chips), -1, -1, -1)) - x @ MATRIX).detach()


@pytest.mark.parametrize("key", KINDS)
@pytest.mark.parametrize("time", [0.0, DAY])
def test_all_rows_together_leave_nothing_in_any_column(key, time):
    """Whatever devices and lines do, a column's sum is that of its weights; designed, it is not."""
    every, quiet = torch.ones(1, 1, 1, 1, ROWS), ("programming", "drift", "flicker-noise", "wires")
    for middle in ("measured", "designed"):
        found = array(MATRIX, coded(key, middle, *quiet), chips=2)
        if time:
            found.advance_to(time, "column")
        left = error(found, every).abs()
        assert left.max() < 2e-3 if middle == "measured" else left.mean() > 1.0


@pytest.mark.parametrize("key", KINDS)
def test_behind_lines_single_devices_come_near_to_pairs(key):
    """Lines of .7 ohm: an error of the size of that of pairs, where the designed middle is far off."""
    pairs = error(array(MATRIX, DEFAULT.only("wires"))).std()
    found = {how: error(array(MATRIX, coded(key, how, "wires"))).std() for how in ("measured", "designed")}
    assert found["measured"] < 3 * pairs
    assert found["designed"] > 2 * found["measured"]


@pytest.mark.parametrize("how", ["linear", "groups"])
def test_of_layers_that_unroll_and_of_groups(how):
    """Behind lines outputs are within a twentieth of the digital ones; designed, they are not."""
    torch.manual_seed(2)
    net = nn.Conv2d(4, 8, 3, padding=1, groups=2) if how == "groups" else nn.Linear(144, 24)
    x = (torch.rand(5, 4, 6, 6) < 0.3).float()
    x = x if how == "groups" else x.flatten(1)
    with torch.no_grad():
        wanted, off = net(x), {}
        for middle in ("measured", "designed"):
            ohm = 3.0 if how == "linear" else 50.0  # tiles of 144 and of 18 rows
            made = coded("single", middle, "wires").replace(**{"wire_resistance [ohm]": ohm})
            chip = memsim.to_crossbar(net, made, chips=2, calibration=x).program()
            off[middle] = float((chip(x) - wanted).std() / wanted.std())
    assert off["measured"] < 0.05 < off["designed"]


@pytest.mark.parametrize("key", KINDS)
def test_a_chip_alone_an_image_alone_and_a_second_time_are_the_same_to_the_bit(key):
    torch.manual_seed(1)
    net, x = nn.Sequential(nn.Linear(40, 12), nn.ReLU(), nn.Linear(12, 5)), torch.rand(4, 40)
    made = coded(key)
    with torch.no_grad():
        chip = memsim.to_crossbar(net, made, chips=3, calibration=x).program().advance_to(DAY)
        whole = chip(x, image=range(4))
        alone = memsim.to_crossbar(net, made, chips=[1], calibration=x).program().advance_to(DAY)
        assert alone(x, image=range(4))[0].equal(whole[1])
        assert chip(x[2:3], image=range(2, 3)).equal(whole[:, 2:3])
        assert chip.advance_to(1.0).advance_to(DAY)(x, image=range(4)).equal(whole)


def test_without_compensation_the_middle_is_that_of_the_last_write():
    """Rewritten every 100 s: at 150 s devices are those of cycle 1, read 50 s after it."""
    made = coded("single", "measured", "programming", "drift", **{"reprogram_every [s]": 100.0})
    found, every = array(MATRIX, made), torch.ones(1, 1, 1, 1, ROWS)
    found.advance_to(100.0 + 1e-9, "none")
    assert error(found, every).abs().max() < 2e-3
    fresh = found.middle
    found.advance_to(150.0, "none")
    assert found.middle is fresh and error(found, every).abs().mean() > 1.0
    found.advance_to(150.0, "global")
    assert error(found, every).abs().max() < 2e-3


def test_what_is_measured_of_rows_takes_a_share_of_their_errors():
    """Errors of a single device weigh 1 - 1 / C of their variance: the mean of a row goes with its middle."""
    spread = {}
    for columns in (2, 40):
        matrix = torch.zeros(50, columns)
        matrix[0] = torch.tensor([1.0, -1.0]).repeat(columns // 2)  # zeros besides: all devices are alike
        for middle in ("measured", "designed"):
            found = array(matrix, coded("single", middle, "programming"), chips=1500 // columns * 10)
            x = torch.zeros(1, len(found.run.chips), 1, 1, 50)
            x[..., 1:2] = 1.0
            spread[columns, middle] = found.read(x).flatten()
    for columns in (2, 40):
        share = math.sqrt(1 - 1 / columns)
        scaled = spread[columns, "designed"] * share
        assert_mean(spread[columns, "measured"], 0.0)
        assert_std(spread[columns, "measured"], float(scaled.std()), rel=0.02)


@pytest.mark.parametrize("key", KINDS)
def test_events_by_hand(key):
    """Three vectors of 11 rows, ten drives, 7 columns, two row tiles."""
    matrix, spikes = (
        torch.randn(11, 7, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 1, 1, 3, 11),
    )
    spikes[..., :2, :5] = 1
    counted = {}
    for middle in ("measured", "designed"):
        for name, x in (("spikes", spikes), ("numbers", 0.5 * spikes)):
            made = array(matrix, coded(key, middle, tile_rows=6))
            made.run.now = made.run.begin(1, calibrating=True)
            made.read(x)
            made.run.begin(1)
            made.run.ledger.open = True
            made.read(x)
            found = numbers(made.run.ledger.lines())
            counted[middle, name] = [found.get(e, 0) for e in ("digital-add", "digital-mac", "shift-add")]
    lines = {"offset": 7 + 1, "single": 7, "slices": 14}[key]
    sums, shifts = 0 if key == "offset" else 10, 21 if key == "slices" else 0
    assert counted["measured", "spikes"] == [3 * lines + sums, 21, shifts]
    assert counted["measured", "numbers"] == [3 * lines, 21 + sums, shifts]
    once = 0 if key == "offset" else 3
    assert counted["designed", "spikes"] == [3 * lines + 21 + sums, once, shifts]
    assert counted["designed", "numbers"] == counted["designed", "spikes"]


def test_pairs_have_no_middle():
    with pytest.raises(CardError, match="middle = 'designed': it belongs to sign = 'offset'"):
        DEFAULT.replace(weights={"coding": {"kind": "slices", "middle": "designed"}})
    with pytest.raises(CardError, match=r"middle.*'measured' or 'designed'"):
        DEFAULT.replace(weights={"coding": {"kind": "single", "middle": "guessed"}})
    assert array(MATRIX, DEFAULT).middle is None
    assert "middle" in str(coded("single").weights.coding)
