"""Lines that share an ADC of the card's own: energy, latency and area of a layer, each counted by hand."""

import math

import pytest
import torch
from torch import nn

import memsim
from memsim.energy.area import areas
from memsim.energy.work import Matrix

ADC = {"columns_per_adc": 8, "energy [J]": 2e-12, "area [m2]": 1e-9, "source": "made for this test"}
TIMES = {"read_time [s]": 1e-8, "conversion_time [s]": 1e-7}


def card(**adc) -> memsim.ChipCard:
    return memsim.ChipCard.load("default").replace(weights={"adc": ADC | adc, **TIMES})


def matrix(rows: int, columns: int) -> Matrix:
    return Matrix(
        name="0", rows=rows, columns=columns, positions=1, passes=1, inputs=rows, spikes=False, ones=rows,
        drives=rows,
    )  # fmt: skip


def read(rows: int, columns: int, on: memsim.ChipCard) -> memsim.Ledger:
    torch.manual_seed(0)
    x = torch.rand(16, rows)
    chip = memsim.to_crossbar(nn.Sequential(nn.Linear(rows, columns)), on, chips=2, calibration=x).program()
    chip(x)
    return chip.ledger


@pytest.mark.parametrize(
    ("rows", "columns", "conversions", "in_turn", "converters"),
    [
        (64, 30, 30, 8, 4),  # one tile of 30 lines: three ADCs of 8 lines, one of 6
        (64, 5, 5, 5, 1),  # fewer lines than an ADC takes
        (300, 30, 60, 8, 8),  # two row tiles of 150 rows
        (64, 300, 300, 8, 38),  # two column tiles of 150 lines: 19 ADCs each
    ],
)
def test_energy_latency_and_area_by_hand(rows, columns, conversions, in_turn, converters):
    on = card()
    ledger = read(rows, columns, on)
    (line,) = (line for line in ledger.lines() if line.event == on.weights.adc_event)
    assert line.number == conversions
    assert line.price == 2e-12 and line.energy == pytest.approx(conversions * 2e-12)
    assert ledger.latency == pytest.approx(1e-8 + in_turn * 1e-7)
    found = areas([matrix(rows, columns)], on)
    assert found["ADC"] == pytest.approx(converters * 1e-9)


def test_one_adc_a_line_is_faster_and_larger():
    one, eight = card(columns_per_adc=1), card()
    fast, slow = (read(64, 30, on) for on in (one, eight))
    work = [matrix(64, 30)]
    assert slow.latency - fast.latency == pytest.approx(7e-7)
    assert areas(work, one)["ADC"] / areas(work, eight)["ADC"] == pytest.approx(30 / math.ceil(30 / 8))


def test_an_own_adc_without_an_area_is_unknown():
    own = {key: value for key, value in ADC.items() if "area" not in key}
    on = memsim.ChipCard.load("default").replace(weights={"adc": own})
    found = areas([matrix(64, 30)], on)
    assert found["ADC"] == "unknown"
