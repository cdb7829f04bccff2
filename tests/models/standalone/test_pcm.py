"""Training on chips in the stand-alone program: its law is that of memsim's cell pcm-joshi2020."""

import json
from dataclasses import replace

import pytest
import torch

from memsim import models
from memsim.devices import get, stream

COUNT = 60_000
YEAR = 365.25 * 86400
SHARES = (0.0, 0.03, 0.2, 0.6, 1.0)


def scores(program, age: float, cell) -> torch.Tensor:
    """Distances of mean and spread of devices from those of a cell, in standard errors, by share of G_max."""
    torch.manual_seed(0)
    targets = torch.tensor(SHARES)[:, None].expand(-1, COUNT).contiguous()
    chip = program.pcm.Chip(torch.tensor(age), 1.0)
    _, ours = chip._device(targets)
    theirs = cell.aged(targets[None] * cell.g_max, age, rng=stream(0, range(1)))[0] / cell.g_max
    error = ours.std(1) / COUNT**0.5
    kurtosis = ((ours - ours.mean(1, keepdim=True)) ** 4).mean(1) / ours.var(1) ** 2
    spread_error = ours.std(1) * ((kurtosis - 1) / (4 * COUNT)).sqrt()
    mean = (ours.mean(1) - theirs.mean(1)) / (error * 2**0.5)
    return torch.stack([mean, (ours.std(1) - theirs.std(1)) / (spread_error * 2**0.5)])


@pytest.mark.parametrize("age", [1.0, 86400.0, YEAR])
def test_devices_are_those_of_memsims_cell(program, age):
    cell = get("pcm-joshi2020")
    assert scores(program, age, cell).abs().max() < 4.5
    wrong = cell.scaled({"programming": 1.03, "drift": 1.03})
    assert scores(program, age, wrong).abs().max() > 5


def test_a_layer_is_compensated_and_scaled_by_columns(program):
    torch.manual_seed(1)
    weight = torch.randn(64, 700) * torch.logspace(-3, 0, 64)[:, None]
    chip = program.pcm.Chip(torch.tensor(YEAR), 1.0)
    weight.requires_grad_()
    held = chip.holds(weight)
    held.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))  # straight through
    held, weight = held.detach(), weight.detach()
    slope = (held * weight).sum(1) / weight.square().sum(1)
    assert float((slope - 1).abs().max()) < 0.15  # no drift of the mean, small columns like large ones
    share = (held - weight).std(1) / weight.std(1)
    assert 0.05 < float(share.min()) and float(share.max()) < 0.35
    nothing = program.pcm.Chip(torch.tensor(0.0), 0.0)
    torch.testing.assert_close(nothing.holds(weight), weight, rtol=1e-5, atol=1e-6)


def test_columns_are_clipped_within_their_tile(program):
    torch.manual_seed(2)
    weight = torch.randn(8, 600)
    weight[0, 0] = 50.0
    before = weight.clone()
    program.pcm.clip_columns(weight, 2.0)
    tiles = program.pcm.tiles(before)
    limit = 2.0 * tiles.square().mean(-1, keepdim=True).sqrt()
    torch.testing.assert_close(program.pcm.tiles(weight), tiles.clamp(-limit, limit))
    assert weight[0, 0] < 10 and torch.equal(weight[0, 400:], weight[0, 400:].clamp(-2.1, 2.1))


@pytest.fixture(scope="module")
def first(program, made, tmp_path_factory):
    """A network of two steps, as a checkpoint, and its pictures."""
    data = program.augment.Pictures.of(*made, "cpu", train=32)
    job = program.job.Job(name="first", layers=1, dim=32, batch=16)
    net = program.training.train(job, data, {}, "cpu", steps=2)
    (path,) = program.checkpoint.save(net, data.x, tmp_path_factory.mktemp("first"))
    return path, data


def test_a_checkpoint_can_be_begun_with(program, first, tmp_path):
    path, data = first
    net = program.checkpoint.load(path)
    images = data.x_test.float() / 255
    torch.testing.assert_close(net(images, 4), models.load(path)(images), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"plan\.txt is no network of this program"):
        (tmp_path / "plan.txt").write_text("x")
        program.checkpoint.load(tmp_path / "plan.txt")


def test_learning_on_chips_keeps_norms_and_brings_a_plain_network(program, first, tmp_path):
    path, data = first
    done = {"first": program.checkpoint.load(path)}
    same = {
        "layers": 1,
        "dim": 32,
        "batch": 16,
        "start": "first",
        "norms": "kept",
        "epochs": (0, 2),
        "clip": 2.0,
    }
    nets = {}
    for name, noise in (("clean", 0.0), ("hard", 1.0)):
        job = program.job.Job(name=name, noise=noise, **same)
        nets[name] = program.training.train(job, data, done, "cpu")
    kept = {k: v for k, v in done["first"].state_dict().items() if "running" in k}
    assert all(torch.equal(nets["hard"].state_dict()[k], v) for k, v in kept.items())
    clean, hard = (nets[n].blocks[0]["mlp"]["fc1"].linear.weight for n in nets)
    assert not torch.equal(clean, hard)
    assert nets["hard"].chip is None and not nets["hard"].training
    (there,) = program.checkpoint.save(nets["hard"], data.x, tmp_path)
    images = data.x_test.float() / 255
    torch.testing.assert_close(models.load(there)(images), nets["hard"](images, 4), rtol=1e-4, atol=1e-4)
    assert json.loads(json.dumps(models.load(there).record))["job"]["noise"] == 1.0


def test_the_command_begins_with_a_checkpoint(program, first, tmp_path, monkeypatch):
    path, data = first
    monkeypatch.setattr(program.train.Pictures, "read", lambda paths, device: data)
    plan = tmp_path / "plan.jsonl"
    line = {
        "name": "next",
        "layers": 1,
        "dim": 32,
        "batch": 16,
        "start": "first",
        "norms": "kept",
        "noise": 1,
    }
    plan.write_text(json.dumps(line))
    words = [
        "--plan",
        str(plan),
        "--data",
        "x",
        "y",
        "--out",
        str(tmp_path),
        "--device",
        "cpu",
        "--steps",
        "1",
    ]
    program.train.main([*words, "--begin", str(path)])
    assert (tmp_path / "next.safetensors").exists()
    with pytest.raises(SystemExit, match="start = 'first', which is no job before it"):
        program.train.main(words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": 1.0}, "noise = 1.0, allowed is 0, or above 0 with norms 'kept'"),
        ({"noise": -1.0, "norms": "kept"}, "noise = -1.0"),
        ({"norms": "mine"}, "norms = 'mine', allowed is 'batch' or 'kept'"),
        ({"clip": 0.5}, "clip = 0.5, allowed is above 1, or 0"),
        ({"oldest": 0.5}, "oldest = 0.5, allowed is 1 s or more"),
        ({"noise": 1.0, "norms": "kept", "mixer": "softmax"}, "of a network with spikes"),
    ],
)
def test_wrong_settings_are_refused(change, message, program):
    with pytest.raises(ValueError, match=message):
        replace(program.job.Job(name="a"), **change)
