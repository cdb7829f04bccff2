"""Compensation is digital: one aged chip serves all of them; judged by aihwkit's own."""

import pytest
import torch
from aihwkit.inference import GlobalDriftCompensation
from aihwkit.inference.compensation.drift import PerColumnDriftCompensation

import memsim
from memsim import models
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
