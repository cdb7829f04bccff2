"""A change of a network gives what it says and leaves the network alone; what is unknown is refused."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from memsim import models
from memsim.models import S2TDPT
from memsim.studies.evaluation import variants
from memsim.studies.evaluation.variants import variant

MODEL = "s2tdpt-digits"


@pytest.fixture(scope="module")
def images() -> Tensor:
    return models.datasets.load("digits").x_test[:12]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means from fewer training images."""
    monkeypatch.setattr(variants, "STATISTICS", 48)
    variants._statistics.cache_clear()


def answers(net: S2TDPT, images: Tensor) -> Tensor:
    with torch.no_grad():
        return net(images)


def cores(net: S2TDPT) -> list[Any]:
    return [layer.core for layer in net.attention_layers()]


def test_no_change_is_the_network(images: Tensor) -> None:
    assert torch.equal(answers(variant(MODEL, {}), images), answers(models.load(MODEL), images))


def test_another_window(images: Tensor) -> None:
    net = variant(MODEL, {"window": {"tau": 2.0, "levels": 3}})
    own = models.load(MODEL).config.window
    for core in cores(net):
        assert core.window == own.model_copy(update={"tau": 2.0, "levels": 3})
    assert not torch.equal(answers(net, images), answers(models.load(MODEL), images))
    assert cores(models.load(MODEL))[0].window == own
    assert torch.equal(answers(variant(MODEL, {"window": {}}), images), answers(models.load(MODEL), images))


def test_the_histogram_is_the_dense_sum(images: Tensor) -> None:
    net = variant(MODEL, {"form": "histogram"})
    assert {core.form for core in cores(net)} == {"histogram"}
    dense = answers(models.load(MODEL).double(), images.double())
    torch.testing.assert_close(answers(net.double(), images.double()), dense, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["uniform-matched", "zero", "random"])
def test_attention_exchanged_nothing_retrained(kind: str, images: Tensor) -> None:
    net, own = variant(MODEL, {"exchanged": kind}), models.load(MODEL)
    assert torch.equal(net.head.weight, own.head.weight)
    training = models.datasets.load("digits").x_train[:48]
    again = models.exchange_attention(own, kind, statistics=models.attention_statistics(own, training))
    assert torch.equal(answers(net, images), answers(again, images))
    assert not torch.equal(answers(net, images), answers(own, images))


def test_trained_alike_is_the_bundled_relative(images: Tensor) -> None:
    net = variant(MODEL, {"trained": "dot"})
    assert net.config.attention == "dot"
    assert torch.equal(answers(net, images), answers(models.load(f"{MODEL}-dot"), images))
    assert torch.equal(
        answers(variant(MODEL, {"trained": "stdp"}), images), answers(models.load(MODEL), images)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"colour": "blue"},
            "no change 'colour' of a network; there are trained, tuned, exchanged, window, physics, form",
        ),
        ({"trained": "softmax"}, f"no network trained like '{MODEL}' with 'softmax' attention is bundled"),
        ({"exchanged": "softmax"}, "kind = 'softmax': attention can be exchanged for one of random"),
        ({"window": {"colour": 1}}, "colour"),
        ({"window": {"tau": -1.0}}, "tau"),
        ({"physics": "magic"}, "no physical window 'magic'; there are threshold law; "),
        ({"form": "sparse"}, "no form 'sparse' of attention; there are dense, histogram"),
        ({"trained": "dot", "window": {"tau": 1.0}}, "window can be changed for STDP attention only"),
        ({"exchanged": "zero", "form": "dense"}, "form can be changed for STDP attention only"),
    ],
    ids=str,
)
def test_what_is_unknown_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        variant(MODEL, change)
