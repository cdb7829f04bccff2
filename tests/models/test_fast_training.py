"""Each option of a recipe has an effect, resumes to the bit, and is refused where it would have none."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from memsim import models
from memsim.models.training.average import WeightAverage, estimate_norms
from memsim.models.training.metrics import read_rows
from memsim.models.training.muon import Muon, muon_matrices, orthogonal
from memsim.models.training.run import Run
from memsim.models.training.teacher import loss_of
from memsim.models.training.train import Recipe, train

SHAPE: dict[str, Any] = {
    "dim": 16,
    "layers": 1,
    "heads": 2,
    "widths": (4, 8, 16),
    "pools": (False, True, True),
}
CONFIG = models.configure("s2tdpt-digits", **SHAPE, steps=2)
TWIN = models.configure("vit-1-16", in_shape=(1, 8, 8), **SHAPE)
PLAIN: dict[str, Any] = {"epochs": 3, "batch": 32, "warmup": 1}


def made(**fields: Any) -> Recipe:
    """Make a recipe of fields of any type."""
    return Recipe(**fields)


class Stop(Exception):
    """Stands for the power cut."""


def ticking() -> Callable[[], float]:
    """A clock on which a second passes at each look."""
    now = iter(range(10**6))
    return lambda: float(next(now))


@pytest.fixture(scope="module")
def few() -> models.Dataset:
    d = models.datasets.load("digits")
    parts = {f"{axis}_{part}": getattr(d, f"{axis}_{part}")[:n] for axis in "xy" for part, n in
             (("train", 160), ("val", 60), ("test", 40))}  # fmt: skip
    return replace(d, **parts)


@pytest.fixture(scope="module")
def twin(few, tmp_path_factory) -> Path:
    net = train(few, TWIN, recipe=made(epochs=2, batch=32, warmup=0))
    return models.save(net, tmp_path_factory.mktemp("twin") / "twin.safetensors")


@pytest.fixture(scope="module")
def usual(few) -> models.Network:
    return train(few, CONFIG, seed=1, recipe=made(**PLAIN))


def option(name: str, twin: Path) -> dict[str, Any]:
    return {
        "bf16": {"precision": "bf16"},
        "fp32-fused": {"precision": "fp32-fused"},
        "muon": {"optimizer": "muon"},
        "steps": {"steps": ((1, 0.5), (2, 0.5))},
        "start": {"start": str(twin)},
        "teacher": {"teacher": str(twin)},
        "average": {"average": 0.9},
        "minutes": {"minutes": 0.35},
        "all": {
            "precision": "bf16", "optimizer": "muon", "steps": ((1, 0.5), (2, 0.5)), "start": str(twin),
            "teacher": str(twin), "average": 0.9, "minutes": 0.35,
        },
    }[name]  # fmt: skip


KERNELS_OF_THEIR_OWN = ("bf16", "all")  #: compiled for half a minute
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in KERNELS_OF_THEIR_OWN]
OPTIONS = ["fp32-fused", "muon", "steps", "start", "teacher", "average", "minutes", *SLOW]


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_has_an_effect_and_resumes_to_the_bit(name, few, twin, usual, tmp_path):
    recipe = made(**PLAIN, **option(name, twin))

    def run(stop: int | None = None, state: Path | None = None) -> models.Network:
        def cut(row: dict[str, Any]) -> None:
            if row["epoch"] == stop:
                raise Stop

        clock = ticking()
        return train(few, CONFIG, seed=1, recipe=recipe, state=state, progress=cut, clock=clock)

    whole = run()
    assert not equal(whole, usual) and all(torch.isfinite(p).all() for p in whole.parameters())
    assert all(p.dtype == torch.float32 for p in whole.parameters())
    assert whole.record["recipe"] == recipe.model_dump(mode="json")
    for epoch in range(len(whole.record["epochs"])):
        state = tmp_path / f"{epoch}.state"
        with pytest.raises(Stop):
            run(epoch, state)
        torch.rand(5)  # the global generator may stand anywhere
        again = run(None, state)
        assert equal(again, whole) and again.record["test_accuracy"] == whole.record["test_accuracy"]


def test_a_changed_teacher_is_another_training(few, twin, tmp_path):
    """The file has the same name, other weights: the state does not go on."""
    path, state = tmp_path / "teacher.safetensors", tmp_path / "state"
    path.write_bytes(twin.read_bytes())
    recipe = made(**PLAIN | {"epochs": 1}, teacher=str(path))
    train(few, CONFIG, recipe=recipe, state=state)
    net = models.load(path)
    net.head.bias.data += 1  # type: ignore[operator,union-attr]
    models.save(net, path)
    with pytest.raises(ValueError, match="the state of another training, with other teacher"):
        train(few, CONFIG, recipe=recipe, state=state)


def test_time_steps_follow_their_shares():
    recipe = made(epochs=10, steps=((1, 0.8), (4, 0.2)))
    assert [recipe.steps_at(epoch) for epoch in (0, 7.9, 8, 9.99, 10)] == [1, 1, 4, 4, 4]
    assert made().steps_at(3) is None


def test_the_clock_ends_a_training_and_its_schedule(few):
    """A second passes at each look at the clock: the rate is at its end when time is over."""
    recipe = made(**PLAIN | {"epochs": 100}, minutes=0.2)
    run = Run(models.build("s2tdpt-digits", **SHAPE, steps=2), few, recipe, 0, clock=ticking())
    rates = []
    while not run.ended:
        run.epoch()
        rates.append(run.optimizers["optimizer"].param_groups[0]["lr"])
    assert 1 < len(run.history) < 10 and run.seconds >= 12
    assert rates[-1] < 0.1 * max(rates) and rates[-1] == min(rates)


def test_a_network_at_one_step_is_trained_at_one_step(few):
    """A schedule of one entry is training at that T."""
    one = models.configure("s2tdpt-digits", **SHAPE, steps=1)
    recipe = made(**PLAIN | {"epochs": 1})
    wanted = train(few, one, seed=1, recipe=recipe)
    found = train(few, CONFIG, seed=1, recipe=recipe.model_copy(update={"steps": ((1, 1.0),)}))
    for (name, a), b in zip(found.named_parameters(), wanted.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("net", ["sew-resnet18", "spikformer-1-32", "vit-1-32"])
def test_any_network_trains_in_bf16(net, few):
    """Networks without a pass of their own run under autocast, parameters and results in float32."""
    small = replace(few, x_train=few.x_train[:32], y_train=few.y_train[:32], x_val=few.x_val[:4],
                    y_val=few.y_val[:4], x_test=few.x_test[:4], y_test=few.y_test[:4])  # fmt: skip
    fields = {"width": 8} if net.startswith("sew") else {}
    config = models.configure(net, in_shape=(1, 8, 8), **fields)
    done, other = (
        train(small, config, recipe=made(epochs=1, batch=16, precision=precision))
        for precision in ("bf16", "fp32")
    )
    assert done.record["epochs"][0]["loss"] == pytest.approx(other.record["epochs"][0]["loss"], abs=0.3)
    assert not equal(done, other) and all(p.dtype == torch.float32 for p in done.parameters())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"matrix_rate": 0.1}, "has no effect with optimizer='adamw'"),
        ({"temperature": 3.0}, "has no effect without a teacher"),
        ({"teacher_weight": 0.5}, "has no effect without a teacher"),
        ({"steps": ((1, 0.8), (4, 0.3))}, "the shares add up to 1.1; they must add up to 1"),
        ({"steps": ((0, 1.0),)}, "time steps, at least 1"),
        ({"steps": ()}, "shares add up to 0"),
        ({"average": 1.0}, "less than 1"),
        ({"minutes": 0}, "greater than 0"),
        ({"minutes": float("nan")}, "minutes"),
        ({"precision": "bf61"}, "'fp32', 'fp32-fused' or 'bf16'"),
    ],
)
def test_a_recipe_without_effect_or_sense_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        made(**fields)


@pytest.mark.parametrize(
    ("fields", "config", "message"),
    [
        ({"steps": ((1, 1.0),)}, TWIN, "has no effect on ViT: it has no time steps"),
        (
            {"precision": "fp32-fused"},
            TWIN,
            "is for S2TDPT and Spikingformer networks on the CPU, not for ViT",
        ),
        ({"start": "no-such"}, CONFIG, "start='no-such': no bundled network"),
        ({"teacher": "s2tdpt-fashion"}, CONFIG, r"takes images \(1, 28, 28\) of 10 classes, the network"),
        (
            {"start": "s2tdpt-digits"},
            CONFIG,
            r"has no weights for patches.encoder.weight \(4, 1, 3, 3\): there",
        ),
    ],
)
def test_what_has_no_effect_on_a_network_is_refused_before_work(fields, config, message, few, tmp_path):
    seen: list[Any] = []
    with pytest.raises(ValueError, match=message):
        train(few, config, recipe=made(**PLAIN, **fields), progress=seen.append, state=tmp_path / "state")
    assert not seen and not (tmp_path / "state").exists()


def test_what_has_no_effect_on_a_module_is_refused(few, twin):
    one = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for fields, message in (
        ({"optimizer": "muon"}, "no linear layer or convolution except the last"),
        ({"start": str(twin)}, "trained further from its own weights; pass its configuration"),
        ({"steps": ((1, 1.0),)}, "no time steps"),
    ):
        with pytest.raises(ValueError, match=message):
            train(few, one, recipe=made(**PLAIN, **fields))
    for fields in ({"precision": "bf16"}, {"steps": ((1, 1.0),)}):
        with pytest.raises(ValueError, match="has no effect if a `forward` is given"):
            train(few, one, recipe=made(**PLAIN, **fields), forward=lambda images, _: one(images))
    with pytest.raises(ValueError, match="for float32 parameters"):
        train(few, models.build("s2tdpt-digits", **SHAPE).double(), recipe=made(**PLAIN, precision="bf16"))


def test_event_frames_bring_their_own_steps(few):
    frames = {f"x_{part}": getattr(few, f"x_{part}")[:, None].repeat(1, 2, 1, 1, 1) for part in
              ("train", "val", "test")}  # fmt: skip
    with pytest.raises(ValueError, match="samples of digits have 2 frames each"):
        train(replace(few, **frames), CONFIG, recipe=made(**PLAIN, steps=((1, 1.0),)))


def test_rows_of_metrics_are_those_of_the_record(few, tmp_path):
    path = tmp_path / "rows.jsonl"

    def lines(row: dict[str, Any]) -> None:
        assert len(read_rows(path)) == row["epoch"] + 1

    net = train(few, CONFIG, recipe=made(**PLAIN, steps=((1, 0.5), (2, 0.5))), metrics=path, progress=lines)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["steps"] for row in rows] == [1, 2, 2]
    assert [round(row["loss"], 5) for row in rows] == [row["loss"] for row in net.record["epochs"]]


def test_muon_turns_a_matrix_by_its_rate_and_keeps_its_size():
    torch.manual_seed(0)
    weight = nn.Parameter(3 * torch.randn(6, 4, 2))
    before, size = weight.detach().clone(), float(weight.detach().norm())
    muon = Muon([weight], lr=0.1)
    weight.grad = torch.randn(6, 4, 2)
    muon.step()
    wanted = before.flatten(1) - 0.1 * size / 6**0.5 * orthogonal(weight.grad.flatten(1) * 1.6)
    torch.testing.assert_close(weight.detach().flatten(1), wanted)
    for _ in range(50):
        muon.step()
    assert float(weight.detach().norm()) == pytest.approx(size, rel=0.1)
    values = torch.linalg.svdvals(orthogonal(torch.randn(20, 50)))
    assert 0.25 < float(values.min()) and float(values.max()) < 1.3
    with pytest.raises(ValueError, match="is not a matrix"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)


def test_muon_gets_matrices_but_the_classifier():
    net = models.build("s2tdpt-digits", **SHAPE)
    found = {name for name, p in net.named_parameters() if any(p is q for q in muon_matrices(net))}
    assert "head.weight" not in found and "patches.encoder.weight" in found
    assert found == {name for name, p in net.named_parameters() if p.ndim > 1} - {"head.weight"}


def test_the_loss_with_a_teacher_is_the_sum_by_hand(twin):
    teacher, images = models.load(twin), torch.rand(5, 1, 8, 8)
    logits, labels = torch.randn(5, 10), torch.arange(5)
    recipe = made(teacher="x", teacher_weight=0.4, temperature=3, label_smoothing=0)
    soft = (teacher(images) / 3).softmax(-1)
    learned = 9 * (soft * (soft.log() - (logits / 3).log_softmax(-1))).sum(-1).mean()
    plain = nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(loss_of(recipe, teacher)(logits, labels, images), 0.6 * plain + 0.4 * learned)


def test_mean_weights_by_hand_and_norms_that_fit_them():
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
    mean = WeightAverage(0.75)
    for value in (4.0, 8.0, 0.0):
        net[0].weight.data.fill_(value)  # type: ignore[operator]
        mean.update(net)
    images = torch.rand(40, 1, 3, 3)
    mean.put(net, images, batch=20)
    weight = 0.75 * (0.75 * 4 + 0.25 * 8)
    assert net[0].weight.item() == pytest.approx(weight)  # type: ignore[union-attr,operator]
    assert net[1].running_mean.item() == pytest.approx(float(weight * images.mean()), rel=1e-5)  # type: ignore[union-attr,operator]
    assert net[1].momentum == 0.1 and net.training
    estimate_norms(nn.Linear(2, 2), images, 4)  # no norm: nothing to do
