"""Latency of an image by hand: reads in turn, arrays at once, a slot for each distinct first-spike time."""

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.arrays.attention_array import AttentionArray
from memsim.models.datasets.catalog import load
from memsim.run import Run

READ, CONVERT = 10e-9, 100e-9
ATTENTION = {
    "n_max": 8,
    "read_time [s]": 20e-9,
    "conversion_time [s]": 200e-9,
    "pulse_time [s]": 1e-6,
    "reset_time [s]": 50e-6,
}


def card(**fields) -> memsim.ChipCard:
    weights = {"read_time [s]": READ, "conversion_time [s]": CONVERT}
    return (
        memsim.ChipCard.load("default")
        .replace(weights=weights, attention=ATTENTION, **fields)
        .without("adc", "dac")
    )


@pytest.mark.parametrize("tile", [256, 2])
def test_a_layer_takes_a_read_for_each_position_and_step_whatever_its_tiles(tile):
    """Three steps of five tokens on two chips, seven images each."""
    net = nn.Sequential(nn.Linear(6, 4))  # images on the second axis
    chosen = card().replace(weights={"tile_rows": tile, "tile_columns": tile})
    chip = memsim.to_crossbar(net, chosen, chips=2, batch_axis=1).program()
    chip(torch.rand(3, 7, 5, 6))
    assert chip.ledger.latency == pytest.approx(3 * 5 * (READ + CONVERT))


def attention(q: list[list[int]], k: list[list[int]], silent: str = "pulse") -> float:
    """Latency of one step's attention [s], two heads, spike counts by head and token, five features."""
    chosen = card()
    run = Run(card=chosen, chips=(0,), seed=0, ledger=memsim.Ledger(chosen))
    run.begin(1)
    array = AttentionArray("core", models.STDPAttention(heads=2, head_dim=5, silent=silent), run)
    features = torch.arange(5)
    spikes = [(features < torch.tensor(counts)[..., None]).float()[None, None] for counts in (q, k)]
    run.ledger.images = 1
    array(*spikes, torch.ones_like(spikes[0]))
    return run.ledger.latency


def test_attention_takes_a_reset_two_phases_of_slots_and_a_read_for_each_feature():
    """First-spike times of the heads: {5, 0, 1} and {2, 0}; the chip waits for three."""
    q, k = [[5, 5, 0], [2, 2, 2]], [[5, 1, 0], [2, 0, 0]]
    reads = 5 * 220e-9
    assert attention(q, k) == pytest.approx(50e-6 + 2 * 3 * 8 * 1e-6 + reads)
    assert attention(q, k, "no-pulse") == pytest.approx(50e-6 + 2 * 2 * 8 * 1e-6 + reads)


def test_silence_is_one_slot_and_no_slot_without_pulses():
    quiet = [[0, 0, 0], [0, 0, 0]]
    assert attention(quiet, quiet) == pytest.approx(50e-6 + 2 * 8 * 1e-6 + 5 * 220e-9)
    assert attention(quiet, quiet, "no-pulse") == pytest.approx(50e-6 + 5 * 220e-9)


def test_a_network_adds_its_layers_up_reads_the_encoder_once_and_does_not_count_chips_or_images_twice():
    net, x = models.load("s2tdpt-digits"), load("digits").x_test[:3]
    latencies = []
    for chips in (1, 3):
        chip = memsim.to_crossbar(
            net, card(), chips=chips, seed=0, calibration=load("digits").x_train[:8]
        ).program()
        with torch.no_grad():
            chip(x, image=range(3))
            book = chip.ledger
            once = dict(book.latencies)
            chip(x, image=range(3))
        assert (
            book.latency == pytest.approx(sum(once.values())) == pytest.approx(sum(book.latencies.values()))
        )
        assert book.interval == pytest.approx(max(once.values()))
        assert set(once) == {*chip.weight_arrays, *chip.attention_arrays}
        assert once["patches.encoder"] == pytest.approx(64 * (READ + CONVERT))
        assert once["head"] == pytest.approx(READ + CONVERT)
        latencies.append(once)
    steps, tokens = net.config.steps, net.config.tokens
    for one in latencies:
        assert one["blocks.0.attention.q.linear"] == pytest.approx(steps * tokens * (READ + CONVERT))


def test_a_closed_or_cleared_ledger_has_no_time():
    book = memsim.Ledger(card())
    book.open = False
    book.add_time("layer", 1.0)
    assert book.latency == 0
    book.open = True
    book.add_time("layer", 1.0)
    assert book.latency == 1.0
    book.clear()
    assert book.latency == 0
