"""Networks at the edge of what can be mapped: odd outputs, weights used twice, modes of torch."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import memsim
from tests.zoo.layout_networks import Calls, two

DEFAULT = memsim.ChipCard.load("default")
IDEAL = DEFAULT.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})


def numbers(*shape: int, seed: int = 1) -> Tensor:
    """Normal numbers, always the same."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def chip_of(net: nn.Module, images: Any, card: memsim.ChipCard = DEFAULT, **how: Any) -> memsim.Chip:
    """A programmed chip, calibrated on some images."""
    return memsim.to_crossbar(net, card, calibration=images, **{"chips": 2, **how}).program()


def assert_right(net: nn.Module, *images: Tensor, **how: Any) -> memsim.Chip:
    """Check that ideal equals digital in float64 and that chips differ; return the default chip."""
    with torch.no_grad():
        got = chip_of(net, images, IDEAL, chips=1, **how)(*images)
        wanted = copy.deepcopy(net).double().eval()(*[x.double() for x in images])
        assert torch.allclose(got[0], wanted, rtol=1e-10, atol=1e-12)
        chip = chip_of(net, images, **how)
        assert (chip(*images).std(0) > 0).any()
    return chip


# --- outputs ----------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """An output that torch cannot look into."""

    logits: Tensor


def answer() -> nn.Module:
    return Calls(lambda m, x: Answer(m.b(m.a(x).relu())), **two())


def test_an_output_that_torch_cannot_look_into_is_refused() -> None:
    x = numbers(5, 6)
    with pytest.raises((TypeError, ValueError), match=r"Answer.*output="):
        chip_of(answer(), x)(x)


def test_output_picks_the_logits_from_an_object() -> None:
    x = numbers(5, 6)
    assert chip_of(answer(), x, output=lambda out: out.logits)(x).shape == (2, 5, 4)


@pytest.mark.parametrize(
    ("wrap", "output"),
    [
        (lambda y: (y, y.argmax(-1)), 0),
        (lambda y: {"logits": y, "best": y.argmax(-1)}, "logits"),
        (lambda y: [None, {"deep": y}], lambda out: out[1]["deep"]),
    ],
)
def test_output_picks_the_logits(wrap, output) -> None:
    x, layers = numbers(5, 6), two()
    plain = chip_of(Calls(lambda m, x: m.b(m.a(x).relu()), **layers), x)
    wrapped = chip_of(Calls(lambda m, x: wrap(m.b(m.a(x).relu())), **layers), x, output=output)
    assert torch.equal(wrapped(x), plain(x))


def test_outputs_without_numbers_pass() -> None:
    x = numbers(5, 6)
    net = Calls(lambda m, x: (m.b(m.a(x).relu()), None, 3, "name"), **two())
    logits, *rest = chip_of(net, x)(x)
    assert logits.shape == (2, 5, 4)
    assert rest == [None, 3, "name"]


# --- layers -----------------------------------------------------------------------------------------------


def test_a_weight_that_is_also_transposed_is_told() -> None:
    """An autoencoder with tied weights: the decoder's product stays digital, and a warning says so."""
    net = Calls(lambda m, x: nn.functional.linear(m.a(x).relu(), m.a.weight.t()), a=nn.Linear(6, 8))
    x = numbers(5, 6)
    with pytest.warns(memsim.NotMapped, match="a "):
        chip = chip_of(net, x)
    with pytest.raises(ValueError, match="a "):
        chip_of(net, x, strict=True)
    assert chip(x).shape == (2, 5, 6)


def test_a_scripted_part_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls scripts deprecated
        part = torch.jit.script(nn.Linear(6, 8))
    with pytest.raises(ValueError, match=r"^0 is a TorchScript module"):
        chip_of(nn.Sequential(part, nn.ReLU(), nn.Linear(8, 3)), numbers(5, 6))


def test_learned_positions_are_no_matrix() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.positions = nn.Parameter(torch.randn(5, 6))
            self.project, self.head = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x):
            return self.head(x + self.project(self.positions)).mean(1)

    chip = assert_right(Positions(), numbers(4, 5, 6))  # a warning would be an error
    places = {line.layer: line.place for line in chip.mapping}
    assert places == {"project": "digital", "head": "array", "net": "digital"}


def test_a_network_called_once_for_each_image_is_refused() -> None:
    net = Calls(lambda m, x: torch.stack([m.b(m.a(one).relu()) for one in x]), **two())
    with pytest.raises(ValueError, match=r"^a: the number of its calls depends on the images"):
        chip_of(net, numbers(5, 6))


def test_an_input_that_belongs_to_no_image() -> None:
    """A mask whose first axis is as long as the batch: the refusal names batch_axis, which heals it."""
    net = Calls(
        lambda m, x, mask: m.heads(x, x, x, attn_mask=mask)[0],
        heads=nn.MultiheadAttention(8, 2, batch_first=True),
    )
    images = numbers(5, 5, 8), torch.zeros(5, 5)
    with pytest.raises(ValueError, match="batch_axis"):
        chip_of(net, images)
    assert_right(net, *images, batch_axis=[0, None])


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_memory_format_changes_nothing(axis: int) -> None:
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2))
    order = torch.randn(4, 2, 8, 8).transpose(0, axis).contiguous().transpose(0, axis)
    chip = chip_of(net, order)
    with torch.no_grad():
        assert torch.equal(chip(order, image=range(4)), chip(order.contiguous(), image=range(4)))


def test_one_image_is_enough() -> None:
    assert_right(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), numbers(1, 6))


# --- modes of torch, and what is left behind --------------------------------------------------------------


def test_the_default_type_of_numbers_changes_nothing() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert_right(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(5, 6))
    finally:
        torch.set_default_dtype(torch.float32)


def test_inference_mode_keeps_states_apart() -> None:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    net, x = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(), nn.Linear(8, 3)), 3 * numbers(5, 6)
    with torch.inference_mode():
        chip = chip_of(net, x)
        assert torch.equal(chip(x, image=range(5)), chip(x, image=range(5)))


def test_the_network_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train()
    before, generator = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    x = numbers(5, 6)
    chip_of(net, x)(x)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(module.training for module in net.modules())
    assert all(p.requires_grad and type(p) is nn.Parameter for p in net.parameters())
    assert all(torch.equal(before[name], now) for name, now in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
