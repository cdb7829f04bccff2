"""What crossbars cannot run, or a caller got wrong: one message that names the layer and the remedy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import memsim
from tests.zoo.layout_networks import Calls, two

DEFAULT = memsim.ChipCard.load("default")
IDEAL = DEFAULT.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})


def mlp() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def chip_of(net: nn.Module, card: memsim.ChipCard = DEFAULT, **how) -> memsim.Chip:
    """A programmed chip of a network that takes six numbers."""
    how.setdefault("calibration", torch.randn(5, 6, generator=torch.Generator().manual_seed(1)))
    return memsim.to_crossbar(net, card, **{"chips": 2, **how}).program()


# --- networks that mix images -----------------------------------------------------------------------------


def test_a_layer_after_a_softmax_over_images_is_refused() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.Softmax(0), nn.Linear(8, 3))
    with pytest.raises(ValueError, match=r"^2: one image changes.*softmax over the batch"):
        chip_of(net)(torch.randn(4, 6))


@pytest.mark.parametrize("card", [DEFAULT, IDEAL])
def test_outputs_that_mix_images_are_refused(card: memsim.ChipCard) -> None:
    """No array sees it; the chips would be mixed all the same."""
    with pytest.raises(ValueError, match="image"):
        chip_of(nn.Sequential(nn.Linear(6, 8), nn.Softmax(0)), card)(torch.randn(4, 6))


def test_batch_statistics_are_refused() -> None:
    norm = nn.BatchNorm1d(8, track_running_stats=False)
    with pytest.raises(ValueError, match=r"(2|1).*image"):
        chip_of(nn.Sequential(nn.Linear(6, 8), norm, nn.Linear(8, 3)))(torch.randn(4, 6))


def test_a_layer_that_mixes_images_runs_digitally_where_the_card_says_so() -> None:
    """The remedy that the message names: softmax over a batch needs the layers after it digital."""
    net = nn.Sequential(nn.Linear(6, 8), nn.Flatten(), nn.Linear(8, 3))
    chip = chip_of(net, DEFAULT.replace(digital=["2"]))
    assert set(chip.weight_arrays) == {"0"}
    assert chip(torch.randn(4, 6)).shape == (2, 4, 3)


def masked(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Only tokens of positive sum go through the first layer."""
    kept = x.sum(-1) > 0
    return m.b(x.new_zeros(*x.shape[:2], 8).masked_scatter(kept[..., None], m.a(x[kept]).relu())).mean(1)


def expert(m: Any, x: torch.Tensor) -> torch.Tensor:
    """Each image goes to one of two layers, by its own values."""
    chosen, out = m.b(m.a(x)).argmax(-1) % 2, x.new_zeros(len(x), 3)
    for n, layer in enumerate((m.c, m.d)):
        out[chosen == n] = layer(x[chosen == n])
    return out


def survivors(m: Any, x: torch.Tensor) -> torch.Tensor:
    """The output has a row for each token of positive sum."""
    return m.b(m.a(x).relu())[x.sum(-1) > 0]


@pytest.mark.parametrize(
    ("call", "shape", "layers"), [(masked, (5, 7, 6), ["a"]), (expert, (8, 6), ["c", "d"])]
)
def test_rows_that_values_choose_are_refused_or_digital(call, shape, layers) -> None:
    torch.manual_seed(0)
    net, x = Calls(call, **two(c=nn.Linear(6, 3), d=nn.Linear(6, 3))), torch.randn(*shape)
    how: Any = {"calibration": x, "chips": 2}
    with pytest.raises(ValueError, match=rf"^{layers[0]}: the values of images decide .*digital = \['"):
        memsim.to_crossbar(net, IDEAL, **how)
    chip = memsim.to_crossbar(net, IDEAL.replace(digital=layers), **how).program()
    assert not set(chip.weight_arrays) & set(layers)
    assert torch.allclose(chip(x)[1], net.double()(x.double()), rtol=1e-10, atol=1e-12)


def test_outputs_whose_rows_values_choose_are_refused() -> None:
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="network's output: the values of images decide"):
        memsim.to_crossbar(Calls(survivors, **two()), IDEAL, calibration=torch.randn(5, 7, 6))


