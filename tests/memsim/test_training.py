"""Gradients reach the digital weights through the arrays, exact ones where the arrays are; fresh chips."""

import copy
import math

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.mapping.lowering.products import ArrayParameter
from memsim.training import FIRST, Learning

IDEAL = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
NOISY = memsim.ChipCard.load("default")
YEAR = 365.25 * 86400


class Attends(nn.Module):
    """Self-attention over the rows of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, 0]
        return self.head(self.attention(x, x, x)[0].mean(1))


class Remembers(nn.Module):
    """A recurrent layer over the rows of a picture."""

    def __init__(self, kind: type[nn.RNNBase], **how: int) -> None:
        super().__init__()
        self.rows, self.head = kind(8, 5, batch_first=True, **how), nn.LazyLinear(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rows(x[:, 0])[0].mean(1))


class Tied(nn.Module):
    """A layer whose weight is used twice, and a bilinear form of its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.form = nn.Linear(8, 8), nn.Bilinear(8, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once = torch.tanh(self.layer(x[:, 0].mean(1)))
        return self.form(once, torch.tanh(nn.functional.linear(once, self.layer.weight)))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 3))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 6, 3, groups=2, stride=2),
        nn.Tanh(), nn.ConvTranspose2d(6, 4, 2, groups=2), nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip


