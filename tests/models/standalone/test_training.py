"""What the stand-alone program trains is what `models.load` runs, and it stops when it should."""

import json
from dataclasses import replace

import pytest
import safetensors
import torch

from memsim import models
from memsim.models.networks.network import attention_layers

KINDS = ("softmax", "stdp", "dot", "rate", "random", "uniform-matched", "sdsa")


@pytest.fixture(scope="module")
def data(program, made):
    return program.augment.Pictures.of(*made, "cpu", train=32)


@pytest.fixture(scope="module")
def trained(program, data):
    """A network of each kind, three steps of each phase, every one begun with the twin's weights."""
    done = {}
    for kind in KINDS:
        more = {} if kind == "softmax" else {"start": "softmax", "teacher": "softmax"}
        more |= {"moments": "stdp"} if kind in program.job.MATCHED else {}
        job = program.job.Job(kind, mixer=kind, layers=1, dim=32, batch=16, seed=2, **more)
        done[kind] = program.training.train(job, data, done, "cpu", steps=3)
    return done


@pytest.mark.parametrize("kind", KINDS)
def test_memsim_loads_the_network_that_was_trained(kind, program, trained, data, tmp_path):
    net = trained[kind]
    (path,) = program.checkpoint.save(net, data.x, tmp_path)
    loaded = models.load(path)
    image = data.x_test.float() / 255
    with torch.no_grad():
        mine, theirs = net(image, 4 if net.spiking else 1), loaded(image)
    torch.testing.assert_close(theirs, mine, atol=1e-5, rtol=0)
    assert float(mine.std(0).max()) > 1e-3, "another picture, another answer"
    assert loaded.record["steps"] == (3 if kind == "softmax" else 6)
    assert models.dataset_of(loaded) == "cifar10" and loaded.record["images"] == {"train": 32, "test": 16}
    assert torch.equal(loaded.calibration_images, (data.x[:32].float() / 255).half().float())
    if kind != "softmax":
        assert loaded.config.attention == kind
        accuracy = (theirs.argmax(-1) == data.y_test).double().mean()
        assert loaded.record["test_accuracy"] == loaded.record["accuracy_by_T"]["4"] == float(accuracy)


def test_three_steps_have_changed_every_weight_they_can(program, trained):
    """A bias before a batch norm has no gradient; everything else of the STDP network moved."""
    before, after = trained["softmax"].state_dict(), trained["stdp"].state_dict()
    still = {
        name for name, p in after.items() if not name.endswith("tracked") and torch.equal(p, before[name])
    }
    assert still <= {name for name in after if name.endswith("linear.bias")}