@pytest.mark.parametrize(
    "turn", [lambda x: x.flip(0), lambda x: x.roll(1, 0), lambda x: x[[1, 0, *range(2, len(x))]]]
)
def test_images_in_another_order_are_refused(turn) -> None:
    """A batch is chips times images: turned round, it would meet the arrays of other chips."""
    net = Calls(lambda m, x: m.b(turn(m.a(turn(x)))), **two())
    with pytest.raises(ValueError, match="one image changes the rows of another"):
        memsim.to_crossbar(net, IDEAL, calibration=torch.randn(5, 6))


def test_a_layer_inside_vmap_is_refused_or_digital() -> None:
    net = Calls(lambda m, x: m.b(torch.vmap(m.a)(x).relu()), **two())
    how: Any = {"calibration": torch.randn(5, 6), "chips": 2}
    with pytest.raises(ValueError, match=r"^a: it is called inside torch.func .*digital = \['a'\]"):
        memsim.to_crossbar(net, DEFAULT, **how)
    chip = memsim.to_crossbar(net, DEFAULT.replace(digital=["a"]), **how).program()
    assert chip(torch.randn(4, 6)).shape == (2, 4, 4)


# --- layers that are not called as one expects ------------------------------------------------------------


def test_a_layer_that_is_never_called_is_reported() -> None:
    net = Calls(lambda m, x: m.b(m.a(x).relu()), **two(spare=nn.Linear(5, 5)))
    chip = chip_of(net)
    places = {line.layer: line.place for line in chip.mapping}
    assert places == {"a": "array", "b": "array", "spare": "unused"}
    assert chip(torch.randn(4, 6)).shape == (2, 4, 4)


OWN_PRODUCTS = {
    "matmul": lambda m, x: m.b((x @ m.a.weight.T).relu()),
    "mm": lambda m, x: m.b(torch.mm(x, m.a.weight.t()).relu()),
    "addmm": lambda m, x: m.b(torch.addmm(m.a.bias, x, m.a.weight.t()).relu()),
    "einsum": lambda m, x: m.b(torch.einsum("bi,oi->bo", x, m.a.weight).relu()),
    "elementwise": lambda m, x: m.b((x[:, None, :] * m.a.weight).sum(-1).relu()),
    "scaled": lambda m, x: m.b(nn.functional.linear(x, m.a.weight * 0.5).relu()),
    "norm": lambda m, x: m.b(m.a(x) / m.a.weight.norm()),
    "data": lambda m, x: m.b(nn.functional.linear(x, m.a.weight.data)),
    "row": lambda m, x: m.b(nn.functional.linear(x, m.a.weight[:8])),
    "cast": lambda m, x: m.b(nn.functional.linear(x, m.a.weight.to(x.dtype))),
}


@pytest.mark.parametrize("name", OWN_PRODUCTS)
def test_a_weight_read_in_another_way_is_right_or_reported_digital(name: str) -> None:
    """Ideal equals digital, and the report's "array" means that the devices of the array matter."""
    call = OWN_PRODUCTS[name]
    x = torch.randn(4, 6)
    net = Calls(call, **two())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", memsim.NotMapped)
        ideal = chip_of(net, IDEAL, chips=1)
        chip = chip_of(net, DEFAULT.replace(digital=["b"]), chips=3)
    with torch.no_grad():
        wanted = net.double()(x.double())
        assert torch.allclose(ideal(x)[0], wanted, rtol=1e-10, atol=1e-12)
        spread = chip(x).std(0).max()
    (line,) = [line for line in chip.mapping if line.layer == "a"]
    assert (line.place == "array") == bool(spread > 0)
    assert line.place == "array" or line.reason


def test_a_packed_sequence_is_right_or_refused() -> None:
    def call(m, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3] * len(x)), batch_first=True)
        out, _ = m.layer(packed)
        return m.head(nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0])

    net = Calls(call, layer=nn.LSTM(6, 5, batch_first=True), head=nn.Linear(5, 2))
    x = torch.randn(4, 3, 6)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", memsim.NotMapped)
            chip = memsim.to_crossbar(net, IDEAL, chips=1, calibration=x).program()
    except ValueError as refusal:
        assert "layer" in str(refusal)
    else:
        with torch.no_grad():
            assert torch.allclose(chip(x)[0], net.double()(x.double()), rtol=1e-10, atol=1e-12)


def test_a_random_encoder_is_no_mixing_of_images() -> None:
    """Rate coding draws spikes in forward: new ones in every call, none of another image's."""
    net = Calls(lambda m, x: m.b(m.a(torch.bernoulli(x.sigmoid())).relu()), **two())
    chip = chip_of(net)
    out = chip(torch.randn(4, 6))
    assert out.shape == (2, 4, 4)
    assert not torch.equal(out[0], out[1])


