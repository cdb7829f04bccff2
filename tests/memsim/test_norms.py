"""Batch norms estimated on the chip: those of the batch itself, of each chip alone, and undone by None."""

import pytest
import torch
from torch import nn

import memsim
from memsim import chip as crossbar
from memsim import models

DATA = models.datasets.load("digits")
NET = models.load("s2tdpt-digits")
CARD = memsim.ChipCard.load("default")
X = DATA.x_train[:8]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, so that a few images are several."""
    monkeypatch.setattr(crossbar, "RECALIBRATION_BATCH", len(X))


def chip(card: memsim.ChipCard = CARD, chips=(0, 1)) -> memsim.Chip:
    return memsim.to_crossbar(NET, card, chips=chips).program()


def test_on_ideal_cells_one_batch_gives_what_training_mode_does():
    ideal = chip(CARD.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"}))
    trained = ideal(X)
    ideal.recalibrate(X)
    wanted = models.load("s2tdpt-digits").double().train()(X.double())
    found = ideal(X)
    torch.testing.assert_close(found, wanted.expand_as(found), rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found, trained, atol=1e-2)


def test_chips_at_once_are_chips_apart_and_none_is_the_trained_network():
    both, alone = chip(), chip(chips=(1,))
    before, x = both(DATA.x_test[:4], image=range(4)), DATA.x_train[: len(X) + 3]
    both.ledger.clear()
    spent = both.recalibrate(x)
    assert both.ledger.images == 0 and not both.ledger.counts
    alone.recalibrate(x)
    after = both(DATA.x_test[:4], image=range(4))
    torch.testing.assert_close(after[1:], alone(DATA.x_test[:4], image=range(4)), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(after, before, atol=1e-3)
    both.recalibrate(None)
    assert torch.equal(both(DATA.x_test[:4], image=range(4)), before)
    both.ledger.clear()
    both(x)
    assert spent["images"] == len(x)
    assert spent["energy [J]"] == pytest.approx(both.ledger.energy * len(x), rel=0.2)  # in other batches


def test_a_chip_that_never_ran_before_estimates_its_norms() -> None:
    """Without converters nothing probes the network before; its statistics are those of a chip that ran."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    quiet = memsim.ChipCard.load("default").without("adc", "dac", "wires")
    images, found = torch.rand(16, 3), []
    for ran in (False, True):
        chip = memsim.to_crossbar(net, quiet, chips=2).program()
        if ran:
            chip(images[:2])
        chip.recalibrate(images)
        found.append(chip(images, image=range(16)))
    assert torch.equal(found[0], found[1])
    assert found[0].mean((1,)).abs().max() < 0.1
