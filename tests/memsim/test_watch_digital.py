"""A watch enters what a census of the same run would find, and looks at values only where it must."""

import copy
import pickle

import pytest
import torch
from torch import nn

from memsim import ChipCard, Ledger, models
from memsim.energy.census import Census
from memsim.mapping.watch_digital import DigitalWatch
from memsim.models.parts.neurons import LIF


def book() -> Ledger:
    return Ledger(ChipCard.load("default"))


def spiking() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), LIF(), nn.Linear(8, 3), nn.Softmax(-1)).eval()


@torch.no_grad()
def watched(watch: DigitalWatch, *batches: torch.Tensor) -> Ledger:
    """The ledger of batches (T, B, ...) after learning on another input."""
    ledger = book()
    watch.learn(lambda: watch.net(torch.rand_like(batches[0][:, :1]) * 9), 1)
    for x in batches:
        with watch.counting(ledger, x.shape[1]):
            watch.net(x)
    return ledger


def test_what_is_entered_is_what_a_census_of_the_run_finds():
    net = spiking()
    batches = [torch.rand(4, 5, 6) * 6, torch.rand(4, 2, 6)]
    ledger = watched(DigitalWatch(net), *batches)
    expected: dict = {}
    for x in batches:
        with torch.no_grad(), Census(net, images=x.shape[1]) as census:
            net(x)
        for key, number in census.tally.totals().items():
            expected[key] = expected.get(key, 0) + number
    assert ledger.counts == pytest.approx(expected, rel=1e-12)
    assert {event for _, event in ledger.uncounted} == {"digital-function"}


def test_a_network_fed_by_numbers_alone_runs_with_no_operation_watched(monkeypatch):
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    watch, x = DigitalWatch(net), torch.rand(1, 5, 6) + 0.1
    watch.learn(lambda: net(x), 5)
    monkeypatch.setattr(Census, "__enter__", lambda _: pytest.fail("a census was opened"))
    ledger = book()
    with torch.no_grad(), watch.counting(ledger, 5):
        net(x)
    assert ledger.counts == {
        ("0", "digital-mac"): 240,
        ("1", "digital-compare"): 40,
        ("2", "digital-mac"): 120,
    }


def test_spikes_that_turn_numbers_are_numbers():
    net = nn.Sequential(nn.Linear(6, 4)).eval()
    watch, ledger = DigitalWatch(net), book()
    watch.learn(lambda: net(torch.ones(1, 6)), 1)
    with watch.counting(ledger, 2), torch.no_grad():
        net(torch.ones(2, 6))
    with watch.counting(ledger, 2), torch.no_grad():
        net(torch.rand(2, 6))
    assert ledger.counts == {("0", "digital-add"): 2 * 24, ("0", "digital-mac"): 2 * 24}


def test_arrays_count_for_themselves_and_a_closed_ledger_nothing():
    net = spiking()
    ledger = watched(DigitalWatch(net, exclude={"0", "3"}), torch.rand(4, 5, 6))
    assert {layer for layer, _ in ledger.counts} == {"1", "2", "4"}
    watch = DigitalWatch(net)
    ledger.clear()
    ledger.open = False
    with watch.counting(ledger, 5):  # not even learned
        net(torch.rand(4, 5, 6))
    assert not ledger.counts
    ledger.open = True
    with pytest.raises(KeyError), watch.counting(ledger, 5, signature="other"):
        pass


def test_the_bundled_network_with_everything_digital():
    net, x = models.load("s2tdpt-digits").eval(), torch.rand(3, 1, 8, 8)
    watch, ledger = DigitalWatch(net), book()
    with torch.no_grad():
        watch.learn(lambda: net(x[:1]), 1)
        with watch.counting(ledger, 3):
            net(x)
    ledger.images = 3
    assert ledger.number("digital-mac", "patches.encoder") == 64 * net.config.widths[0] * 9
    assert ledger.number("digital-compare", "blocks.0.attention.core") > 0
    assert ledger.number("neuron-step", "blocks.0.attention.lif") == net.config.steps * net.config.tokens * 64
    assert {event for _, event in ledger.uncounted} == {"digital-scale"}  # s of Eq. (23)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda watch: pickle.loads(pickle.dumps(watch))])
def test_a_copy_knows_what_was_learned(twin):
    watch = DigitalWatch(spiking())
    watch.learn(lambda: watch.net(torch.rand(4, 1, 6)), 1)
    other, ledgers, x = twin(watch), (book(), book()), torch.rand(4, 3, 6)
    for one, ledger in zip((watch, other), ledgers, strict=True):
        with torch.no_grad(), one.counting(ledger, 3):
            one.net(x)
    assert ledgers[0].counts == ledgers[1].counts != {}
