"""The bundled networks of CIFAR-10: small files, found by name; records say how they were trained."""

import json
from pathlib import Path

import pytest
import torch

from memsim import models
from memsim.models.datasets.cifar10 import CLASSES
from memsim.models.registry import BUNDLED, relative
from memsim.models.standalone import pictures
from memsim.models.standalone.pictures import DATASET

KINDS = ("stdp", "dot", "sdsa", "rate", "random", "uniform-matched")
SHORT = [f"s2tdpt-cifar10-short-{kind}" for kind in KINDS]
NAMES = ["s2tdpt-cifar10", "vit-cifar10", *SHORT]
HARDENED = "s2tdpt-cifar10-hardened-pcm"


def test_files_are_small():
    sizes = {name: (BUNDLED / f"{name}.safetensors").stat().st_size for name in [*NAMES, HARDENED]}
    assert max(sizes.values()) < 6e6 and sum(sizes.values()) < 30e6


@pytest.mark.parametrize("name", NAMES)
def test_a_network_knows_its_data_and_how_it_was_trained(name):
    net = models.load(name)
    record = net.record
    assert (record["dataset"], record["dataset_digest"]) == ("cifar10", DATASET)
    assert record["images"] == {"train": 50_000, "test": 10_000} and record["device"] == "NVIDIA H200"
    assert record["job"]["name"] == name and len(record["epochs"]) > 5
    assert net.config.in_shape == (3, 32, 32) and net.config.num_classes == len(CLASSES) == 10
    assert net.calibration_images.shape == (32, 3, 32, 32)
    assert record["test_accuracy"] == max(record["accuracy_by_T"].values())


def test_relatives_are_trained_alike_from_the_same_twin():
    """They differ in attention, and in what it is matched to."""
    jobs = []
    for kind, name in zip(KINDS, SHORT, strict=True):
        assert relative("s2tdpt-cifar10", kind) == name
        net = models.load(name)
        assert net.config.attention == kind
        jobs.append({k: v for k, v in net.record["job"].items() if k not in ("name", "mixer", "moments")})
    assert all(job == jobs[0] for job in jobs) and jobs[0]["start"] == "vit-cifar10-small"


def test_the_hardened_network_went_on_from_the_first_and_its_plan_says_how():
    """Its job is the first line of the plan; every weight has moved; none is beyond its column's limit."""
    net, first = models.load(HARDENED), models.load("s2tdpt-cifar10")
    job = net.record["job"]
    plan = Path(pictures.__file__).with_name("hardened.jsonl").read_text().splitlines()
    given = json.loads(plan[0])
    assert {key: job[key] for key in given} == given and job["start"] == "s2tdpt-cifar10"
    assert net.config == first.config and net.record["dataset_digest"] == DATASET
    for (name, now), before in zip(net.named_parameters(), first.parameters(), strict=True):
        assert not torch.equal(now, before), name
    column = net.get_submodule("blocks.0.mlp.fc1.linear").weight.detach()  # a tile: 256 rows
    assert float((column.abs().amax(1) / column.square().mean(1).sqrt()).max()) < 1.01 * job["clip"]


def test_the_spiking_network_and_its_twin_have_the_same_parameters():
    spiking, twin = models.load("s2tdpt-cifar10"), models.load("vit-cifar10")
    shapes = [{name: p.shape for name, p in net.named_parameters()} for net in (spiking, twin)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", [*SHORT, "s2tdpt-cifar10", HARDENED])
def test_pictures_of_training_are_told_apart(name):
    """The 32 calibration images were learned: a network without its weights gives all the same answer."""
    net = models.load(name)
    with torch.no_grad():
        logits = net(net.calibration_images[:16])
    assert float(logits.softmax(-1).amax(-1).mean()) > 0.5 and len(logits.argmax(-1).unique()) >= 5
