"""The spiking family on arrays: with ideal cells every spike is the digital one, and the mapping says what
stays digital.
"""

import warnings

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.models.parts.neurons import LIF
from memsim.written_attention import ProductAttention

MADE = {
    "s2tdpt-1-16": {"heads": 2},
    "spikingformer-1-16": {"heads": 2},
    "spikformer-1-16": {"heads": 2},
    "sdt-1-16": {},
    "sew-resnet18-4": {"blocks": (2, 1)},
    "sew-resnet18-5": {"blocks": (2, 1), "connect": "IAND"},
    "ms-resnet18-4": {"blocks": (1, 1)},
    "att-ms-resnet18-8": {"blocks": (1, 1), "steps": 2},
    "masnn": {"steps": 4, "reduction_t": 2, "widths": (8, 8), "pools": (1, 2), "hidden": 12},
}
DIGITAL = {
    "spikingformer-1-16": ("blocks.0.attention.core", ProductAttention.digital_because),
    "spikformer-1-16": ("blocks.0.attention.core", ProductAttention.digital_because),
    "sdt-1-16": ("blocks.0.attention.core", "ANDs and counts of spikes, no matrix"),
    "att-ms-resnet18-8": ("trunk.blocks.0.gates.gates.0.down", "gates: numbers from a mean"),
    "masnn": ("hidden_gate.gates.0.up", "gates: numbers from a mean"),
}


def network(name: str) -> models.Network:
    """A small network whose norms let neurons fire."""
    torch.manual_seed(3)
    net = models.build(name, in_shape=(1, 8, 8), num_classes=5, **MADE[name])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 2.0, 4.0)
            nn.init.uniform_(module.bias, 0.0, 2.0)
            module.running_var.fill_(0.3)
    return net.eval()


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def frames(count: int, steps: int) -> torch.Tensor:
    return torch.poisson(torch.full((steps, count, 1, 8, 8), 0.7), torch.Generator().manual_seed(0))


def digital_spikes(net: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    found = {}
    for name, module in net.named_modules():
        if isinstance(module, LIF):
            module.register_forward_hook(lambda _, __, out, name=name: found.update({name: out}))
    with torch.no_grad():
        return net(x), found


def ideal() -> memsim.ChipCard:
    return memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})


@pytest.mark.parametrize("coded", ["images", "frames"])
@pytest.mark.parametrize("name", MADE)
def test_with_ideal_cells_every_spike_is_the_digital_one(name, coded):
    net = network(name)
    held = coded == "images"
    x = images() if held else frames(3, net.config.steps)
    chip = memsim.to_crossbar(
        net, ideal(), chips=2, calibration=x, strict=True, batch_axis=0 if held else 1
    ).program()
    found = chip.record(x)
    wanted, spikes = digital_spikes(net.double(), x.double())
    assert found.spikes.keys() == spikes.keys()
    for layer, fired in spikes.items():
        by_image = fired.movedim(1, 0)  # (B, T, ...)
        assert torch.equal(found.spikes[layer], by_image.expand(2, *by_image.shape)), layer
    torch.testing.assert_close(chip(x), wanted.expand(2, -1, -1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", DIGITAL)
def test_what_stays_digital_is_said(name):
    layer, reason = DIGITAL[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is asked for, so nothing to be warned of
        chip = memsim.to_crossbar(network(name), "default", chips=1, calibration=images(), strict=True)
    line = next(line for line in chip.mapping if line.layer == layer)
    assert line.place == "digital" and line.reason.startswith(reason)
    assert not any(layer.startswith(array) for array in chip.mapped.weight_arrays)


@pytest.mark.parametrize(("name", "layers"), [("spikformer-1-16", 5 + 4 + 2 + 1), ("sew-resnet18-4", 9)])
def test_all_matrices_are_on_arrays(name, layers):
    chip = memsim.to_crossbar(network(name), "default", chips=1, calibration=images())
    on = chip.mapping.of("array")
    assert len(on) == layers and chip.mapping.share("operations") == 1.0


def test_integers_of_spike_shortcuts_drive_rows():
    """What no sum of spikes reaches is one bit wide; sums are numbers, whose range a calibration finds."""
    net = network("spikformer-1-16")
    seen = {}
    for layer in ("blocks.0.attention.q.linear", "blocks.0.fc1.linear", "blocks.0.fc2.linear"):
        net.get_submodule(layer).register_forward_hook(
            lambda _, x, __, layer=layer: seen.update({layer: sorted(x[0].unique().tolist())})
        )
    with torch.no_grad():
        net(images())
    assert seen["blocks.0.attention.q.linear"] == [0, 1, 2] and seen["blocks.0.fc1.linear"] == [0, 1, 2, 3]
    assert seen["blocks.0.fc2.linear"] == [0, 1]
