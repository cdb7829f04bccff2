"""The bundled networks of event frames: small, made by their recipe, right on pictures they did not learn."""

import pytest
import torch

from memsim import models
from memsim.models.measures import predict
from memsim.models.registry import BUNDLED
from memsim.models.training.bundle import EVENTS
from memsim.models.training.recipe import RECIPES


@pytest.mark.parametrize(
    ("name", "least"), [("masnn-digits-saccade", 0.9), ("spikingformer-digits-saccade", 0.8)]
)
def test_networks_of_digits_saccade(name, least):
    net, data = models.load(name), models.datasets.load("digits-saccade")
    kind, fields, part = EVENTS[name]
    assert (BUNDLED / f"{name}.safetensors").stat().st_size < 2_000_000
    assert net.config == models.configure(kind, **fields)
    record = net.record
    assert record["dataset_digest"] == data.digest and record["dataset_record"]["frames"]["steps"] == 6
    assert len(record["epochs"]) == part.epochs == RECIPES["digits-saccade"].epochs
    assert torch.equal(net.calibration_images, data.x_train[:64].transpose(0, 1))
    right = predict(net, data.x_test[:60]).argmax(-1) == data.y_test[:60]
    assert float(right.double().mean()) > least and record["test_accuracy"] > least
