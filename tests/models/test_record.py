"""Which data set is a network's own: by content; an old record by its name."""

from dataclasses import replace

import numpy as np
import torch

from memsim import models

DIGITS = models.datasets.load("digits")


def network(**record) -> models.Network:
    net = models.build("s2tdpt-digits", layers=1)
    net.record = record
    return net


def test_a_network_with_no_record_has_no_data_set():
    assert models.dataset_of(network()) is None and models.dataset_of(torch.nn.Flatten()) is None
    assert not models.is_own(DIGITS, torch.nn.Flatten())
    assert models.dataset_of(network(dataset="digits")) == "digits"
    assert not models.is_own(DIGITS, network())


def test_content_decides():
    net = network(dataset="digits", dataset_digest=DIGITS.digest)
    other = replace(DIGITS, x_train=DIGITS.x_train.flip(0))
    assert models.is_own(DIGITS, net) and models.is_own(replace(DIGITS, name="renamed"), net)
    assert not models.is_own(other, net) and not models.is_own(models.datasets.load("digits-hard"), net)


def test_an_old_record_of_an_embedded_set_means_that_set(tmp_path):
    """A file that is called digits.npz, or a Dataset called "digits", is not scikit-learn's."""
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 8, 8), dtype=np.float32), np.arange(30) % 10
    np.savez(tmp_path / "digits.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    own = models.datasets.load(tmp_path / "digits.npz")
    old = network(dataset="digits")
    assert models.is_own(DIGITS, old)
    assert not models.is_own(own, old) and not models.is_own(replace(own, name="digits"), old)


def test_an_old_record_of_another_set_goes_by_its_name():
    data = replace(DIGITS, name="mine.npz")
    assert models.is_own(data, network(dataset="mine")) and models.is_own(data, network(dataset="mine.npz"))
    assert not models.is_own(data, network(dataset="yours"))
    assert models.is_own(replace(DIGITS, name="mnist"), network(dataset="mnist"))


def test_bundled_networks_know_their_data():
    net = models.load("s2tdpt-digits")
    assert models.dataset_of(net) == "digits" and models.is_own(DIGITS, net)
    assert torch.equal(net.calibration_images, DIGITS.x_train[:64])
