"""What stays digital beside arrays is counted, and stands in the mapping report with its operations."""

from __future__ import annotations

import torch
from torch import nn

import memsim

BARE = memsim.ChipCard.load("default").without("adc", "dac")


def ledger_of(net: nn.Module, *shape: int) -> memsim.Ledger:
    """The ledger of a network after one run."""
    chip = memsim.to_crossbar(net, BARE, chips=2, strict=True).program()
    chip(torch.rand(3, *shape))
    return chip.ledger


def test_products_of_two_signals_inside_attention_are_counted() -> None:
    ledger = ledger_of(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 5, 8)
    assert ledger.number("digital-mac", "self_attn") == 2 * 5 * 5 * 8  # q k^T and A v
    assert ledger.number("digital-function", "self_attn") >= 2 * 5 * 5  # exp of both heads


def test_gates_of_a_recurrent_layer_are_counted() -> None:
    ledger = ledger_of(nn.LSTM(6, 4, batch_first=True), 5, 6)
    assert (
        ledger.number("digital-function") == 5 * 5 * 4
    )  # three sigmoids and two tanh for each step and unit


def test_a_layer_on_an_array_is_counted_once() -> None:
    ledger = ledger_of(nn.Sequential(nn.Linear(6, 4), nn.ReLU()), 6)
    assert ledger.number("digital-mac") == 0
    assert ledger.number("digital-add", "0") == 4  # the bias


def test_operations_left_digital_are_no_operations_on_arrays() -> None:
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
    chip = memsim.to_crossbar(net, BARE.replace(digital=["0"]), chips=1).program()
    chip(torch.rand(3, 1, 8, 8))
    first, last, *_ = chip.mapping
    assert (first.operations, last.operations) == (8 * 9 * 64, 5120)
    assert chip.mapping.share("operations") == 5120 / (5120 + 8 * 9 * 64)


def test_a_projection_left_digital_has_its_own_operations() -> None:
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    chip = memsim.to_crossbar(net, BARE.replace(digital=["*.q", "*.k"]), chips=1).program()
    chip(torch.rand(3, 5, 8))
    assert [line.operations for line in chip.mapping][:3] == [5 * 64] * 3
