"""The spiking family: built by name, of any shape, on images and frames, trained, saved; what is refused."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.models.datasets.dataset import Dataset

TINY = {"steps": 4, "widths": (8, 16), "pools": (1, 2), "hidden": 24}
FAMILY = {
    "s2tdpt-1-32": {},
    "spikingformer-1-32": {},
    "spikformer-1-32": {},
    "sdt-1-32": {},
    "sew-resnet18-8": {"blocks": (1, 1)},
    "ms-resnet18-8": {"blocks": (1, 1)},
    "att-ms-resnet18-8": {"blocks": (1, 1), "steps": 2},
    "masnn": {**TINY, "reduction_t": 2},
}
"""Names with the fields that make them small."""


def build(name: str, **overrides) -> models.Network:
    torch.manual_seed(0)
    return models.build(name, **{"in_shape": (1, 8, 8), "num_classes": 10, **FAMILY[name], **overrides})


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 17, 23), (3, 70, 66)], ids=str)
def test_any_shape_and_number_of_classes(name, shape):
    net = build(name, in_shape=shape, num_classes=7).eval()
    steps = net.config.steps
    with torch.no_grad():
        still = net(torch.rand(2, *shape))
        frames = net(torch.poisson(torch.ones(steps, 2, *shape)))
    assert still.shape == frames.shape == (2, 7) and bool(frames.isfinite().all())


@pytest.mark.parametrize("name", FAMILY)
def test_an_image_is_frames_that_are_all_the_same(name):
    net, x = build(name).eval().double(), torch.rand(3, 1, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(net(x), net(x.repeat(net.config.steps, 1, 1, 1, 1)))


def test_order_of_frames_matters():
    net = build("spikingformer-1-32").eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.constant_(module.weight, 3.0)
            nn.init.constant_(module.bias, 0.5)
            module.running_var.fill_(0.3)
    frames = torch.poisson(torch.ones(4, 2, 1, 8, 8))
    assert not torch.equal(net(frames), net(frames.flip(0)))


@pytest.mark.parametrize("name", FAMILY)
def test_it_learns_digits(name):
    """From a fresh start the loss falls in a few steps, as it does for any network of `models.train`."""
    data = digits(192)
    recipe = models.Recipe(epochs=3, batch=32, warmup=0, learning_rate=2e-2, label_smoothing=0.0)
    net = models.train(data, build(name).config, seed=0, recipe=recipe)
    losses = [row["loss"] for row in net.record["epochs"]]
    assert losses[-1] < losses[0] - 0.05, losses


@pytest.mark.parametrize("name", ["spikingformer-1-32", "masnn"])
def test_it_learns_event_frames_that_are_saved_and_mapped(name, tmp_path):
    """Frames of a data set are (B, T, C, H, W); networks and chips get them time first."""
    still = digits(64)
    parts = {key: frames_of(getattr(still, key)) for key in ("x_train", "x_val", "x_test")}
    data = replace(still, **parts)
    recipe = models.Recipe(epochs=2, batch=32, warmup=0, learning_rate=1e-2)
    net = models.train(data, build(name, in_shape=(2, 8, 8)).config, recipe=recipe)
    losses = [row["loss"] for row in net.record["epochs"]]
    assert losses[1] < losses[0]
    again = models.load(models.save(net, tmp_path / "net.safetensors"))
    chip = memsim.to_crossbar(again, "default", chips=1, batch_axis=1).program()
    assert chip(data.x_test[:3].transpose(0, 1)).shape == (1, 3, 10)


def frames_of(images: torch.Tensor) -> torch.Tensor:
    """Event frames (B, 4, 2, H, W) of images that move: counts of pixels that get lighter and darker."""
    moved = torch.stack([images.roll(step, -1) for step in range(5)], 1)
    change = (4 * moved.diff(dim=1)).round()
    return torch.cat([change.clamp(min=0), (-change).clamp(min=0)], 2)


def digits(count: int) -> Dataset:
    """The first images of digits."""
    whole = models.datasets.load("digits")
    parts = dict.fromkeys(("val", "test"), 16) | {"train": count}
    fields = {
        f"{axis}_{part}": getattr(whole, f"{axis}_{part}")[:n] for part, n in parts.items() for axis in "xy"
    }
    return Dataset(name="few digits", classes=whole.classes, **fields)


@pytest.mark.parametrize("name", FAMILY)
def test_every_matrix_learns(name):
    net = build(name)
    if name.startswith("ms"):  # the last norm of a block begins at 0, and what lies before it rests
        for block in net.trunk.blocks:
            nn.init.constant_(block.norm2.weight, 0.5)
    net.train()(torch.rand(16, 1, 8, 8)).square().sum().backward()
    still = {
        name
        for name, p in net.named_parameters()
        if p.ndim > 1 and (p.grad is None or not p.grad.abs().sum())
    }
    assert not still


@pytest.mark.parametrize("name", FAMILY)
def test_a_checkpoint_holds_it(name, tmp_path):
    net, x = build(name).eval(), torch.rand(2, 1, 8, 8)
    again = models.load(models.save(net, tmp_path / "net.safetensors"))
    assert type(again) is type(net) and again.config == net.config
    with torch.no_grad():
        assert torch.equal(again(x), net(x))


def test_every_kind_is_listed_with_a_name_that_builds():
    for name in ("spikingformer-4-384", "spikformer-4-384", "sdt-2-512", "sew-resnet18", "ms-resnet18"):
        assert name in models.names()
        assert models.configure(name).in_shape == (3, 32, 32)
    assert {"att-ms-resnet18", "masnn"} <= set(models.names())


def test_large_pictures_get_the_stems_of_the_papers():
    assert models.configure("spikformer-8-512", in_shape=(3, 224, 224)).tokens == 196
    assert models.configure("spikformer-8-512", in_shape=(3, 224, 224)).qkv_bias is False
    assert models.configure("spikingformer-2-256", in_shape=(2, 128, 128)).tokens == 64
    assert models.configure("sew-resnet34", in_shape=(3, 224, 224)).stem == "7x7"
    assert models.configure("sew-resnet34").stem == "3x3"


@pytest.mark.parametrize(
    "name", ["spikngformer-4-384", "spikformer-4", "spikformer-4-x", "sdt2-512", "sew-resnet19", "mansn"]
)
def test_a_misspelt_name_is_refused_with_names_there_are(name):
    with pytest.raises(ValueError, match=f"no network '{name}' to build; .*try one of .*spikformer-4-384"):
        models.build(name)


def test_the_nearest_name_is_offered():
    for slip, name in (("spikngformer-4-384", "spikingformer-4-384"), ("sew-resnet19", "sew-resnet18")):
        with pytest.raises(ValueError, match=rf"did you mean '{name}'\?"):
            models.build(slip)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("spikformer-4-30", {}, "a width that is a multiple of 8"),
        ("sdt-0-64", {}, "at least one layer"),
        ("sdt-1-32", {"heads": 8}, "heads"),
        ("spikingformer-1-32", {"pools": (True,) * 5}, "only spikes are pooled"),
        ("spikformer-1-32", {"in_shape": (3, 0, 8)}, "in_shape"),
        ("spikformer-1-32", {"in_shape": (3, 8)}, "in_shape"),
        ("spikformer-1-32", {"attention_v_threshold": 0.5, "v_reset": 0.5}, "v_reset=0.5 must be below"),
        ("sew-resnet18", {"connect": "XOR"}, "connect"),
        ("sew-resnet18", {"decay_input": True}, "tau without leak needs decay_input=False"),
        ("sew-resnet18", {"in_shape": (3, 0, 8)}, "in_shape"),
        ("sew-resnet18-0", {}, "at least one channel"),
        ("att-ms-resnet18-4", {}, "reduction=8 must be at most width=4"),
        ("masnn", {"steps": 4}, "reduction_t=5 must be at most steps=4"),
        ("masnn", {"in_shape": (2, 3, 3)}, r"in_shape=\(2, 3, 3\) must be larger than the pools"),
        ("masnn", {"widths": (8, 8)}, "pools="),
    ],
)
def test_impossible_shapes_are_refused(name, fields, message):
    with pytest.raises(ValueError, match=message):
        models.build(name, **fields)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(4, 2, 2, 8, 8), r"frames have shape \(4, 2, 2, 8, 8\), needed \(steps, batch, 1, 8, 8\)"),
        (-torch.ones(4, 2, 1, 8, 8), "allowed are finite counts >= 0"),
        (torch.full((4, 2, 1, 8, 8), torch.nan), "allowed are finite counts >= 0"),
        (torch.rand(2, 1, 8, 9), "needed"),
        (torch.rand(2, 1, 8, 8) * 9, "Divide by 255"),
    ],
)
def test_other_inputs_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        build("sdt-1-32")(x)


def test_gates_of_time_know_their_number_of_frames():
    frames = torch.ones(3, 2, 1, 8, 8)
    with pytest.raises(ValueError, match=r"3 event frames, needed steps=4.*batch axis first"):
        build("masnn")(frames)
    assert build("masnn", gates="CSA")(frames).shape == (2, 10)
