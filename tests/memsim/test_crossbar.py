"""A network on chips: ideal equals digital spike for spike; names, not positions, carry the noise."""

import pytest
import torch

import memsim
from memsim import models
from memsim.models.datasets.catalog import load
from memsim.studies.evaluation.taps import Taps

IMAGES = 24


@pytest.fixture(scope="module")
def net():
    return models.load("s2tdpt-digits")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def ideal_card() -> memsim.ChipCard:
    return memsim.ChipCard.load("default").replace(
        weights={"cell": "ideal", "tile_rows": 50, "tile_columns": 20}, attention={"cell": "ideal"}
    )


def spikes_of(net, x):
    with torch.no_grad(), Taps(net) as taps:
        logits = net(x)
    return logits, dict(taps.spikes)


def test_an_ideal_crossbar_equals_digital_spike_for_spike(net, digits):
    """Through mapping, pairs, tiles, reset and transposed read, in float64, on all predictions and all
    spikes.
    """
    x = digits.x_test[:IMAGES]
    reference = models.load("s2tdpt-digits").double()
    logits, wanted = spikes_of(reference, x.double())
    chip = memsim.to_crossbar(net, ideal_card(), chips=2, seed=3).program()
    with torch.no_grad(), Taps(chip.net) as taps:
        got = chip(x)
    assert got.dtype == torch.float64
    for one in got:
        assert torch.allclose(one, logits, atol=1e-9)
    assert set(taps.spikes) == set(wanted)
    for layer, spikes in wanted.items():
        assert torch.equal(
            taps.spikes[layer].unflatten(1, (2, -1)), spikes.unsqueeze(1).expand(-1, 2, *spikes.shape[1:])
        )
    assert any(a.tiles > 1 and a.column_tiles > 1 for a in chip.weight_arrays.values())


def test_ideal_equals_digital_on_every_test_picture(digits):
    """Sums that meet a threshold exactly (pulses that cancel, whole numbers of values) fall alike on both."""
    reference = models.load("s2tdpt-digits").double()
    chip = memsim.to_crossbar(reference, ideal_card(), chips=1, seed=0).program().advance_to(86400.0)
    for start in range(0, len(digits.x_test), 90):
        x = digits.x_test[start : start + 90]
        logits, wanted = spikes_of(reference, x.double())
        with torch.no_grad(), Taps(chip.net) as taps:
            got = chip(x)[0]
        assert torch.equal(got.argmax(-1), logits.argmax(-1))
        assert all(torch.equal(taps.spikes[layer], spikes) for layer, spikes in wanted.items())


def test_one_perturbed_conductance_changes_a_spike(net, digits):
    x = digits.x_test[:IMAGES]
    chip = memsim.to_crossbar(net, ideal_card(), chips=1, seed=3).program()
    with torch.no_grad(), Taps(chip.net) as before:
        chip(x)
    kept = {n: s.clone() for n, s in before.spikes.items()}
    array = chip.weight_arrays["blocks.0.attention.q.linear"]
    array.volt_SRC[0, 0, 0] += 0.2 * 25e-6
    with torch.no_grad(), Taps(chip.net) as after:
        chip(x)
    assert any(not torch.equal(kept[n], after.spikes[n]) for n in kept)


def test_a_chip_and_an_image_keep_their_noise_in_any_company(net, digits):
    """Same seed, same chip, same bits: alone or stacked, in any batch order or size."""
    card = memsim.ChipCard.load("default")
    x = digits.x_test[:6]
    stacked = (
        memsim.to_crossbar(net, card, chips=3, seed=1, calibration=digits.x_train[:16])
        .program()
        .advance_to(3600.0)
    )
    alone = (
        memsim.to_crossbar(net, card, chips=[2], seed=1, calibration=digits.x_train[:16])
        .program()
        .advance_to(3600.0)
    )
    with torch.no_grad():
        whole = stacked(x, image=range(6))
        parts = torch.cat([alone(x[[5, 4]], image=[5, 4]), alone(x[:4], image=range(4))], 1)
    assert torch.equal(whole[2], parts[0][[2, 3, 4, 5, 1, 0]])
    assert not torch.equal(whole[0], whole[1])


def test_another_seed_is_another_chip(net, digits):
    card = memsim.ChipCard.load("default")
    one, two = (
        memsim.to_crossbar(net, card, chips=1, seed=s, calibration=digits.x_train[:16])
        .program()
        .advance_to(60.0)
        for s in (0, 1)
    )
    with torch.no_grad():
        assert not torch.equal(one(digits.x_test[:2]), two(digits.x_test[:2]))


def test_time_is_absolute_and_repeatable(net, digits):
    """A chip's times form one trajectory: going on to a day by way of an hour is the same day."""
    card = memsim.ChipCard.load("default")
    chip = memsim.to_crossbar(net, card, chips=1, seed=0, calibration=digits.x_train[:16]).program()
    with torch.no_grad():
        direct = chip.advance_to(86400.0)(digits.x_test[:2], image=range(2))
        chip.advance_to(3600.0)
        again = chip.advance_to(86400.0)(digits.x_test[:2], image=range(2))
    assert torch.equal(direct, again)


def test_the_read_path_stays_differentiable(net, digits):
    card = memsim.ChipCard.load("default")
    chip = memsim.to_crossbar(net, card, chips=2, seed=0, calibration=digits.x_train[:16]).program()
    x = digits.x_test[:3].clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(chip(x).flatten(0, 1), digits.y_test[:3].repeat(2))
    loss.backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda x: x[:, :, :4], "shape"),
        (lambda x: torch.where(torch.rand_like(x) < 0.5, torch.nan, x), "NaN"),
        (lambda x: x * 255, "255"),
    ],
)
def test_bad_images_are_refused(net, digits, bad, words):
    chip = memsim.to_crossbar(net, ideal_card(), chips=1).program()
    with pytest.raises(ValueError, match=words):
        chip(bad(digits.x_test[:2]))


@pytest.mark.parametrize("t", [-1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(net, t):
    chip = memsim.to_crossbar(net, ideal_card(), chips=1).program()
    with pytest.raises(ValueError, match="seconds since programming"):
        chip.advance_to(t)


def test_an_unprogrammed_chip_says_so(net, digits):
    with pytest.raises(RuntimeError, match="program"):
        memsim.to_crossbar(net, ideal_card(), chips=1)(digits.x_test[:1])
