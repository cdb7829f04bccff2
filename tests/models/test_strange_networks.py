"""Strange names, sizes and constants of networks: refused in one message that names them, or a network."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from memsim import models
from memsim.models import registry
from memsim.models.networks import architecture
from tests.models.test_family import FAMILY

NAMES = (
    "", "s2tdpt-", "s2tdpt-0-32", "s2tdpt-4-0", "s2tdpt-1-33", "vit-1-31", "spikformer-1-7", "sew-resnet19",
    "sew-resnet18-0", "ms-resnet0", "resnet18-0", "masnn-4", " s2tdpt-1-32", "s2tdpt-1-32\n", "a\0b",
    "x" * 5000,
    "s2tdpt-1-" + "8" * 100, "resnet18-" + "9" * 30, "resnet18-9999999", "sew-resnet18-" + "9" * 4400,
)  # fmt: skip
NAN, INF = float("nan"), float("inf")
FIELDS: list[dict[str, Any]] = [
    {"num_classes": value} for value in (1, 0, -1, 2.5, "3", True, None, 10**10, NAN)
] + [
    {"in_shape": value}
    for value in (
        (8, 8), (0, 8, 8), (1, 0, 8), (1, -8, 8), (1, 8, 8, 8), "188", ("1", "8", "8"), (1.5, 8, 8), None, 8,
        (True, 8, 8), (1, 8, 10**12), (1, NAN, 8), (),
    )
] + [{"nothing": 3}]  # fmt: skip
SPIKING: list[dict[str, Any]] = [
    *({"steps": value} for value in (0, -1, 1.5, "4", True)),
    *({"tau": value} for value in (0.5, NAN, -INF, "2")),
    *({"v_threshold": value} for value in (0, NAN, INF)),
    *({"v_reset": value} for value in (NAN, -INF, 9.0)), *({"alpha": value} for value in (0, INF, NAN)),
]  # fmt: skip


def refused(call: Any, *names: str) -> None:
    with pytest.raises(ValueError) as error:
        call()
    said = str(error.value)
    assert len(said) <= 2000 and all(name in said for name in names), said


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_names_that_are_none_are_refused(name):
    refused(lambda: models.build(name, in_shape=(1, 8, 8)))


@pytest.mark.parametrize("name", [None, 3, b"vit-1-32", ["vit-1-32"]])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(TypeError, match="the name of a network"):
        models.build(name)


@pytest.mark.parametrize("name", [*FAMILY, "vit-1-32", "resnet18-8"])
def test_strange_fields_are_refused_by_name(name):
    spiking = [] if name in ("vit-1-32", "resnet18-8") else SPIKING
    for fields in [*FIELDS, *spiking]:
        given = {"in_shape": (1, 8, 8), **FAMILY.get(name, {}), **fields}
        refused(lambda given=given: models.build(name, **given), *fields)


def test_a_misspelt_field_is_told_the_likely_one():
    refused(lambda: models.build("vit-1-32", num_clases=3), "num_clases", "did you mean num_classes?")
    refused(lambda: models.build("resnet18-8", Blocks=(1,)), "did you mean blocks?")


@pytest.mark.parametrize("blocks", [(), (0,), (-1, 2), (1, 0), "11"])
@pytest.mark.parametrize("name", ["resnet18-8", "ms-resnet18-8", "att-ms-resnet18-8", "sew-resnet18-8"])
def test_stages_without_blocks_are_refused(name, blocks):
    refused(lambda: models.build(name, in_shape=(1, 8, 8), blocks=blocks), "blocks")


def test_looking_at_the_size_first_takes_no_number_of_the_generator():
    torch.manual_seed(3)
    built = models.build("s2tdpt-1-32", in_shape=(1, 8, 8)).state_dict()
    torch.manual_seed(3)
    made = architecture.create(models.configure("s2tdpt-1-32", in_shape=(1, 8, 8))).state_dict()
    assert all(torch.equal(built[name], made[name]) for name in made)


@pytest.mark.parametrize("name", [*FAMILY, "vit-1-32", "resnet18-8"])
@pytest.mark.parametrize("shape", [(1, 1, 9), (2, 17, 5)])
def test_small_and_odd_pictures_are_taken_by_all_but_one(name, shape):
    given = {**FAMILY.get(name, {}), "in_shape": shape, "num_classes": 3}
    try:
        net = models.build(name, **given).eval()
    except ValueError as error:
        assert (name, shape) == ("masnn", (1, 1, 9)) and str(shape) in str(error)
        return
    with torch.no_grad():
        logits = net(torch.rand(2, *shape))
    assert logits.shape == (2, 3) and bool(logits.isfinite().all())


@dataclass(frozen=True)
class Outside:
    """An architecture of a package, whose class looks at values as it is made."""

    sizes: tuple[int, ...]

    def create(self, _: Any) -> nn.Module:
        drops = [x.item() for x in torch.linspace(0, 0.1, 3)]  # not on the meta device
        return nn.Linear(*self.sizes, bias=bool(drops))


def test_a_class_that_looks_at_values_is_built_and_its_own_faults_are_said(monkeypatch):
    monkeypatch.setattr(registry.architecture, "create", Outside((3, 2)).create)
    assert isinstance(models.build("s2tdpt-1-32"), nn.Linear)
    monkeypatch.setattr(registry.architecture, "create", Outside((3, -2)).create)
    with pytest.raises(ValueError, match="no network can be made of") as refused:
        models.build("s2tdpt-1-32")
    assert isinstance(refused.value.__cause__, RuntimeError)
