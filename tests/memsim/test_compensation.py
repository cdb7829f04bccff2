"""Compensation is digital: one aged chip serves all of them; judged by aihwkit's own."""

import pytest
import torch
from aihwkit.inference import GlobalDriftCompensation
from aihwkit.inference.compensation.drift import PerColumnDriftCompensation

import memsim
from memsim import models
from memsim.arrays.compensation import products
from memsim.arrays.weight_array import WeightArray
from memsim.engines.aihwkit import TileWeights
from memsim.models.datasets.catalog import load
from memsim.run import Run
from tests.memsim.made import array, card

DAY = 86400.0
MATRIX = torch.randn(200, 50, generator=torch.Generator().manual_seed(2)) * torch.logspace(-1.5, 0, 50)
SPIKES = (torch.rand(1, 1, 1, 64, 200, generator=torch.Generator().manual_seed(3)) < 0.3).float()


def difference(made: WeightArray) -> torch.Tensor:
    """G+ - G- of the first chip in units of g_max (R, C)."""
    plus, minus = made.conductance()[0]
    return (plus - minus) / 25e-6


@pytest.mark.parametrize(
    ("name", "rule"), [("global", GlobalDriftCompensation()), ("column", PerColumnDriftCompensation())]
)
def test_the_factors_are_aihwkits(name, rule):
    made = array(MATRIX, card(scaling="layer"))
    reference = rule.readout(difference(made))
    made.advance_to(30 * DAY, name)
    wanted = rule.apply(difference(made), reference)
    assert torch.allclose(made.compensation_SC[0], wanted, rtol=1e-5)


def test_columns_that_drift_apart_are_repaired_by_a_factor_each():
    """Small weights drift faster, so with one scale for the layer a global factor leaves columns at gains of
    their own.  (The error about the gain stays: a column's weights drift apart, too.)
    """
    made = array(MATRIX, card(scaling="layer").only("drift"))
    exact, off = SPIKES @ MATRIX, {}
    for name in ("none", "global", "column"):
        made.advance_to(30 * DAY, name)
        gain = (made.read(SPIKES) * exact).sum(-2) / exact.square().sum(-2)
        off[name] = float((gain - 1).abs().mean())
    assert off["column"] < 0.7 * off["global"]
    assert off["global"] < 0.5 * off["none"]


def test_the_card_says_which_compensation_an_advance_takes():
    for name in ("global", "column", "none"):
        told, asked = array(MATRIX, card(compensation=name)), array(MATRIX, card())
        told.advance_to(DAY)
        asked.advance_to(DAY, name)
        assert torch.equal(told.read(SPIKES), asked.read(SPIKES))


def test_compensation_changes_no_conductance_and_senses_none_anew():
    made = array(MATRIX, card())
    made.advance_to(DAY, "global")
    aged, bits, outputs = made.volt_SRC, made.conductance(), []
    for name in ("none", "column", "global"):
        made.advance_to(DAY, name)
        assert made.volt_SRC is aged
        outputs.append(made.read(SPIKES))
    assert not torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[1], outputs[2])
    fresh = array(MATRIX, card(compensation="none"))
    fresh.advance_to(DAY)
    assert torch.equal(fresh.conductance(), bits)


@pytest.mark.parametrize("name", ["global", "column"])
def test_a_column_without_conductance_keeps_a_factor_of_one(name):
    matrix = torch.zeros(6, 3)
    matrix[:, 0] = 1.0
    made = array(matrix, card().only("drift"))
    made.advance_to(DAY, name)
    assert torch.isfinite(made.compensation_SC).all()
    assert name == "global" or made.compensation_SC[0, 1:].tolist() == [1.0, 1.0]


def back_to_weights(**weights):
    """The card without converters whose compensation goes back to the weights."""
    return card(reference="weights", **weights)


@pytest.mark.parametrize("name", ["global", "column"])
def test_the_factor_to_the_weights_is_that_of_products(name):
    """Sum w^2 over sum w g, from the conductances themselves, from the write on."""
    made = array(MATRIX, back_to_weights(scaling="layer", compensation=name))
    wanted = (MATRIX * made.scale_C / 25e-6).double()
    for age in (0.0, 30 * DAY):
        made.advance_to(age)
        product, square = wanted * difference(made), wanted * wanted
        column = square.sum(0) / product.sum(0)
        factor = column if name == "column" else square.sum() / product.sum()
        assert torch.allclose(made.compensation_SC[0].double(), factor, rtol=1e-5)
        assert not torch.allclose(made.compensation_SC, torch.ones(1, 1), atol=1e-4)
    made.advance_to(30 * DAY, "none")
    assert torch.equal(made.compensation_SC, torch.ones(1, 1))


