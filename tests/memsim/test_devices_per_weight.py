"""Several devices for a weight: each errs on its own, their currents add, one digital factor divides."""

import pytest
import torch

from memsim import ChipCard
from memsim.engines.aihwkit import TileWeights
from memsim.run import Run
from tests.memsim.made import LEVELS, array, card, levels_matrix
from tests.statistics import assert_same_std


def errors(made) -> torch.Tensor:
    """Errors of the first chip's weights about their mean, a row for each weight of the levels matrix."""
    plus, minus = made.conductance()[0].unflatten(0, (2, -1)).sum(1)
    held = (plus - minus) / made.scale_C
    rows = torch.stack([held[levels_matrix() == level] for level in (*LEVELS, *-LEVELS)])
    return rows - rows.mean(1, keepdim=True)


def test_the_first_device_of_many_is_the_only_one_of_one():
    matrix = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    one, many = (array(matrix, card(devices_per_weight=n), chips=2) for n in (1, 3))
    for made in (one, many):
        made.advance_to(3600.0)
    assert many.conductance().shape == (2, 6, 9, 5)
    assert torch.equal(one.conductance(), many.conductance()[:, [0, 3]])


@pytest.mark.parametrize("devices", [4, 16])
def test_programming_error_falls_with_the_root_of_their_number(devices):
    one = errors(array(levels_matrix(), card(scaling="layer").only("programming")))
    chosen = card(scaling="layer", devices_per_weight=devices).only("programming")
    many = devices**0.5 * errors(array(levels_matrix(), chosen, seed=12))
    spread = one.std(1, keepdim=True)
    assert_same_std(many / spread, one / spread)
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * many / spread, one / spread)


def test_read_noise_falls_with_the_root_of_their_number():
    """Variance g_max sum_r x^2 G over all devices: sixteen times the signal's square for four times the
    noise's.
    """
    spikes = torch.ones(1, 1, 1, 20000, 50)
    noise = {}
    for devices, seed in ((1, 11), (4, 12)):
        made = array(torch.ones(50, 8), card(devices_per_weight=devices).only("read-noise"), seed=seed)
        noise[devices] = made.read(spikes) - 50
    assert_same_std(2 * noise[4], noise[1])
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * 2 * noise[4], noise[1])


def test_without_error_they_are_one_weight_and_read_and_resist_as_all_of_them():
    matrix = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    spikes = torch.ones(1, 1, 1, 1, 9)
    one, many = (array(matrix, card(devices_per_weight=n).only()) for n in (1, 5))
    for made in (one, many):
        made.advance_to(3600.0)
        assert torch.allclose(made.read(spikes), spikes @ matrix, atol=1e-5)
    assert many.run.ledger.joules["layer", "array-read"] == pytest.approx(
        5 * one.run.ledger.joules["layer", "array-read"], rel=1e-6
    )
    assert many.kappa == pytest.approx(5 * one.kappa)


@pytest.mark.parametrize("devices", [0, 17])
def test_a_number_of_devices_that_is_none_is_refused(devices):
    with pytest.raises(ValueError, match=r"weights.devices_per_weight"):
        card(devices_per_weight=devices)


def test_aihwkits_layers_refuse_more_than_a_pair():
    chosen = card(devices_per_weight=2)
    run = Run(card=chosen, chips=(0,), seed=0, ledger=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"engine aihwkit: weights.devices_per_weight = 2"):
        TileWeights("layer", torch.ones(2, 2), run)


def test_the_default_is_one():
    assert ChipCard.load("default").weights.devices_per_weight == 1
