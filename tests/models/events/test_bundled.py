"""The bundled network of event frames: small, made by its recipe, right on pictures it did not learn."""

import torch

from memsim import models
from memsim.models.measures import predict
from memsim.models.registry import BUNDLED
from memsim.models.training.bundle import EVENTS, MASNN
from memsim.models.training.recipe import RECIPES


def test_masnn_of_digits_saccade():
    name = "masnn-digits-saccade"
    net, data = models.load(name), models.datasets.load("digits-saccade")
    assert (BUNDLED / f"{name}.safetensors").stat().st_size < 2_000_000
    assert {key: getattr(net.config, key) for key in MASNN} == MASNN
    record = net.record
    assert record["dataset_digest"] == data.digest and record["dataset_record"]["frames"]["steps"] == 6
    assert len(record["epochs"]) == EVENTS[name].epochs == RECIPES["digits-saccade"].epochs
    assert torch.equal(net.calibration_images, data.x_train[:64].transpose(0, 1))
    right = predict(net, data.x_test[:60]).argmax(-1) == data.y_test[:60]
    assert float(right.double().mean()) > 0.9 and record["test_accuracy"] > 0.9
