"""A ledger made from counts alone is the ledger a chip would have kept; areas are counts times parts."""

import pytest
import torch

import memsim
from memsim import ChipCard, models
from memsim.energy import estimate
from memsim.energy.area import areas
from memsim.energy.baselines import total
from memsim.energy.digital_work import DigitalWork
from memsim.energy.work import Attention, Matrix
from memsim.prices.scaling import relative_energy
from tests.memsim.made import numbers

FREE = estimate.Held(pulses=0.0, weight=0.0, attention=0.0)


def test_the_same_events_as_a_chips_ledger():
    """Every effect off: the chip spikes as the digital network. The network's own biases are its alone."""
    card = ChipCard.load("default")
    card = card.replace(weights={"tile_rows": 100, "tile_columns": 48}).without(*card.effects)
    net = models.load("s2tdpt-digits")
    images = net.calibration_images[:2]
    chip = memsim.to_crossbar(net, card, chips=1).program()
    with torch.no_grad(), DigitalWork(net) as work:
        net(images)
        chip(images)
    run, made = numbers(chip.ledger.lines()), numbers(estimate.crossbar(work.works, card, FREE))
    same = ("dac-conversion", "adc-8b", "neuron-step", "reset-reram", "digital-compare", "sample-hold")
    for event in (*same, "bus-bit", "router-bit"):
        assert made[event] == pytest.approx(run[event], rel=1e-9), event
    assert made["row-drive"] == pytest.approx(run["row-drive"], rel=2e-3)
    assert made["digital-mac"] == pytest.approx(run["digital-mac"], rel=1e-3)  # the head has no batch norm


def test_reads_and_pulses_come_from_what_is_held():
    card = ChipCard.load("default")
    matrix = Matrix(name="fc", rows=300, columns=10, positions=2, passes=3, inputs=600, ones=90, drives=90)
    core = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)
    held = estimate.Held(pulses=7.0, weight=6e-6, attention=40e-6)
    lines = estimate.crossbar([matrix, core], card, held)
    reads = sum(line.energy for line in lines if line.event == "array-read")
    assert reads == pytest.approx((90 * 10 * 6e-6 + 7 * 5 * 40e-6) * 0.2**2 * 10e-9)
    assert numbers(lines)["pulse-reram"] == 7 * 2 * 3 * 25
    assert numbers(lines)["adc-8b"] == 2 * 2 * 3 * 10 + 2 * 3 * 5 * 4  # two row tiles


def test_without_spikes_what_is_left_is_fixed():
    """Conversions, resets, pulses of silent ties, neurons: by hand."""
    card = ChipCard.load("default")
    matrix = Matrix(name="fc", rows=8, columns=10, positions=2, passes=3, inputs=16, ones=0, drives=0)
    core = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=0, k=0, v=0)
    found = total(
        estimate.crossbar([matrix, core], card, estimate.Held(pulses=16, weight=6e-6, attention=4e-5))
    )
    up = relative_energy(45e-9, 0.9) / relative_energy(32e-9, 0.9)
    adc, bus, router = up * (1.67 + 0.001), up * 0.054, up * 0.081
    pico = 60 * (adc + 0.23) + 120 * (adc + 0.05) + 60 * 0.03 + 150 * (1 + 16) * 2.56
    pico += 48 * (bus + router) + 360 * (bus + router) + 8 * (60 + 120) * bus  # inputs, then results
    n_max = card.full_write
    time = 6 * 133e-9 + 2 * (4 * 133e-9 + 50e-9 + 2 * 5 * n_max * 50e-9)  # five levels
    pico += (10 + 15) * time * card.price("column-second").energy * 1e12
    assert found == pytest.approx(pico * 1e-12)


def test_areas_are_numbers_of_parts_times_their_areas():
    """32 nm: cells of (4 x 56 nm)^2; a converter of 1200 um2 serves 147 lines in 123 ns."""
    card = ChipCard.load("default").replace(technology="32nm")
    cell = (4 * 56e-9) ** 2
    matrix = Matrix(name="fc", rows=300, columns=300, positions=2, passes=3, inputs=600, ones=90, drives=90)
    found = areas([matrix], card)
    assert found["weight cells"] == pytest.approx(2 * 300 * 300 * cell)
    assert found["ADC"] == pytest.approx(2 * 2 * 2 * 1200e-12)  # 2 x 2 tiles of 150 columns
    core = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)
    both = areas([matrix, core], card)
    assert both["attention cells"] == pytest.approx(2 * 3 * 25 * cell)
    assert both["ADC"] == pytest.approx(found["ADC"] + 3 * 1200e-12)
    four = areas([core], card.replace(attention={"devices_per_synapse": 4}))
    assert four["attention cells"] == pytest.approx(4 * both["attention cells"])
