"""Lines that share an ADC of the card's own: energy, latency and area of a layer, each counted by hand."""

import math

import pytest
import torch
from torch import nn

import memsim
from memsim import ChipCard, Ledger, models
from memsim.arrays.attention_array import AttentionArray
from memsim.energy import estimate
from memsim.energy.area import areas
from memsim.energy.moving import Bill
from memsim.energy.work import Attention, Matrix
from memsim.run import Run

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
    (powered,) = (line for line in ledger.lines() if line.event == "column-second")
    assert powered.number == pytest.approx(converters * ledger.latency)


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


def test_an_adc_serves_one_tile_alone():
    """Columns in tiles of 7, 7 and 6 lines, four of which share an ADC: 2 ADCs each in either row tile."""
    made = ChipCard.load("default").replace(weights={"adc": ADC | {"columns_per_adc": 4}, "tile_columns": 7})
    ledger = read(300, 20, made)
    (powered,) = (line for line in ledger.lines() if line.event == "column-second")
    assert powered.number == pytest.approx(2 * (2 + 2 + 2) * ledger.latency)
    assert areas([matrix(300, 20)], made)["ADC"] == pytest.approx(12e-9)
    six = made.replace(weights={"adc": {"columns_per_adc": 6}})
    assert areas([matrix(300, 20)], six)["ADC"] == pytest.approx(2 * (2 + 2 + 1) * 1e-9)


@pytest.mark.parametrize(("shared", "adcs"), [(None, 2 * 3), (1, 2 * 3), (2, 2 * 2), (3, 2), (64, 2)])
def test_word_lines_of_stdp_are_tokens_and_heads_share_no_adc(shared, adcs):
    """Two heads of three tokens and five features: the features are read in turn by the same ADCs."""
    core, x = models.STDPAttention(heads=2, head_dim=5), torch.ones(2, 1, 2, 3, 5)
    table = {} if shared is None else {"adc": {"columns_per_adc": shared}}
    chosen = ChipCard.load("default").replace(attention=table)
    run = Run(card=chosen, chips=(0,), seed=0, ledger=Ledger(chosen))
    run.begin(1, (0,), calibrating=True)
    array = AttentionArray("layer", core, run)
    array(x, x, x)
    run.begin(1, (0,))
    array(x, x, x)
    run.ledger.images = 1
    (powered,) = (line for line in run.ledger.lines() if line.event == "column-second")
    assert powered.number == pytest.approx(adcs * run.ledger.latency)
    work = [Attention(name="layer", steps=2, heads=2, tokens=3, width=5, q=60, k=60, v=60)]
    held = estimate.Held(pulses=0.0, weight=0.0, attention=0.0)
    (guessed,) = (line for line in estimate.crossbar(work, run.card, held) if line.event == "column-second")
    assert guessed.number == pytest.approx(adcs * Bill(run.card, work).time)
