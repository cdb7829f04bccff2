"""Layers that stay digital: named on the card, executed and billed as digital work."""

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.digital_only import DigitalOnly
from memsim.energy.census import Census
from memsim.models.datasets.catalog import load

LAYERS = ("q.linear", "k.linear", "v.linear", "core", "proj.linear")


@pytest.fixture(scope="module")
def net():
    return models.load("s2tdpt-digits")


def on_chips(net, *patterns: str, chips: int = 2) -> memsim.Chip:
    card = memsim.ChipCard.load("default").replace(digital=patterns)
    return memsim.to_crossbar(net, card, chips=chips, seed=0, calibration=load("digits").x_train[:16])


def arrays(chip: memsim.Chip) -> set[str]:
    return {*chip.weight_arrays, *chip.attention_arrays}


def test_a_network_that_stays_digital_is_the_digital_network(net):
    x = load("digits").x_test[:40]
    chip = on_chips(net, "*", chips=3).program().advance_to(86400.0)
    with torch.no_grad():
        logits, wanted = chip(x), net(x)
    assert not arrays(chip)
    for one in logits:
        assert torch.allclose(one, wanted, atol=1e-5)
    assert chip.upkeep == {"writes": 0, "write energy [J]": 0, "reads": 0, "read energy [J]": 0}
    assert chip.ledger.latency == 0
    assert set(chip.ledger.breakdown()) == {"neurons", "digital arithmetic"}


def test_patterns_name_layers_blocks_and_attention(net):
    everything = arrays(on_chips(net))
    gone = everything - arrays(on_chips(net, "blocks.0.*", "patches.encoder", "head"))
    assert gone == {n for n in everything if n.startswith("blocks.0.")} | {"patches.encoder", "head"}
    assert everything - arrays(on_chips(net, "blocks.?.attention.core")) == {
        n for n in everything if n.endswith(".core")
    }


def test_a_digital_attention_leaves_the_rest_as_it_was(net):
    """Names carry the noise: what comes before the digital layer gives the same bits."""
    x = load("digits").x_test[:3]
    seen = {}
    for patterns in ((), ("blocks.1.attention.core",)):
        chip = on_chips(net, *patterns).program()
        with torch.no_grad():
            handle = chip.net.blocks[0].register_forward_hook(
                lambda _, __, out, p=patterns: seen.update({p: out})
            )
            chip(x)
            handle.remove()
        cells = net.config.steps * net.config.heads * net.config.tokens**2
        assert chip.ledger.number("reset", "blocks.1.attention.core") == (0 if patterns else cells)
    assert torch.equal(*seen.values())


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("blocks.0", "did you mean 'blocks.0"),
        ("patches.encodr", "did you mean 'patches.encoder'"),
        ("blocks.0.attention.lif", "known: patches.encoder, "),
    ],
)
def test_a_pattern_that_names_no_array_is_refused_with_the_nearest(net, pattern, words):
    with pytest.raises(memsim.CardError) as refusal:
        on_chips(net, pattern)
    assert f"digital = {pattern!r}: no such layer" in str(refusal.value)
    assert words in str(refusal.value)


def work(layer: nn.Module, x: torch.Tensor) -> tuple[str, float]:
    """The only event of a layer, and how often it happens."""
    with torch.no_grad(), Census(nn.Sequential(layer), images=len(x)) as census:
        layer_net = census.net
        layer_net(x)
    (((_, event), number),) = census.tally.totals().items()
    return event, number


def test_a_linear_layer_adds_for_spikes_and_multiplies_for_numbers():
    layer = nn.Linear(6, 4)
    spikes = torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0]])
    assert work(layer, spikes) == ("digital-add", 3 * 4)
    assert work(layer, spikes / 2) == ("digital-mac", 2 * 4 * 6)


@pytest.mark.parametrize("padding", [1, "same"])
def test_a_convolution_adds_a_spike_into_every_output_that_sees_it(padding):
    """3 x 3 kernel on 4 x 4 pixels: a corner is seen from 4 places, an inner pixel from 9; 5 maps each."""
    layer = nn.Conv2d(2, 5, 3, padding=padding)
    spikes = torch.zeros(2, 2, 4, 4)
    spikes[0, 0, 0, 0] = spikes[1, 1, 1, 2] = 1.0
    assert work(layer, spikes) == ("digital-add", (4 + 9) * 5)
    grouped = nn.Conv2d(2, 4, 3, padding=1, groups=2)
    assert work(grouped, spikes) == ("digital-add", (4 + 9) * 2)
    assert work(layer, spikes / 2) == ("digital-mac", 2 * 5 * 16 * 18)


def test_digital_layers_are_in_the_ledger(net):
    x = load("digits").x_test[:3]
    chip = on_chips(
        net, "patches.encoder", "blocks.0.attention.q.linear", "blocks.0.attention.core"
    ).program()
    with torch.no_grad():
        chip(x)
    book, widths = chip.ledger, net.config.widths
    assert book.number("digital-mac", "patches.encoder") == 64 * widths[0] * 9
    assert book.number("digital-add", "blocks.0.attention.q.linear") > 0
    assert book.number("digital-compare", "blocks.0.attention.core") > 0  # table look-ups
    for layer in ("patches.encoder", "blocks.0.attention.q.linear", "blocks.0.attention.core"):
        assert not book.number("adc", layer) and layer not in book.latencies


class Tiny(DigitalOnly):
    """A matrix too small for an array."""

    digital_because = "too small for an array"

    def __init__(self):
        super().__init__()
        self.matrix = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.matrix(x)


def test_a_module_may_stay_digital_by_its_kind():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), Tiny(), nn.Linear(4, 10))
    images = load("digits").x_train[:16]
    chip = memsim.to_crossbar(net, "default", chips=2, calibration=images, strict=True).program()
    assert arrays(chip) == {"1", "3"}
    line = next(line for line in chip.mapping if line.layer == "2.matrix")
    assert (line.place, line.reason, line.parameters) == ("digital", "too small for an array", 16)
    chip(images)
    assert chip.ledger.number("digital-mac", "2.matrix") == 16 and not chip.ledger.number("adc", "2.matrix")
