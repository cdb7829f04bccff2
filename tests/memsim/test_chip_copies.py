"""A chip is a value: copied, pickled, saved and moved it gives the same bits; a pass can be recorded."""

import copy
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import memsim
from memsim import models
from memsim.models.datasets.catalog import load

DAY = 86400.0


@pytest.fixture(scope="module")
def chip() -> memsim.Chip:
    net, x = models.load("s2tdpt-digits"), load("digits").x_train[:16]
    return memsim.to_crossbar(net, chips=2, seed=3, calibration=x).program().advance_to(DAY)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return load("digits").x_test[:4]


def run(chip: memsim.Chip, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return chip(x, image=range(len(x)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda chip: pickle.loads(pickle.dumps(chip))])
def test_a_copy_is_the_same_chip_with_a_ledger_of_its_own(chip, x, copied):
    chip.ledger.clear()
    wanted, other = run(chip, x), copied(chip)
    assert torch.equal(run(other, x), wanted)
    assert chip.ledger.images == 8 and other.ledger.images == 16
    other.advance_to(365 * DAY)
    assert not torch.equal(run(other, x), wanted)
    assert torch.equal(run(chip, x), wanted)
    assert torch.equal(run(other.advance_to(DAY), x), wanted)


def test_a_saved_chip_is_loaded_beside_its_network(chip, x, tmp_path):
    wanted = run(chip, x)
    chip.recalibrate(load("digits").x_train[:32])
    own = run(chip, x)
    chip.save(tmp_path / "norms.chip")
    chip.recalibrate(None)
    path = chip.save(tmp_path / "day.chip")
    net = models.load("s2tdpt-digits")
    assert torch.equal(run(memsim.Chip.load(path, net), x), wanted)
    assert torch.equal(run(memsim.Chip.load(tmp_path / "norms.chip", net), x), own)
    assert path.stat().st_size < 2e6


def test_a_file_that_is_no_chip_of_this_network_is_refused(chip, tmp_path):
    path = chip.save(tmp_path / "one.chip")
    with pytest.raises(ValueError, match="other weights"):
        memsim.Chip.load(path, models.load("s2tdpt-digits-dot"))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="damaged"):
        memsim.Chip.load(path, models.load("s2tdpt-digits"))
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match="no memsim header"):
        memsim.Chip.load(tmp_path / "foreign", models.load("s2tdpt-digits"))


def test_an_unprogrammed_chip_is_not_saved(tmp_path):
    fresh = memsim.to_crossbar(
        nn.Linear(3, 2), memsim.ChipCard.load("default").without("adc", "dac"), chips=1
    )
    with pytest.raises(RuntimeError, match="not programmed"):
        fresh.save(tmp_path / "fresh.chip")


def test_a_chip_stays_itself_where_it_is_moved(chip, x):
    wanted = run(chip, x)
    assert torch.equal(run(chip.to("cpu"), x), wanted)


def test_a_record_has_chips_and_images_first(chip, x):
    wanted = run(chip, x)
    record = chip.record(x, image=range(len(x)))
    config = chip.net.config
    assert torch.equal(record.output, wanted)
    assert record.spikes["blocks.0.attention.q_lif"].shape == (2, 4, config.steps, config.tokens, config.dim)
    assert set(record.attention) == {"blocks.0.attention.core", "blocks.1.attention.core"}
    heads = (2, 4, config.heads, config.steps, config.tokens, config.tokens)
    assert record.attention["blocks.0.attention.core"].shape == heads
    for spikes in record.spikes.values():
        assert ((spikes == 0) | (spikes == 1)).all() and spikes.shape[:2] == (2, 4)
    alone = chip.record(x[2:3], image=[2])
    for name, spikes in record.spikes.items():
        assert torch.equal(alone.spikes[name][:, 0], spikes[:, 2])
    membrane = record.membranes["blocks.0.attention.q_lif"]
    fired = record.spikes["blocks.0.attention.q_lif"]
    assert torch.equal((membrane >= config.v_threshold).to(fired), fired)


def test_recording_counts_nothing_and_leaves_no_trace(chip, x):
    before = dict(chip.ledger.counts), chip.ledger.images
    chip.record(x, image=range(len(x)))
    assert (dict(chip.ledger.counts), chip.ledger.images) == before
    assert not any(array.recording for array in chip.attention_arrays.values())


def test_images_are_numbered_on_unless_they_are_named():
    net = nn.Linear(12, 40)
    chip = memsim.to_crossbar(net, chips=2, calibration=torch.rand(8, 12)).program()
    x = torch.rand(4, 12, generator=torch.Generator().manual_seed(0))
    first, second = chip(x), chip(x)
    assert not torch.equal(first, second)
    assert torch.equal(chip(x, image=range(4)), first) and torch.equal(chip(x, image=range(4, 8)), second)
    assert torch.equal(chip.program()(x), first)
