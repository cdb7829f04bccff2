"""Noise of conversions: aihwkit's out_noise, in the current of the largest weight in a fully driven row."""

import pytest
import torch
from torch import nn

import memsim
from memsim.devices.numerics.operation import plain
from tests.statistics import assert_mean, assert_std

NET = nn.Linear(48, 32, bias=False)
IMAGES = {
    "spikes": (torch.rand(400, 48, generator=torch.Generator().manual_seed(1)) < 0.3).float(),
    "numbers": torch.rand(400, 48, generator=torch.Generator().manual_seed(1)) * 2,
}


def card(noise: float = 0.05, **weights) -> memsim.ChipCard:
    """The default card with noise of conversions, all other effects off."""
    made = memsim.ChipCard.load("default").replace(weights={"output_noise": noise} | weights)
    return made.without(*(effect for effect in made.effects if effect != "output-noise"))


def outputs(card: memsim.ChipCard, x: torch.Tensor, chips=2) -> torch.Tensor:
    """Outputs (chips, images, classes) of one layer."""
    with torch.no_grad():
        return memsim.to_crossbar(NET, card, chips=chips, seed=0, calibration=x).program()(x)


def test_zero_is_off_and_off_is_zero():
    plain = memsim.ChipCard.load("default")
    assert "output-noise" not in plain.effects
    with pytest.raises(memsim.CardError, match="output-noise"):
        plain.without("output-noise")
    noisy = plain.replace(weights={"output_noise": 0.05})
    assert "output-noise" in noisy.effects
    x = IMAGES["numbers"]
    assert torch.equal(outputs(noisy.without("output-noise"), x), outputs(plain, x))
    with pytest.raises(memsim.CardError, match=r"weights\.output_noise"):
        noisy.replace(strengths={"output-noise": 2.0})


@pytest.mark.parametrize("kind", ["spikes", "numbers"])
@pytest.mark.parametrize("devices", [1, 3])
def test_its_spread_is_that_of_the_card_in_every_column_and_tile(kind, devices):
    """sigma = output_noise sqrt(tiles) max|W_c| max|x|, whatever the drive; 3 % more is refused."""
    x = IMAGES[kind]
    y = outputs(card(tile_rows=16, devices_per_weight=devices), x) - x @ NET.weight.T
    peak = NET.weight.abs().amax(1) * x.max()
    share = (y / peak).detach()
    expected = 0.05 * 3**0.5
    assert_mean(share, 0.0)
    assert_std(share, expected)
    with pytest.raises(AssertionError):
        assert_std(share, 1.03 * expected)


def test_it_adds_to_the_noise_of_devices_as_variances_add():
    x = IMAGES["numbers"]
    alone = card().only("output-noise")
    both = memsim.ChipCard.load("default").replace(weights={"output_noise": 0.05})
    both = both.only("output-noise", "read-noise")
    exact = x @ NET.weight.T
    one, two, sum_ = (
        (outputs(c, x, chips=8) - exact).var().item() for c in (alone, both.without("output-noise"), both)
    )
    assert sum_ == pytest.approx(one + two, rel=0.02)


def test_a_chip_is_the_same_in_any_batch_and_in_plain_torch():
    x = IMAGES["numbers"][:8]
    made = card().only("output-noise")
    many = outputs(made, x, chips=(0, 3, 5))
    assert torch.equal(outputs(made, x, chips=(3,))[0], many[1])
    with plain():
        assert torch.allclose(outputs(made, x, chips=(0, 3, 5)), many, atol=1e-5)