def test_products_find_the_gain_beneath_noise_and_reject_another():
    """g = a w + noise: a factor of 1 / a within four standard errors over 64 chips; 3 % more is not."""
    rng = torch.Generator().manual_seed(4)
    wanted = torch.randn(1, 300, 40, generator=rng, dtype=torch.float64)
    seen = 0.83 * wanted + 0.3 * torch.randn(64, 300, 40, generator=rng, dtype=torch.float64)
    own = products(wanted, wanted)
    factor = (own["global"] / products(wanted, seen)["global"]).flatten()
    error = float(factor.std()) / 8
    assert abs(float(factor.mean()) - 1 / 0.83) < 4 * error < abs(1.03 / 0.83 - 1 / 0.83)
    alone = products(wanted, seen[5:6])
    assert all(torch.equal(alone[kind], sums[5:6]) for kind, sums in products(wanted, seen).items())


def test_groups_have_columns_of_their_own():
    rng = torch.Generator().manual_seed(4)
    wanted, seen = torch.randn(3, 5, 4, generator=rng), torch.randn(6, 5, 4, generator=rng)
    found = products(wanted, seen)
    by_hand = (wanted * seen.view(2, 3, 5, 4)).sum(2).reshape(2, 12)
    assert torch.allclose(found["column"], by_hand, rtol=1e-5, atol=1e-6)
    assert torch.allclose(found["global"], by_hand.sum(1, keepdim=True), rtol=1e-5, atol=1e-6)


def test_what_lines_take_is_given_back():
    """Alone, resistive lines leave a layer a gain below 1; the mean gain comes back, and in every column."""
    lines = {"weights": {"wires": "idle-off"}, "wire_resistance [ohm]": 12.0}
    exact, gain = SPIKES @ MATRIX, {}
    for reference in ("written", "weights"):
        for name in ("global", "column"):
            chosen = card(scaling="layer", compensation=name, reference=reference).replace(**lines)
            made = array(MATRIX, chosen.only("wires"))
            made.advance_to(1.0)
            gain[reference, name] = (made.read(SPIKES) * exact).sum(-2) / exact.square().sum(-2)
    lost = 1 - float(gain["written", "column"].mean())
    assert lost > 0.05
    assert abs(1 - float(gain["weights", "column"].mean())) < 0.1 * lost
    assert float((1 - gain["weights", "column"]).abs().max()) < lost


def test_going_back_to_the_weights_without_compensation_is_refused():
    with pytest.raises(memsim.CardError, match=r"weights.reference has no effect"):
        back_to_weights(compensation="none")


def test_aihwkits_layers_refuse_to_go_back_to_the_weights():
    run = Run(card=back_to_weights(), chips=(0,), seed=0, ledger=memsim.Ledger(card()))
    with pytest.raises(ValueError, match=r"engine aihwkit: weights.reference = \"weights\""):
        TileWeights("layer", MATRIX, run)


@pytest.fixture(scope="module")
def chip() -> memsim.Chip:
    digits = load("digits")
    net = models.load("s2tdpt-digits")
    return memsim.to_crossbar(net, chips=2, seed=0, calibration=digits.x_train[:16]).program()


def test_a_chip_takes_the_compensation_at_each_reading(chip):
    x = load("digits").x_test[:3]
    with torch.no_grad():
        carded = chip.advance_to(DAY)(x, image=range(3))
        column = chip.advance_to(DAY, compensation="column")(x, image=range(3))
        again = chip.advance_to(DAY, compensation="global")(x, image=range(3))
    assert torch.equal(carded, again)
    assert not torch.equal(carded, column)


def test_a_compensation_that_is_none_is_refused(chip):
    with pytest.raises(ValueError, match="compensation = 'colum': one of global, column, none"):
        chip.advance_to(DAY, compensation="colum")


@pytest.mark.parametrize("name", ["global", "column", "none"])
def test_aihwkits_layers_err_as_much_whatever_the_compensation(name):
    """aihwkit splits the programmed pair anew and compensates tile by tile; there is one tile here."""
    error = {}
    for kind in (WeightArray, TileWeights):
        chosen = card().without("thermal-noise", "shot-noise")
        run = Run(card=chosen, chips=tuple(range(6)), seed=0, ledger=memsim.Ledger(chosen))
        run.begin(1)
        made = kind("layer", MATRIX, run)
        made.program()
        run.begin(len(run.images), run.images, calibrating=True)
        spikes = SPIKES.expand(-1, 6, -1, -1, -1)
        made.read(spikes)
        run.begin(len(run.images), run.images)
        for first in ("none", name):  # the second is set on the chip that stands there already
            made.advance_to(DAY, first)
        exact = spikes @ MATRIX
        error[kind] = float((made.read(spikes) - exact).norm() / exact.norm())
    assert error[WeightArray] == pytest.approx(error[TileWeights], rel=0.08)
