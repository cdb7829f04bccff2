"""One picture of two pixels walks through the whole machine, with numbers small enough to do by hand.

Two tokens, two features, one head, two time steps.  The pixels are 1 and 1/2; the encoder's kernel is (1.2,
.8) at its centre; every neuron has threshold 1 and leak 1/2 (the one after the attention: 1/2), hard reset to
0.

token   membrane U0   spikes t1   spikes t2
0       1.2  .8       1  0        1  1          (.8 leaks to .4, then .4 + .8 = 1.2)
1        .6  .4       0  0        0  0          (.6 leaks to .3, then .3 + .6 = .9)
"""

from math import exp

import pytest
import torch

import memsim
from memsim import models
from memsim.models.registry import configure

A, TAU, OFFSET, N_MAX = 0.45, 0.5, 0.5, 4
STEP = 0.0949  # of reram-om: the first pulse up moves a nominal device so far
ONE, FOUR = (
    STEP,
    1 - (1 - STEP) ** 4,
)  # |w| after one and four pulses of a soft-bounds device with bounds -1 and 1
WEAK = A * ONE / FOUR  # the |dw| that a single pulse writes

# n[t][i][j]: ties get all pulses down, the query that fires first gets one pulse up, the other one pulse down
PULSES = torch.tensor([[[-4, 1], [-1, -4]], [[-4, 1], [-1, -4]]])


def network() -> models.S2TDPT:
    config = configure(
        "s2tdpt-1-8", in_shape=(1, 1, 2), num_classes=2, dim=2, heads=1, widths=(2,), pools=(False,), steps=2,
        mlp_ratio=1,
        scale=4.0, window={"A": A, "tau": TAU, "offset": OFFSET, "t_max": 1.0},
    )  # fmt: skip
    net = models.S2TDPT(config).eval()
    block = net.blocks[0]
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                module.running_var.fill_(1 - module.eps)  # batch norm as the exact identity
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                module.weight.zero_()
                if module.bias is not None:
                    module.bias.zero_()
        net.patches.encoder.weight[:, 0, 1, 1] = torch.tensor([1.2, 0.8])
        block.attention.q.linear.weight.copy_(torch.tensor([[1.5, 0.0], [0.0, 1.5]]))
        block.attention.k.linear.weight.copy_(torch.tensor([[0.0, 1.5], [1.5, 0.0]]))
        block.attention.v.linear.weight.copy_(torch.tensor([[1.5, 0.0], [1.5, 0.0]]))
        block.attention.proj.linear.weight.copy_(torch.tensor([[0.7, 0.0], [0.0, 0.7]]))
        block.attention.proj.linear.bias.copy_(torch.tensor([0.1, 0.0]))
        net.head.weight.copy_(torch.eye(2))
        net.head.bias.copy_(torch.tensor([0.0, 0.2]))
    return net


PICTURE = torch.tensor([[[[1.0, 0.5]]]])


class Journey:
    """The chip after one picture, and what every part of it put out."""

    def __init__(self) -> None:
        card = memsim.ChipCard.load("default").replace(
            weights={"cell": "ideal"}, attention={"n_max": N_MAX, "coding": "linear"}
        )
        self.chip = memsim.to_crossbar(network(), card.only("pulse-rounding"), chips=1, seed=0)
        self.chip.program()
        self.seen: dict[str, torch.Tensor] = {}
        for name, module in self.chip.net.named_modules():
            module.register_forward_hook(lambda _, __, out, name=name: self.seen.update({name: out.detach()}))
        self.array = self.chip.attention_arrays["blocks.0.attention.core"]
        self.array.recording = True
        self.logits = self.chip(PICTURE)
        self.written = self.array.recorded[0, 0, 0]


@pytest.fixture(scope="module")
def journey() -> Journey:
    return Journey()


def at(journey: Journey, name: str) -> list:
    """(T, N, D) of a part's output."""
    return journey.seen[name][:, 0].tolist()


def test_pixels_become_membrane(journey):
    maps = journey.seen["patches"][:, 0]  # held over both steps
    assert torch.allclose(maps, torch.tensor([[[1.2, 0.8], [0.6, 0.4]]] * 2), atol=1e-6)


