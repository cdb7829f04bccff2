"""Networks at the edge of what can be mapped: odd outputs, weights used twice, modes of torch."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

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


def doubled(x: Tensor) -> Tensor:
    """Real or complex numbers of twice the bits."""
    if x.is_complex():
        return x.to(torch.complex128)
    return x.double() if x.is_floating_point() else x


def assert_right(net: nn.Module, *images: Tensor, **how: Any) -> memsim.Chip:
    """Check that ideal equals digital in float64 and that chips differ; return the default chip."""
    with torch.no_grad():
        got = chip_of(net, images, IDEAL, chips=1, **how)(*images)
        wanted = copy.deepcopy(net)._apply(doubled).eval()(*map(doubled, images))
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


@pytest.mark.parametrize(
    "computed",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        parametrizations.orthogonal,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
        lambda layer: prune.random_unstructured(parametrizations.weight_norm(layer), "bias", 1),
    ],
    ids=["weight_norm", "spectral_norm", "orthogonal", "pruned", "both"],
)
def test_weights_that_are_computed_stay_so_in_the_users_network(computed) -> None:
    """The copy takes their value of now; torch's own removal strips a class that both modules share."""
    net = nn.Sequential(computed(nn.Linear(6, 6)), nn.ReLU(), nn.Linear(6, 3)).eval()
    x = numbers(5, 6)
    kind, before = type(net[0]), {name: value.clone() for name, value in net.state_dict().items()}
    for card in (IDEAL, DEFAULT):
        error = (chip_of(net, x, card)(x) - net(x)).abs().max()
        assert error < (1e-5 if card is IDEAL else 2)
    assert type(net[0]) is kind
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    net(x).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


class Half(nn.Module):
    """Halves what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 2


def test_a_buffer_that_is_computed_stays_a_buffer() -> None:
    net = Calls(lambda m, x: m.b(m.a(x) * m.a.scale), **two())
    net.a.register_buffer("scale", torch.arange(8.0))
    parametrize.register_parametrization(net.a, "scale", Half())
    chip = assert_right(net, numbers(5, 6))
    assert "scale" in chip.net.a._buffers and parametrize.is_parametrized(net.a)


# --- complex numbers --------------------------------------------------------------------------------------


def fourier() -> nn.Module:
    """A layer of frequencies between two real ones, with a complex buffer as rotary positions have it."""
    net = Calls(
        lambda m, x: m.b(torch.fft.irfft(m.c(torch.fft.rfft(m.a(x)) * m.turn), n=8)),
        **two(c=nn.Linear(5, 5, dtype=torch.cfloat)),
    )
    net.register_buffer("turn", torch.polar(torch.ones(5), torch.arange(5.0)))
    return net


def test_complex_weights_stay_digital_and_are_reported() -> None:
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="its weights are complex numbers"):
        chip = assert_right(fourier(), numbers(5, 6))
    assert set(chip.weight_arrays) == {"a", "b"}


@pytest.mark.parametrize("count", [2, 9])
def test_complex_images(count: int) -> None:
    net = Calls(lambda m, x: m.b(m.a(torch.view_as_real(x).flatten(1))), **two())
    x = torch.complex(numbers(count, 3), numbers(count, 3, seed=2))
    assert_right(net, x)


# --- states that are no tensors ---------------------------------------------------------------------------


class Noted(nn.Linear):
    """A layer with extra state, as quantised layers have it."""

    def get_extra_state(self) -> Any:
        return {"made": "by hand", "scale": torch.ones(2), "what": object()}

    def set_extra_state(self, state: Any) -> None:
        pass


def test_extra_state_is_no_hindrance() -> None:
    net = nn.Sequential(Noted(6, 4), nn.ReLU(), nn.Linear(4, 3))
    x = numbers(5, 6)
    chip = assert_right(net, x)
    assert chip_of(net, x).digest == chip.digest


def test_ranges_that_a_batch_sets_mix_images() -> None:
    """Dynamic quantisation takes its scale from the whole batch."""
    net = Calls(lambda m, x: m.b(m.q(m.a(x))), **two(q=nn.Linear(8, 8)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves quantisation to another package
        net.q = torch.ao.quantization.quantize_dynamic(nn.Sequential(net.q), {nn.Linear})
        with pytest.raises(ValueError, match=r"^b: one image changes the rows of another"):
            chip_of(net, numbers(5, 6))