def test_matched_kinds_have_the_moments_of_the_stdp_network(program, trained, data, tmp_path):
    stdp = models.load(*program.checkpoint.save(trained["stdp"], data.x, tmp_path))
    wanted = models.attention_statistics(stdp, data.x.float() / 255)
    random, level = (trained[kind].blocks[0]["attention"]["core"] for kind in ("random", "uniform-matched"))
    torch.testing.assert_close(random.weight.double().mean((1, 2)), wanted.mean[0], rtol=1e-5, atol=0)
    spread = random.weight.double().std((1, 2), correction=0)
    torch.testing.assert_close(spread, wanted.spread[0], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(level.level.double(), wanted.mean[0], rtol=1e-5, atol=0)


def test_a_random_network_can_be_exchanged_like_any_other(program, trained, data, tmp_path):
    loaded = models.load(*program.checkpoint.save(trained["random"], data.x, tmp_path))
    (layer,) = attention_layers(loaded)
    assert torch.equal(layer.core.weight, trained["random"].blocks[0]["attention"]["core"].weight)


def content(path):
    """Return metadata and tensors: safetensors writes the keys of the metadata in any order."""
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def test_pieces_join_to_the_same_file(program, trained, data, tmp_path):
    (whole,) = program.checkpoint.save(trained["stdp"], data.x, tmp_path)
    size = whole.stat().st_size
    pieces = program.checkpoint.save(trained["stdp"], data.x, tmp_path / "cut", limit=size // 12)
    assert len(pieces) in (12, 13) and all(p.stat().st_size <= size // 12 for p in pieces)
    joined = program.checkpoint.join(tmp_path / "cut" / whole.name)
    assert joined.read_bytes() == b"".join(p.read_bytes() for p in pieces)
    (text, tensors), (wanted, kept) = content(joined), content(whole)
    assert joined.stat().st_size == size and text == wanted and tensors.keys() == kept.keys()
    assert all(torch.equal(tensors[name], kept[name]) for name in kept)
    with pytest.raises(ValueError, match="there are no pieces"):
        program.checkpoint.join(tmp_path / "other.safetensors")


def job(program, **fields):
    return program.job.Job("one", layers=1, dim=32, batch=16, **fields)


def test_an_epoch_is_all_whole_batches(program, data):
    net = program.training.train(job(program, epochs=(1, 0.5)), data, {}, "cpu")
    assert [(row["T"], row["steps"]) for row in net.record["epochs"]] == [(1, 2), (4, 3)]


def test_a_phase_ends_by_the_clock(program, data, monkeypatch):
    """Each look at the clock takes a second here: the share `late` of ten seconds is four."""
    now = iter(range(1000))
    monkeypatch.setattr(program.training.time, "perf_counter", lambda: float(next(now)))
    net = program.training.train(job(program, seconds=10, late=0.4, averaged=0.5), data, {}, "cpu")
    by_T = {T: [row["steps"] for row in net.record["epochs"] if row["T"] == T][-1] for T in (1, 4)}
    assert 3 <= by_T[1] <= 6 and 1 <= by_T[4] - by_T[1] <= 4


def test_the_rate_rises_and_falls(program):
    height = program.training.height
    assert height(0.05, False) == pytest.approx(0.5) and height(0.1, False) == 1
    assert height(1.0, False) == pytest.approx(0.05)
    assert (height(0.0, True), height(1.0, True)) == (0.25, 0)


def test_validation_takes_the_place_of_the_test_part(program, data, monkeypatch):
    kept = data.validating(8)
    assert (
        len(kept.y) == 24 and torch.equal(kept.x_test, data.x[24:]) and torch.equal(kept.y_test, data.y[24:])
    )


def test_pictures_are_moved_mirrored_and_cut(program, data):
    plain = job(program, shift=0, cutout=0)
    generator = torch.Generator().manual_seed(0)
    out = program.augment.augment(data.x, plain, generator)
    mirrored = [bool(torch.equal(a, b.flip(-1))) for a, b in zip(out, data.x, strict=True)]
    same = [bool(torch.equal(a, b)) for a, b in zip(out, data.x, strict=True)]
    assert all(a or b for a, b in zip(mirrored, same, strict=True)) and 8 < sum(mirrored) < 24
    cut = program.augment.augment(torch.zeros_like(data.x), replace(plain, cutout=8), generator)
    assert 0 < int((cut == 128).sum((1, 2, 3)).max()) <= 3 * 64


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"name": "b", "mixer": "fish"}', r"line 2 .* job 'b': mixer = 'fish', allowed is one of stdp, dot"),
        ('{"name": "b", "dim": 48}', "dim = 48, allowed is a multiple of 32"),
        ('{"name": "b", "pools": [0, 0, 0, 0, 1]}', "pools = .* two of them 1"),
        ('{"name": "b", "mixer": "random"}', "moments = '', allowed is the name of an STDP job"),
        ('{"name": "b", "start": "c"}', "job 'b': start = 'c', which is no job before it"),
        ('{"name": "a"}', "job 'a' is there twice"),
        ('{"name": "b", "colour": 1}', "line 2 of the plan: .*colour"),
        ('{"name": "b"', "line 2 of the plan: "),
    ],
)
def test_a_wrong_plan_is_refused(line, message, program):
    with pytest.raises(ValueError, match=message):
        program.job.read_plan(['{"name": "a"}', line])


def test_the_plans_that_were_run_can_be_read(program):
    """They make the bundled networks: their records hold the same jobs, but for fields that came later."""
    jobs = {}
    for plan, begun in (
        ("cifar10.jsonl", ()),
        ("cifar10-4-384.jsonl", ()),
        ("hardened.jsonl", ("s2tdpt-cifar10", "vit-cifar10")),
    ):
        with open(program.train.__file__.replace("train.py", plan), encoding="utf-8") as file:
            jobs |= {one.name: one for one in program.job.read_plan(file, begun)}
    bundled = [name for name in models.names() if "cifar10" in name]
    assert set(bundled) <= set(jobs) and len(bundled) == 9
    for name in bundled:
        job, kept = json.loads(json.dumps(jobs[name].__dict__)), models.load(name).record["job"]
        assert kept == {field: job[field] for field in kept}


def test_too_few_pictures_for_a_batch_are_refused(program, data):
    with pytest.raises(ValueError, match="batch = 64, but there are 32 training images"):
        program.training.train(replace(job(program), batch=64), data, {}, "cpu", steps=1)


def test_the_command_trains_a_plan(program, made, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program.train.Pictures, "read", lambda paths, device: data)
    plan = tmp_path / "plan.jsonl"
    plan.write_text('{"name": "a", "mixer": "softmax", "layers": 1, "dim": 32, "batch": 16}\n')
    words = ["--plan", str(plan), "--data", "x", "y", "--out", str(tmp_path), "--device", "cpu"]
    program.train.main([*words, "--steps", "1"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 1
    assert models.load(tmp_path / "a.safetensors").record["device"] == "cpu"
    program.train.main([*words, "--end", "-1"])
    assert "a: not begun, the time is up" in capsys.readouterr().out
    plan.write_text('{"name": "a", "dim": 5}')
    with pytest.raises(SystemExit, match="dim = 5"):
        program.train.main(words)