# --- networks in a state that cannot be copied ------------------------------------------------------------


def test_state_of_a_training_step_is_refused() -> None:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(), nn.Linear(8, 3))
    net(torch.randn(4, 6))  # with gradients, and not reset
    with pytest.raises(ValueError, match=r"1.*reset"):
        chip_of(net)


def test_state_of_an_earlier_call_is_refused() -> None:
    """Membranes of four images would meet whatever batch is as large."""
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(), nn.Linear(8, 3))
    with torch.no_grad():
        net(torch.randn(4, 6))
    with pytest.raises(ValueError, match=r"1.*reset"):
        chip_of(net)


def test_a_network_on_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"meta.*(cpu|CPU)"):
        chip_of(mlp().to("meta"))


def test_a_lazy_layer_that_was_never_called_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch says that lazy modules are in development
        net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(ValueError, match=r"0\.weight.*run the network once"):
        chip_of(net)


@pytest.mark.parametrize("wrong", ["s2tdpt-digits", lambda x: x, None, nn.Linear])
def test_what_is_no_network_is_refused(wrong) -> None:
    with pytest.raises((TypeError, ValueError), match=r"net.*nn\.Module"):
        memsim.to_crossbar(wrong, DEFAULT)


# --- arguments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chips", [2.5, "2", 0, -1, [], [0, -1], [0, 0], [0.5], None])
def test_chips_that_are_none_are_refused(chips) -> None:
    with pytest.raises((TypeError, ValueError), match="chips"):
        chip_of(mlp(), chips=chips)


@pytest.mark.parametrize(
    "calibration",
    [
        torch.randn(5, 7),
        torch.randn(0, 6),
        torch.randn(5),
        np.zeros((5, 6), np.float32),
        torch.full((5, 6), torch.nan),
        "digits",
    ],
    ids=["width", "empty", "no batch", "numpy", "NaN", "string"],
)
def test_calibration_that_does_not_fit_is_refused(calibration) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^calibration: |fails on inputs of shapes"):
        chip_of(mlp(), calibration=calibration)


def test_numpy_inputs_are_refused() -> None:
    with pytest.raises((TypeError, ValueError), match=r"numpy.*torch\.from_numpy"):
        chip_of(mlp())(np.zeros((4, 6), np.float32))


def test_an_empty_batch_is_refused_or_empty() -> None:
    chip = chip_of(mlp())
    try:
        out = chip(torch.zeros(0, 6))
    except ValueError as refusal:
        assert "0 images" in str(refusal) or "empty" in str(refusal) or "no image" in str(refusal)
    else:
        assert out.shape == (2, 0, 3)


def test_an_image_that_is_not_finite_is_named() -> None:
    x = torch.randn(4, 6)
    x[2, 3] = torch.inf
    with pytest.raises(ValueError, match="image 2"):
        chip_of(mlp())(x)


def test_inputs_that_do_not_fit_one_another_are_refused() -> None:
    net = Calls(lambda m, x, y: m.b((m.a(x) + m.c(y)).relu()), **two(c=nn.Linear(3, 8)))
    chip = chip_of(net, calibration=(torch.randn(5, 6), torch.randn(5, 3)))
    with pytest.raises(ValueError, match=r"shapes \[\(3, 6\), \(2, 3\)\]"):
        chip(torch.randn(4, 6), torch.randn(2, 3))


def test_strict_refuses_what_stays_digital() -> None:
    net = Calls(lambda m, x: m.b(nn.functional.linear(x, m.matrix)), b=nn.Linear(8, 3))
    net.matrix = nn.Parameter(torch.randn(8, 6))
    with pytest.raises(ValueError, match="matrix"):
        chip_of(net, strict=True)
    with pytest.warns(memsim.NotMapped, match="matrix"):
        chip_of(net)


def test_strict_lets_a_mapped_network_pass() -> None:
    assert set(chip_of(mlp(), strict=True).weight_arrays) == {"0", "2"}


@pytest.mark.parametrize("axis", [-1, True, 0.0, [0, -2], {"x": "first"}, "0"])
def test_an_axis_that_is_none_is_refused(axis) -> None:
    with pytest.raises(ValueError, match="batch_axis"):
        chip_of(mlp(), batch_axis=axis)