def test_membrane_becomes_spikes(journey):
    assert at(journey, "blocks.0.attention.lif") == [[[1, 0], [0, 0]], [[1, 1], [0, 0]]]


def test_spikes_become_queries_keys_and_values(journey):
    assert at(journey, "blocks.0.attention.q_lif") == [[[1, 0], [0, 0]], [[1, 1], [0, 0]]]
    assert at(journey, "blocks.0.attention.k_lif") == [[[0, 1], [0, 0]], [[1, 1], [0, 0]]]
    assert at(journey, "blocks.0.attention.v_lif") == [[[1, 1], [0, 0]], [[1, 1], [0, 0]]]


def test_spike_counts_become_pulses(journey):
    """Counts 1 and 0 fire at 1/2 and 1, counts 2 and 0 at 0 and 1; 4 exp(-1) and 4 exp(-2) both round to one
    pulse.
    """
    assert round(N_MAX * exp(-0.5 / TAU)) == round(N_MAX * exp(-1.0 / TAU)) == 1
    table = journey.array.design.table.counts
    for t, counts in enumerate(([1, 0], [2, 0])):
        got = [[int(table[q, k]) for k in counts] for q in counts]
        assert got == PULSES[t].tolist()


def test_pulses_become_weights(journey):
    expected = torch.where(PULSES == -4, -A, PULSES.sign() * WEAK)
    assert torch.allclose(journey.written, OFFSET + expected, atol=1e-5)


def test_value_spikes_read_the_array(journey):
    """Only token 0 has value spikes: query i collects A_i0 in both features."""
    first, second = OFFSET - A, OFFSET - WEAK
    out = journey.seen["blocks.0.attention.core"][:, 0, 0]
    assert torch.allclose(out, torch.tensor([[[first] * 2, [second] * 2]] * 2), atol=1e-5)


def test_currents_become_spikes_again(journey):
    """Scaled by 4, token 0 gets .2 (never reaches 1/2), token 1 gets 4 (1/2 - WEAK) = 1.5."""
    assert at(journey, "blocks.0.attention.core_lif") == [[[0, 0], [1, 1]]] * 2


def test_the_head_sees_the_mean_membrane(journey):
    """U' = U0 + (.1, 0) + .7 spikes: (1.3, .8) and (1.4, 1.1); the MLP is silent."""
    assert torch.allclose(journey.logits[0, 0], torch.tensor([1.35, 0.95 + 0.2]), atol=1e-5)


def test_every_event_is_in_the_ledger(journey):
    book, core = journey.chip.ledger, "blocks.0.attention.core"
    assert book.number("dac-conversion", "patches.encoder") == 4  # of nine rows, a border for the rest
    assert book.number("row-drive", "patches.encoder") == 4  # both pixels lie in both patches
    assert book.number("adc", "patches.encoder") == 2 * 2
    for part in ("q", "k", "v"):
        assert book.number("row-drive", f"blocks.0.attention.{part}.linear") == 3  # one spike, then two
        assert book.number("adc", f"blocks.0.attention.{part}.linear") == 2 * 2 * 2
    assert book.number("reset", core) == 2 * 4
    assert book.number("pulse", core) == int(PULSES.abs().sum()) == 20
    assert book.number("row-drive", core) == 4  # two value spikes a step
    assert book.number("adc", core) == 2 * 2 * 2
    assert book.number("neuron-step", "blocks.0.attention.lif") == 2 * 2 * 2
    assert book.number("digital-add", "blocks.0.add1") == 2 * 2 * 2


def test_reading_costs_the_actual_conductances(journey):
    """A value spike sees both plastic cells of its bit line (w = -FOUR and -ONE) and two references."""
    card = journey.chip.card.attention
    bit_line = 4 * card.g_mid - (FOUR + ONE) * card.g_unit
    expected = 4 * card.read_voltage**2 * card.read_time * bit_line
    assert journey.chip.ledger.joules["blocks.0.attention.core", "array-read"] == pytest.approx(
        expected, rel=1e-5
    )
