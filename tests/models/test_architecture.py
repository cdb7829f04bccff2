"""A network is one file: a class of its own is built by name, trained, saved, loaded and listed."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from memsim import models
from memsim.devices.plugins import Plugin
from memsim.models.networks import architecture as registry


class MLPConfig(models.NetworkConfig):
    """A perceptron's shape."""

    hidden: int = Field(default=16, ge=1, description="width of the hidden layer")


@models.architecture("mlp", MLPConfig, shapes={"mlp-digits": MLPConfig(in_shape=(1, 8, 8))})
class MLP(models.Network):
    """One hidden layer."""

    config: MLPConfig

    def __init__(self, config: MLPConfig):
        super().__init__(config)
        channels, height, width = config.in_shape
        self.hidden = nn.Linear(channels * height * width, config.hidden)
        self.head = nn.Linear(config.hidden, config.num_classes)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.hidden(image.flatten(1)).relu())


@pytest.fixture(scope="module")
def few() -> models.Dataset:
    d = models.datasets.load("digits")
    return replace(d, x_train=d.x_train[:200], y_train=d.y_train[:200])


@pytest.fixture(scope="module")
def trained(few: models.Dataset) -> models.Network:
    config = models.configure("mlp-digits", hidden=32)
    return models.train(few, config, recipe=models.Recipe(epochs=8, batch=16, warmup=0))


def test_it_is_listed_and_built_by_name():
    assert "mlp" in models.names() and "s2tdpt-4-384" in models.names()
    net = models.build("mlp-digits", hidden=3)
    assert isinstance(net, MLP) and net.hidden.weight.shape == (3, 64) and net.record == {}
    assert models.build("MLP").config == MLPConfig()
    with pytest.raises(ValueError, match="mlp: colour: Extra inputs"):
        models.build("mlp", colour="blue")


def test_it_learns_is_saved_and_comes_back(trained, few, tmp_path):
    assert trained.record["test_accuracy"] > 0.5 and trained.record["dataset_digest"] == few.digest
    again = models.load(models.save(trained, tmp_path / "net.safetensors"))
    assert isinstance(again, MLP) and again.config == trained.config and again.record == trained.record
    assert torch.equal(again(few.x_test), trained(few.x_test)) and not again.training
    assert torch.equal(again.calibration_images, few.x_train[:64])


def test_an_untrained_one_is_saved_too(tmp_path):
    net = models.build("mlp-digits").eval()
    again = models.load(models.save(net, tmp_path / "net.safetensors"))
    assert torch.equal(again.head.weight, net.head.weight)
    assert again.record == {} and again.calibration_images is None


def test_a_file_of_an_architecture_that_is_not_there_says_how_to_come_by_it(trained, tmp_path):
    path = models.save(trained, tmp_path / "net.safetensors")
    code = f"from memsim import models; models.load({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    there = "there are att-ms-resnet, masnn, ms-resnet, resnet, s2tdpt, sdt, sew-resnet, spikformer, "
    assert f"ValueError: checkpoint {path}: no architecture 'mlp'; {there}spikingformer, vit." in done.stderr
    assert '@architecture("mlp", ...)' in done.stderr


class Point(EntryPoint):
    """The entry point of a package that is not there."""

    def load(self):
        if self.name == "broken":
            raise ImportError("no such module")
        if self.name == "plug":
            models.architecture("plug", PlugConfig)(type("Plug", (MLP,), {"__module__": "plug"}))


class PlugConfig(MLPConfig):
    """A perceptron of another package."""


def test_an_installed_package_brings_a_network(monkeypatch):
    """Its name is known at once, it is loaded when it is asked for; others are not touched."""
    points = [Point(name, f"{name}:Net", registry.GROUP) for name in ("plug", "broken", "empty")]
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))
    monkeypatch.setattr(registry, "found", lambda group: {point.name: Plugin(point) for point in points})
    assert {"plug", "broken", "empty"} <= set(models.names()) and "plug" not in registry._KNOWN
    assert isinstance(models.build("mlp"), MLP) and "plug" not in registry._KNOWN
    assert type(models.build("plug", hidden=2)).__name__ == "Plug"
    with pytest.raises(ValueError, match=r"'broken' of memsim.networks .* cannot be loaded: ImportError"):
        models.build("broken-3-4")
    with pytest.raises(ValueError, match=r"'empty' .*empty:Net\) registers no network"):
        models.build("empty")


def test_names_are_taken_once_and_begin_with_their_architecture():
    with pytest.raises(ValueError, match="'mlp' is registered twice"):
        models.architecture("mlp", MLPConfig)(type("Other", (MLP,), {}))
    assert models.architecture("mlp", MLPConfig, shapes=registry.named("mlp").shapes)(MLP) is MLP
    with pytest.raises(ValueError, match=r"names that begin so, not \['digits'\]"):
        models.architecture("mlp", MLPConfig, shapes={"digits": MLPConfig()})


def test_what_is_not_registered_is_not_saved(tmp_path):
    class Plain(models.Network):
        """A network without a name."""

    with pytest.raises(ValueError, match="Plain is not registered: put @architecture"):
        models.save(Plain(MLPConfig()), tmp_path / "net.safetensors")


def test_a_network_with_no_attention_says_so(trained, few):
    with pytest.raises(ValueError, match=r"MLP has no attention to exchange: it lacks attention_layers\(\)"):
        models.attention_statistics(trained, few.x_train)
