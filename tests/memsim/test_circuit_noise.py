"""Thermal, shot and amplifier noise of reads of weight arrays, against their equations."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

import memsim
from memsim.devices.numerics.operation import plain
from tests.statistics import assert_mean, assert_std

K, Q, T, V, TIME, AMPLIFIER = 1.380649e-23, 1.602176634e-19, 300.0, 0.2, 10e-9, 2e-11
G_MAX = 25e-6
NET = nn.Linear(48, 32, bias=False)
DRAWN = torch.rand(400, 48, generator=torch.Generator().manual_seed(1))
IMAGES = {"spikes": (DRAWN < 0.3).float(), "numbers": 2 * DRAWN * (DRAWN < 0.6)}
EFFECTS = ("thermal-noise", "shot-noise", "amplifier-noise")
LOUD = {"amplifier_noise [A/Hz^.5]": AMPLIFIER}


def card(*effects: str, temperature: float = T, **weights) -> memsim.ChipCard:
    """The default card with an amplifier's noise, and these effects alone."""
    made = memsim.ChipCard.load("default").replace(weights=LOUD | weights, **{"temperature [K]": temperature})
    return made.only(*effects)


def outputs(card: memsim.ChipCard, x: torch.Tensor, chips=2, net=NET) -> torch.Tensor:
    """Outputs (chips, images, classes) of one layer."""
    with torch.no_grad():
        return memsim.to_crossbar(net, card, chips=chips, seed=0, calibration=x).program()(x)


def variance(
    effect: str, x: torch.Tensor, *, volt=V, time=TIME, temperature=T, devices=1, tiles=1, passive=False
):
    """Variance of every number, (images, columns): that of the current over (V k)^2, k [S] of a weight of 1.

    Only the device that carries a weight conducts: G+ + G- = |W| k.
    """
    weight = NET.weight.detach().double().abs()
    k = devices * G_MAX / weight.amax(1)
    peak = float(x.max())
    on = (x != 0).double()
    siemens = {
        "thermal-noise": 2
        * K
        * temperature
        / time
        * ((torch.ones_like(on) if passive else on) @ weight.T)
        * k,
        "shot-noise": Q * volt / time * (x.double() / peak @ weight.T) * k,
        "amplifier-noise": tiles
        * AMPLIFIER**2
        / (2 * time)
        * torch.ones(len(x), len(k), dtype=torch.float64),
    }
    return siemens[effect] / (volt * k) ** 2 * peak**2


def share(card: memsim.ChipCard, x: torch.Tensor, expected: torch.Tensor, **how) -> torch.Tensor:
    """Errors over their expected standard deviations."""
    error = outputs(card, x, **how).double() - x.double() @ NET.weight.detach().double().T
    return error / expected.sqrt()


