"""NeuroBench's metrics of both executions: its additions are the ledger's row drives x columns."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import memsim
from memsim import models

pytest.importorskip("neurobench")

from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ParameterCount
from neurobench.metrics.workload import ActivationSparsity, ClassificationAccuracy, SynapticOperations

from memsim.models.exchange import neurobench as bench

IMAGES = 6
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def net():
    return models.load("s2tdpt-digits")


def run(model, static=(), workload=()) -> dict:
    digits = models.datasets.load("digits")
    loader = DataLoader(TensorDataset(digits.x_test[:IMAGES], digits.y_test[:IMAGES]), batch_size=4)
    choose = [lambda logits: logits.argmax(-1)]
    return Benchmark(model, loader, [], choose, [list(static), list(workload)]).run(quiet=True)


@pytest.fixture(scope="module")
def digital(net):
    metrics = [ClassificationAccuracy, SynapticOperations, ActivationSparsity, bench.AttentionOperations]
    return run(bench.NetworkModel(net), [ParameterCount], metrics)


def chip_of(net, **cells):
    card = memsim.ChipCard.load("default")
    card = card.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"}) if cells else card
    return memsim.to_crossbar(net, card, chips=1, seed=0).program()


def test_additions_are_row_drives_times_columns(net, digital):
    found = run(bench.ChipModel(chip_of(net, ideal=True)), [], [bench.CrossbarOperations, bench.Agreement])
    theirs, ours = digital["SynapticOperations"], found["CrossbarOperations"]
    assert ours["Effective_ACs"] == pytest.approx(theirs["Effective_ACs"], rel=1e-12)
    assert ours["Effective_MACs"] == pytest.approx(theirs["Effective_MACs"], rel=1e-12)
    assert ours["Effective_ACs"] > 1e6 and found["Agreement"] == {"agreement": 1.0}


def test_digital_metrics(net, digital):
    assert digital["ParameterCount"] == sum(p.numel() for p in net.parameters())
    assert 0.5 < digital["ActivationSparsity"] < 1 and digital["ClassificationAccuracy"] > 0.7
    assert digital["AttentionOperations"]["digital-add"] > 0


def test_a_real_chip_has_energy_and_its_own_accuracy(net):
    chip = chip_of(net)
    metrics = [ClassificationAccuracy, bench.CrossbarEnergy, bench.Agreement]
    found = run(bench.ChipModel(chip), [ParameterCount], metrics)
    digits = models.datasets.load("digits")
    chip.program()
    with torch.no_grad():
        right = (chip(digits.x_test[:IMAGES])[0].argmax(-1) == digits.y_test[:IMAGES]).double().mean()
    assert found["ClassificationAccuracy"] == pytest.approx(float(right))
    assert found["CrossbarEnergy"]["energy [J]"] == pytest.approx(chip.ledger.energy, rel=1e-6)


def test_refusals(net):
    chip = chip_of(net, ideal=True)
    with pytest.raises(ValueError, match="NeuroBench's hooks do not see"):
        run(bench.ChipModel(chip), [], [SynapticOperations])
    with pytest.raises(ValueError, match="CrossbarEnergy is of a ChipModel, given: NetworkModel"):
        bench.CrossbarEnergy()(bench.NetworkModel(net), torch.zeros(1), (torch.zeros(1),))
    two = memsim.to_crossbar(net, chip.card, chips=2, seed=0)
    with pytest.raises(ValueError, match="measures one device, not 2: pass chips=1"):
        bench.ChipModel(two)