NETS = {
    "mlp": mlp, "cnn": cnn, "attention": Attends, "tied": Tied,
    "spiking": lambda: models.load("s2tdpt-digits"),
    "lstm": lambda: Remembers(nn.LSTM, bidirectional=True), "gru": lambda: Remembers(nn.GRU, num_layers=2),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A network in evaluation mode, and images for it."""
    torch.manual_seed(5)
    net, x = NETS[name](), torch.rand(4, 1, 8, 8)
    net.eval()(x)
    return net, x


def chip_of(net: nn.Module, x: torch.Tensor, card: memsim.ChipCard, **how) -> memsim.Chip:
    return memsim.to_crossbar(net, card, calibration=x, **how)


def loss_of(out: torch.Tensor) -> torch.Tensor:
    return (out * torch.linspace(1, 3, out.shape[-1])).square().mean()


def gradients(chip: memsim.Chip, x: torch.Tensor) -> dict[str, torch.Tensor]:
    for parameter in chip.parameters():
        parameter.grad = None
    loss_of(chip(x)).backward()
    return {name: p.grad.clone() for name, p in chip.net.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", NETS)
def test_on_ideal_arrays_gradients_are_those_of_the_digital_network(name):
    net, x = made(name)
    chip = chip_of(net, x, IDEAL, chips=2).train()
    chip.net.eval()  # norms as trained
    found = gradients(chip, x)
    digital = copy.deepcopy(net).double()
    loss_of(digital(x.double())).backward()
    wanted = {n: p.grad for n, p in digital.named_parameters() if p.grad is not None}
    for key, gradient in wanted.items():
        key = key.replace(".core.", ".core.leaf.") if key not in found else key
        scale = float(gradient.abs().max())
        assert torch.allclose(found.pop(key), gradient, rtol=1e-10, atol=1e-10 * scale), key
    assert not found and any(float(g.abs().max()) > 0 for g in wanted.values())


@pytest.mark.parametrize("name", NETS)
def test_through_noise_drift_and_converters_every_matrix_learns(name):
    net, x = made(name)
    chip = chip_of(net, x, NOISY, chips=1).train(times=YEAR)
    found = gradients(chip, x)
    on_arrays = {n for n, p in chip.net.named_parameters() if isinstance(p, ArrayParameter)}
    assert on_arrays
    for key in on_arrays:
        assert torch.isfinite(found[key]).all() and float(found[key].abs().max()) > 0, key


def test_the_gradient_of_a_matrix_is_that_of_the_inputs_it_had():
    """dL/dW = e x^T, e and x as on the chip: straight through what the devices add to W."""
    torch.manual_seed(1)
    net, x = nn.Linear(6, 3), torch.rand(5, 6)
    chip = chip_of(net, x, NOISY.without("dac"), chips=1).train(times=YEAR)
    out = chip(x)
    loss_of(out).backward()
    error = 2 * out.detach()[0] * torch.linspace(1, 3, 3) ** 2 / out.numel()
    gain = float(chip.weight_arrays["net"].compensation_SC)
    weight, bias = chip.parameters()
    assert gain > 1.05  # a year of drift is compensated: the sum of the bracket and W is multiplied
    assert torch.allclose(weight.grad, gain * error.T @ x, rtol=1e-4, atol=1e-6)
    assert torch.allclose(bias.grad, error.sum(0), rtol=1e-5)
    assert float((out - net(x)).detach().abs().max()) > 1e-3


def devices(chip: memsim.Chip) -> torch.Tensor:
    return torch.cat([array.volt_SRC.flatten() for array in chip.weight_arrays.values()])


def test_every_batch_has_fresh_chips_that_no_test_meets_and_a_seed_repeats_them():
    net, x = made("mlp")
    runs = []
    for seed in (0, 0, 1):
        chip = chip_of(net, x, NOISY, chips=[0, 3], seed=seed).program()
        seen = [devices(chip)]
        chip.train(times=(1.0, YEAR), seed=seed)
        for _ in range(3):
            chip(x)
            assert min(chip.chips) >= FIRST
            seen.append(devices(chip))
        chip.eval().program()
        assert chip.chips == (0, 3) and torch.equal(devices(chip), seen[0])
        runs.append(torch.stack(seen))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    assert len(runs[0].unique(dim=0)) == 4


@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "attention", "tied"])
def test_chips_that_are_not_fresh_follow_the_weights(name):
    net, x = made(name)
    net.to(memory_format=torch.channels_last)
    chip = chip_of(net, x, NOISY, chips=1).train(fresh=False)
    chip(x)
    before = {key: array.volt_SRC.clone() for key, array in chip.weight_arrays.items()}
    chip(x)
    assert all(torch.equal(array.volt_SRC, before[key]) for key, array in chip.weight_arrays.items())
    assert chip.chips == (0,)
    with torch.no_grad():
        for parameter in chip.parameters():
            parameter.flatten()[0] += 5
    chip(x)
    changed = [
        key for key, array in chip.weight_arrays.items() if not torch.equal(array.volt_SRC, before[key])
    ]
    assert changed == [key for key in before if key[-2:] not in (".k", ".v")]


def test_times_are_drawn_evenly_over_their_logarithm():
    learning, shares = Learning(chips=(0,), times=(1.0, YEAR), seed=2), []
    for learning.batches in range(400):
        shares.append(math.log(learning.time()) / math.log(YEAR))
    mean, error = sum(shares) / 400, math.sqrt(1 / 12 / 400)
    assert 0 <= min(shares) < 0.02 and 0.98 < max(shares) <= 1 and abs(mean - 0.5) < 4 * error
    assert learning.time() != Learning(chips=(0,), times=(1.0, YEAR), seed=3, batches=399).time()
    assert Learning(chips=(0,), times=60).time() == 60


@pytest.mark.parametrize("times", [-1.0, math.inf, math.nan, (0.0, 5.0), (5.0, 1.0)])
def test_times_that_are_none_are_refused(times):
    net, x = made("mlp")
    with pytest.raises(ValueError, match="times"):
        chip_of(net, x, NOISY, chips=1).train(times=times)


OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.02),
    "adamw foreach": lambda p: torch.optim.AdamW(p, lr=0.02, foreach=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_lowers_the_loss_and_the_trained_weights_are_measured(name):
    net, x = made("cnn")
    labels = torch.tensor([0, 1, 2, 0])
    chip = chip_of(net, x, NOISY, chips=2).train(times=(1.0, 3600.0))
    optimizer, losses = OPTIMIZERS[name](chip.parameters()), []
    for _ in range(12):
        loss = nn.functional.cross_entropy(chip(x).flatten(0, 1), labels.repeat(2))
        optimizer.zero_grad()
        loss.backward()
        assert nn.utils.clip_grad_norm_(chip.parameters(), 5.0) > 0
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]
    with pytest.raises(RuntimeError, match="not programmed"):
        chip.eval()(x)
    plain = chip.digital()
    assert all(type(p) is nn.Parameter for p in plain.parameters())
    ideal = memsim.to_crossbar(plain, IDEAL, chips=1).program()
    again = memsim.to_crossbar(plain, NOISY, chips=2, calibration=x).program()
    assert torch.equal(chip.program()(x), again(x))
    with torch.no_grad():
        assert torch.allclose(ideal(x)[0], plain.double()(x.double()), atol=1e-9)
        assert not torch.allclose(plain(x.double()), net.double()(x.double()), atol=1e-2)


def test_norms_in_training_take_the_statistics_of_the_batch():
    net, x = made("cnn")
    chip = chip_of(net, x, IDEAL, chips=2).train()
    out = chip(x)
    digital = copy.deepcopy(net).double().train()
    assert torch.allclose(out[0], digital(x.double()), atol=1e-9)
    assert torch.allclose(chip.net[1].running_mean, digital[1].running_mean, atol=1e-9)


def test_a_training_without_calibration_images_finds_layouts_in_evaluation_mode():
    net, x = made("cnn")
    chip = memsim.to_crossbar(net, NOISY.without("adc", "dac"), chips=1).train()
    mean = chip.net[1].running_mean.clone()
    assert chip(x).requires_grad and chip.net[1].training
    assert not torch.equal(chip.net[1].running_mean, mean)
    chip.net[1].eval()
    chip(x[:, :, :, 1:].repeat(1, 1, 1, 2)[..., :8])
    assert not chip.net[1].training and chip.net[2].training