@pytest.mark.parametrize("kind", ["spikes", "numbers"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_each_has_the_spread_of_its_equation(effect, kind):
    x = IMAGES[kind]
    found = share(card(effect), x, variance(effect, x))
    assert_mean(found, 0.0)
    assert_std(found, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * found, 1.0)


@pytest.mark.parametrize("kind", ["spikes", "numbers"])
def test_all_of_them_add_up_over_tiles_and_devices_in_parallel(kind):
    x = IMAGES[kind]
    many = {"tile_rows": 16, "tile_columns": 10, "devices_per_weight": 3}
    expected = sum(variance(effect, x, devices=3, tiles=3) for effect in EFFECTS)
    found = share(card(*EFFECTS, **many), x, expected)
    assert_std(found, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * found, 1.0)


@pytest.mark.parametrize("kind", ["spikes", "numbers"])
def test_in_passive_arrays_every_row_is_noisy(kind):
    """Rows at 0 V conduct between driver and sense amplifier; transistors open them (1T1R)."""
    x = IMAGES[kind]
    passive = memsim.ChipCard.load("default").replace(
        weights={"wires": "grounded", "tile_rows": 16}, **{"wire_resistance [ohm]": 1e-6}
    )
    for effects in (("thermal-noise",), ("thermal-noise", "shot-noise")):
        expected = sum(variance(effect, x, passive=True) for effect in effects)
        found = share(passive.only(*effects), x, expected)
        assert_std(found, 1.0)
        with pytest.raises(AssertionError):
            assert_std(1.03 * found, 1.0)


def test_half_the_voltage_halves_the_signal_and_not_the_thermal_noise():
    """In numbers the signal stays, so noise over signal doubles; shot noise falls with the root."""
    x = IMAGES["spikes"]
    for effect, factor in (("thermal-noise", 2.0), ("shot-noise", math.sqrt(2)), ("amplifier-noise", 2.0)):
        whole = share(card(effect), x, variance(effect, x))
        half = share(card(effect, **{"read_voltage [V]": V / 2}), x, variance(effect, x))
        assert torch.allclose(half, factor * whole, rtol=2e-3, atol=1e-3)  # the same numbers of the streams
    twice = share(
        card("thermal-noise", **{"read_time [s]": 2 * TIME}), x, variance("thermal-noise", x, time=2 * TIME)
    )
    assert_std(twice, 1.0)
    hot = share(card("thermal-noise", temperature=600.0), x, variance("thermal-noise", x, temperature=600.0))
    assert_std(hot, 1.0)


def test_a_lower_range_of_conductances_costs_signal_over_noise():
    x, whole, low = IMAGES["spikes"], card(*EFFECTS), card(*EFFECTS, **{"g_max [S]": G_MAX / 100})
    wanted = x @ NET.weight.detach().T
    assert (outputs(low, x) - wanted).std() > 5 * (outputs(whole, x) - wanted).std()


def test_off_is_zero_and_more_is_worse_to_the_absurd():
    x = IMAGES["numbers"]
    wanted = x @ NET.weight.detach().T
    quiet = memsim.ChipCard.load("default").only("adc", "dac")
    cold = (
        memsim.ChipCard.load("default")
        .replace(**{"temperature [K]": 1e-30})
        .only("adc", "dac", "thermal-noise")
    )
    assert torch.equal(outputs(cold, x), outputs(quiet, x))
    for effect, sweep in (
        ("thermal-noise", [{"read_time [s]": t} for t in (1e-6, 1e-8, 1e-10, 2e-12)]),
        ("shot-noise", [{"read_time [s]": t} for t in (1e-6, 1e-8, 1e-10, 2e-12)]),
        ("amplifier-noise", [{"amplifier_noise [A/Hz^.5]": a} for a in (1e-14, 1e-12, 1e-10, 9e-7)]),
    ):
        errors = [float((outputs(card(effect, **fields), x) - wanted).std()) for fields in sweep]
        assert all(a < b for a, b in pairwise(errors)), effect
    assert errors[-1] > 100 * float(wanted.std())


def test_kernels_and_torch_agree():
    for kind, x in IMAGES.items():
        for wires in ("none", "grounded"):
            chip = card(*EFFECTS, "read-noise", wires=wires, tile_rows=20)
            fast = outputs(chip, x[:20])
            with plain():
                assert torch.allclose(outputs(chip, x[:20]), fast, rtol=1e-4, atol=1e-5), (kind, wires)


def test_an_image_and_a_chip_have_their_noise_wherever_they_stand():
    x = IMAGES["numbers"][:6]
    chip = memsim.to_crossbar(NET, card(*EFFECTS), chips=3, seed=0, calibration=x).program()
    lone = memsim.to_crossbar(NET, card(*EFFECTS), chips=[2], seed=0, calibration=x).program()
    with torch.no_grad():
        whole = chip(x, image=range(6))
        assert torch.equal(chip(x[4:5], image=[4]), whole[:, 4:5])
        assert torch.equal(lone(x, image=range(6)), whole[2:])
        assert not torch.equal(chip(x, image=range(6, 12)), whole)


def test_groups_of_a_convolution_have_noise_of_their_own():
    net = nn.Conv2d(4, 8, 3, padding=1, groups=2, bias=False)
    x = torch.rand(6, 4, 7, 7, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        exact = net(x)
    one = outputs(card("amplifier-noise"), x, net=net) - exact
    peak = net.weight.detach().abs().amax((1, 2, 3)).view(-1, 1, 1)
    found = one / (AMPLIFIER / math.sqrt(2 * TIME) / (V * G_MAX) * peak * x.max())
    assert_std(found, 1.0)
    assert_mean(found[:, :, :4] * found[:, :, 4:], 0.0)


def test_ideal_cells_are_noiseless_and_the_amplifier_is_not():
    x = IMAGES["spikes"]
    quiet = memsim.ChipCard.load("default").replace(weights={"cell": "ideal"})
    assert torch.equal(outputs(quiet, x), outputs(quiet.without("thermal-noise", "shot-noise"), x))
    loud = quiet.replace(weights=LOUD)
    assert not torch.equal(outputs(loud, x), outputs(quiet, x))


def test_a_cell_without_read_noise_of_its_own_has_the_noise_of_physics():
    x = IMAGES["spikes"]
    milo = memsim.ChipCard.load("default").replace(weights={"cell": "reram-milo2021"})
    assert not torch.equal(outputs(milo.only("thermal-noise"), x), outputs(milo.only(), x))


def test_what_a_card_may_say_of_it():
    usual = memsim.ChipCard.load("default")
    assert {"thermal-noise", "shot-noise"} <= set(usual.effects) and "amplifier-noise" not in usual.effects
    assert "amplifier-noise" in usual.replace(attention=LOUD).effects
    with pytest.raises(memsim.CardError, match="amplifier-noise"):
        usual.without("amplifier-noise")
    with pytest.raises(memsim.CardError, match=r"thermal-noise.*temperature \[K\]"):
        usual.replace(strengths={"thermal-noise": 2.0})
    with pytest.raises(memsim.CardError, match=r"temperature \[K\].*1000"):
        usual.replace(**{"temperature [K]": 3000})
    with pytest.raises(memsim.CardError, match=r"amplifier_noise.*1e-06"):
        usual.replace(weights={"amplifier_noise [A/Hz^.5]": 1.0})
