"""A checkpoint gives back the same network, is written whole, and says what is wrong with it."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from memsim import models
from memsim.models import checkpoint


@pytest.fixture
def net() -> models.S2TDPT:
    torch.manual_seed(0)
    net = models.build("s2tdpt-digits", layers=1, attention="random", window={"A": 0.3})
    net.calibration_images = torch.rand(3, 1, 8, 8)
    net.record = {"seed": 7, "epochs": [{"loss": 0.5}]}
    return net.eval()


def test_round_trip(net, tmp_path):
    path = models.save(net, tmp_path / "new" / "net.safetensors")
    again = models.load(path)
    assert again.config == net.config and again.record == net.record and not again.training
    assert list(tmp_path.rglob("*")) == [path.parent, path], "nothing but the file is left behind"
    image = torch.rand(2, 1, 8, 8)
    assert torch.equal(again(image), net(image))
    assert torch.equal(again.calibration_images, net.calibration_images)


def test_an_interrupted_save_leaves_the_old_file(net, tmp_path, monkeypatch):
    path = models.save(net, tmp_path / "net.safetensors")
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
    net.head.weight.data.zero_()
    with pytest.raises(OSError, match="power cut"):
        models.save(net, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_numbers_that_float16_holds_are_stored_in_it(net, tmp_path):
    """All of a rounded network; of another only what loses nothing, and nothing that becomes infinite."""
    before = models.save(net, tmp_path / "whole.safetensors")
    net.half().float()
    net.head.bias.data[0] = 1e5  # no float16
    net.head.weight.data[0, 0] = 1 + 2.0**-20
    path = models.save(net, tmp_path / "half.safetensors")
    stored, again = load_file(path), models.load(path)
    apart = {name for name, tensor in stored.items() if tensor.dtype == torch.float32}
    assert apart == {"head.bias", "head.weight", "calibration_images"}
    for name, tensor in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
        assert again.state_dict()[name].dtype == tensor.dtype
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    assert again.calibration_images.dtype == torch.float32
    image = torch.rand(2, 1, 8, 8)
    assert torch.equal(again(image), net.eval()(image))
    assert path.stat().st_size < 0.6 * before.stat().st_size


def test_a_rounded_network_halves_its_file(net, tmp_path):
    """Numbers alone: the header keeps its size."""
    sizes = []
    for _ in range(2):
        path = models.save(net, tmp_path / "net.safetensors")
        tensors = [t for t in load_file(path).values() if t.is_floating_point()]
        sizes.append(sum(t.numel() * t.element_size() for t in tensors))
        net.half().float()
        net.calibration_images = (net.calibration_images * 16).round() / 16
    # fresh normalisation is 0 and 1: small from the start
    assert 0.5 <= sizes[1] / sizes[0] < 0.52


def test_whole_numbers_and_doubles_stay_what_they_are():
    for tensor in (torch.arange(3), torch.ones(2, dtype=torch.float64), torch.tensor([float("nan"), 1.0])):
        assert checkpoint._small(tensor).dtype == tensor.dtype
    assert checkpoint._small(torch.tensor([0.5, -65504.0])).dtype == torch.float16


def damaged(kind: str, path: Path) -> None:
    """Rewrite a good checkpoint into one with the given defect."""
    tensors, content = load_file(path), path.read_bytes()
    header = json.loads(json.dumps(checkpoint.read(path)[1]))
    if kind == "cut":
        return path.write_bytes(content[: len(content) // 2])
    if kind == "empty":
        return path.write_bytes(b"")
    if kind == "noise":
        return path.write_bytes(bytes(range(256)) * 8)
    if kind == "foreign":
        return save_file(tensors, path)
    if kind == "bit":
        return path.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    if kind == "header":
        return path.write_bytes(content.replace(b"seed", b"SEED"))
    if kind == "format":
        header["format"] = "memsim-network-99"
    if kind == "architecture":
        header["architecture"] = "fish"
    if kind == "config":
        header["config"]["dim"] = 63
    if kind == "field":
        header["config"]["colour"] = "blue"
    if kind == "shape":
        tensors["head.weight"] = tensors["head.weight"][:, :5].contiguous()
    if kind == "missing":
        del tensors["head.weight"]
    if kind == "images":
        tensors["calibration_images"] *= 255
    if kind == "nan":
        tensors["head.weight"][0, 0] = torch.nan
    return checkpoint.write(path, tensors, header)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut", "damaged"),
        ("empty", "damaged"),
        ("noise", "damaged"),
        ("foreign", "not written by memsim"),
        ("bit", "damaged: its weights or header are not those that were written"),
        ("header", "damaged: its weights or header are not those that were written"),
        ("format", "'memsim-network-99'; this version reads"),
        ("architecture", "no architecture 'fish'; there are .*s2tdpt"),
        ("config", "not a multiple of heads"),
        ("field", "colour"),
        ("shape", r"head.weight has shape \(10, 5\), needed \(10, 64\)"),
        ("missing", "missing .*head.weight"),
        ("nan", "head.weight holds NaN"),
        ("images", "calibration image has pixels"),
    ],
)
def test_damaged_files_are_refused_by_name(kind, message, net, tmp_path):
    path = models.save(net, tmp_path / "net.safetensors")
    damaged(kind, path)
    with pytest.raises(ValueError, match=message) as caught:
        models.load(path)
    assert str(path) in str(caught.value)


def test_nothing_is_unpickled(net, tmp_path):
    torch.save(net.state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"is pickled \(torch.save\) and is not opened"):
        models.load(tmp_path / "net.safetensors")


def test_a_record_that_is_no_json_is_refused(net, tmp_path):
    net.record["loss"] = torch.zeros(2)
    with pytest.raises(ValueError, match=r"net\.safetensors: its record or configuration is not plain JSON"):
        models.save(net, tmp_path / "net.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_first_format_are_read(net, tmp_path):
    """It named the architecture in the format, and had no digest."""
    path = models.save(net, tmp_path / "net.safetensors")
    header = {"format": "memsim-s2tdpt-1", "config": net.config.model_dump(mode="json"), "record": net.record}
    save_file(load_file(path), path, {"memsim": json.dumps(header)})
    with pytest.warns(UserWarning, match=r"net\.safetensors has no digest"):
        again = models.load(path)
    assert again.config == net.config and again.record == net.record
    assert torch.equal(again.head.weight, net.head.weight)


def test_unknown_names_list_the_bundled_ones(tmp_path):
    with pytest.raises(
        ValueError, match="no bundled network and no file 's2tdpt-fish'; bundled are: masnn-digits-saccade, "
    ):
        models.load("s2tdpt-fish")
    with pytest.raises(ValueError, match="does not exist"):
        models.load(tmp_path / "fish.safetensors")


@pytest.mark.parametrize("name", [name for name in models.names() if "s2tdpt-digits" in name])
def test_bundled_networks(name):
    net = models.load(name.upper())
    assert (models.registry.BUNDLED / f"{name}.safetensors").stat().st_size < 2_000_000
    kind = name.removeprefix("s2tdpt-digits").removeprefix("-")
    learned_on = kind.startswith(("tuned-", "hardened-"))
    assert net.config.attention == ("stdp" if kind == "" or learned_on else kind)
    assert torch.equal(net.calibration_images, models.datasets.load("digits").x_train[:64])
    assert net.record["dataset"] == "digits" and len(net.record["epochs"]) == net.record["recipe"]["epochs"]
