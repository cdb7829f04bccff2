"""The reference engine: aihwkit's own layers and tiles under the same network, beside the fast engine."""

import pytest
import torch

import memsim
from memsim import models
from memsim.arrays.weight_array import WeightArray
from memsim.engines.aihwkit import TileWeights, seeded
from memsim.models.datasets.catalog import load
from memsim.run import Run

MATRIX = torch.randn(300, 40, generator=torch.Generator().manual_seed(0)) / 17
SPIKES = (torch.rand(2, 1, 2, 64, 300, generator=torch.Generator().manual_seed(1)) < 0.2).float()
CHIPS = 6


def error_of(kind, card: memsim.ChipCard, t: float | None) -> float:
    """Relative error of a layer's outputs over a stack of chips, fresh or aged."""
    run = Run(card=card, chips=tuple(range(CHIPS)), seed=0, ledger=memsim.Ledger(card))
    run.begin(2)
    array = kind("layer", MATRIX, run)
    array.program()
    spikes = SPIKES.expand(-1, CHIPS, -1, -1, -1)
    run.begin(len(run.images), run.images, calibrating=True)
    array.read(spikes)
    run.begin(len(run.images), run.images)
    if t is not None:
        array.advance_to(t)
    exact = spikes @ MATRIX
    return float((array.read(spikes) - exact).norm() / exact.norm())


@pytest.mark.parametrize("t", [3600.0, 86400.0, 30 * 86400.0])
def test_one_layer_errs_as_much_on_either_engine(t):
    """Weights, drift, compensation, read noise and 8-bit converters, six chips each; the engines differ by
    design in the pair's collapse and in whether a tile or a layer is compensated."""
    card = memsim.ChipCard.load("default").without("wires", "thermal-noise", "shot-noise")
    ours, other = error_of(WeightArray, card, t), error_of(TileWeights, card, t)
    assert ours == pytest.approx(other, rel=0.08)


def test_a_layer_is_cut_into_the_same_tiles_on_either_engine():
    """300 rows are two tiles of 150."""
    card = memsim.ChipCard.load("default").without("wires", "thermal-noise", "shot-noise")
    run = Run(card=card, chips=(0,), seed=0, ledger=memsim.Ledger(card))
    ours, other = (kind("layer", MATRIX, run) for kind in (WeightArray, TileWeights))
    other.program()
    (tiles,) = (layer.analog_module.in_sizes for (layer,) in other._layers())
    assert tiles == [150, 150]
    assert ours.kappa == other.kappa == pytest.approx(card.segment().resistance * 25e-6 * 150**2)


def test_an_ideal_layer_is_exact_on_either_engine():
    card = (
        memsim.ChipCard.load("default")
        .replace(weights={"cell": "ideal"})
        .without("adc", "dac", "wires", "thermal-noise", "shot-noise")
    )
    for kind in (WeightArray, TileWeights):
        assert error_of(kind, card, 1.0) < 1e-5


@pytest.mark.slow
def test_a_network_runs_ten_images_on_aihwkits_tiles():
    """Chips of both engines stay near the digital logits, and equally near: attention on reram-om, weights on
    PCM, one day.
    """
    digits, net = load("digits"), models.load("s2tdpt-digits")
    card = memsim.ChipCard.load("default").without("wires", "thermal-noise", "shot-noise")
    x = digits.x_test[:10]
    with torch.no_grad():
        reference = net(x)
        distance = {}
        for engine in ("memsim", "aihwkit"):
            chip = memsim.to_crossbar(
                net, card, chips=CHIPS, seed=0, calibration=digits.x_train[:32], engine=engine
            )
            logits = chip.program().advance_to(86400.0)(x)
            assert logits.shape == (CHIPS, 10, 10)
            assert (logits.argmax(-1) == reference.argmax(-1)).float().mean(-1).min() >= 0.9
            distance[engine] = (logits - reference).norm(dim=(1, 2)) / reference.norm()
    assert float(distance["memsim"].mean()) == pytest.approx(float(distance["aihwkit"].mean()), rel=0.35)


def test_seeding_leaves_the_global_generator_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(1):
        torch.rand(100)
    assert torch.equal(torch.rand(3), expected)


def test_noise_of_conversions_is_as_strong_on_either_engine():
    """Alone, in one tile: with several, aihwkit's is relative to the largest weight of each tile's column."""
    weights = {"output_noise": 0.05, "tile_rows": 300}
    card = memsim.ChipCard.load("default").replace(weights=weights).only("output-noise")
    ours, other = error_of(WeightArray, card, None), error_of(TileWeights, card, None)
    assert ours > 0.003 and ours == pytest.approx(other, rel=0.03)


@pytest.mark.parametrize("effect", ["programming", "drift", "flicker-noise", "read-noise"])
def test_an_effect_is_as_strong_on_either_engine(effect):
    """One effect alone, a day after the write; uncompensated, so that drift is seen."""
    card = memsim.ChipCard.load("default").replace(weights={"compensation": "none"}).only(effect)
    for strength in (0.5, 2.0):
        one = card.replace(strengths={effect: strength})
        ours, other = error_of(WeightArray, one, 86400.0), error_of(TileWeights, one, 86400.0)
        assert ours > 0.003 and ours == pytest.approx(other, rel=0.08)
    off = card.replace(strengths={effect: 0.0})
    assert max(error_of(kind, off, 86400.0) for kind in (WeightArray, TileWeights)) < 1e-5
