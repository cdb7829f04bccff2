"""Data sets: the parts share no image, are stratified and fixed; folders and files that are wrong say so."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from memsim.models import datasets as data
from memsim.models.datasets.dataset import stratified
from memsim.models.datasets.digits import digits, digits_hard, harden


def test_digits_have_three_disjoint_stratified_parts():
    d = digits()
    assert [len(y) for y in (d.y_train, d.y_val, d.y_test)] == [1167, 180, 450]
    rows = [{image.numpy().tobytes() for image in x} for x in (d.x_train, d.x_val, d.x_test)]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    for labels in (d.y_train, d.y_val, d.y_test):
        share = np.bincount(labels.numpy(), minlength=10) / len(labels)
        whole = np.bincount(torch.cat([d.y_train, d.y_val, d.y_test]).numpy()) / 1797
        assert np.abs(share - whole).max() < 1 / len(labels)


def test_the_test_part_never_changes():
    """Of the labels and pixels in order; another digest means another data set: say so in the change log."""
    d = digits()
    content = d.x_test.numpy().tobytes() + d.y_test.numpy().tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == "7dd826bcef0f3e02"


def test_hard_digits_are_the_same_images_moved():
    plain, hard = digits(), digits_hard()
    assert torch.equal(hard.y_test, plain.y_test) and torch.equal(hard.x_val, plain.x_val)
    assert torch.equal(hard.x_test, harden(plain.x_test, seed=20250703))
    change = (hard.x_test - plain.x_test).abs().mean((1, 2, 3))
    assert float(change.min()) > 0.02
    assert float(hard.x_test.mean()) == pytest.approx(0.2779, abs=2e-4)
    alike = torch.nn.functional.cosine_similarity(hard.x_test.flatten(1), plain.x_test.flatten(1))
    assert 0.65 < float(alike.mean()) < 0.9


def test_hardening_is_bounded_and_seeded():
    white = torch.ones(3, 1, 8, 8)
    assert torch.equal(harden(white, seed=1), harden(white, seed=1))
    assert not torch.equal(harden(white, seed=1), harden(white, seed=2))
    assert float(harden(white, seed=1).max()) <= 1 and float(harden(0 * white, seed=1).min()) >= 0


def test_a_stratified_draw_has_the_size_asked_for():
    labels = np.repeat([0, 1, 2], [10, 20, 7])
    picks = stratified(labels, 13, seed=0)
    assert len(set(picks)) == 13 and np.bincount(labels[picks]).tolist() == [4, 7, 2]
    assert np.array_equal(picks, stratified(labels, 13, seed=0))


def arrays(**changes) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    good = {"x_train": rng.integers(0, 256, (30, 6, 5), dtype=np.uint8), "y_train": np.arange(30) % 3}
    return good | {"x_test": good["x_train"][:9], "y_test": np.arange(9) % 3} | changes


def test_npz_of_bytes(tmp_path):
    np.savez(tmp_path / "own.npz", **arrays())
    d = data.load(tmp_path / "own.npz")
    assert d.name == "own.npz" and d.in_shape == (1, 6, 5) and d.classes == ("0", "1", "2")
    assert [len(y) for y in (d.y_train, d.y_val, d.y_test)] == [27, 3, 9]
    torch.testing.assert_close(d.x_test[:, 0].numpy(), arrays()["x_test"] / np.float32(255))


def test_npz_with_channels_last(tmp_path):
    colour = np.random.default_rng(0).random((30, 6, 5, 3), dtype=np.float32)
    np.savez(tmp_path / "own.npz", **arrays(x_train=colour, x_test=colour[:9]))
    d = data.load(str(tmp_path / "own.npz"))
    assert d.in_shape == (3, 6, 5)
    np.testing.assert_array_equal(d.x_test[0, 2].numpy(), colour[0, :, :, 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.full((9, 6, 5), np.nan)}, "x_test has NaN"),
        ({"x_test": np.full((9, 6, 5), 200.0)}, "outside .* were bytes turned to floats"),
        ({"x_test": np.zeros((9, 6, 5), dtype=np.int64)}, r"x_test has type int64: pass bytes \(uint8\)"),
        ({"x_train": np.zeros((30, 4, 1, 6, 5))}, r"x_train has shape \(30, 4, 1, 6, 5\): pass images"),
        ({"y_test": np.arange(8) % 3}, "x_test has 9 images and 8 labels: one label an image"),
        ({"y_test": np.arange(9) - 1}, "y_test has labels from -1 to 7: classes begin at 0"),
        ({"y_test": np.arange(9) + 1000}, "labels reach 1008 with 39 images: pass class numbers"),
        ({"y_test": np.arange(9) / 2}, "y_test has type float64: pass class numbers"),
        ({"y_test": np.array(["cat"] * 9)}, "y_test has type <U3: pass class numbers"),
        (
            {"y_train": np.eye(3)[np.arange(30) % 3]},
            r"y_train: labels have shape \(30, 3\): pass class numbers, y.argmax\(1\)",
        ),
    ],
)
def test_wrong_npz_is_refused(changes, message, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays(**changes))
    with pytest.raises(ValueError, match=message):
        data.load(tmp_path / "own.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_val": torch.eye(10)}, r"y_val: labels have shape \(10, 10\): .* y.argmax\(1\)"),
        ({"y_val": torch.zeros(180)}, "y_val has type torch.float32, needed are class numbers"),
        ({"y_val": torch.full((180,), 10)}, r"y_val has labels from 10 to 10, outside the classes 0\.\.9"),
        ({"y_val": torch.zeros(3, dtype=torch.int64)}, "x_val has 180 images, y_val 3 labels"),
        ({"x_val": torch.zeros(180, 8, 8)}, r"x_val has shape \(180, 8, 8\), needed are images"),
        ({"x_val": torch.zeros(180, 1, 8, 8).double()}, "x_val has type torch.float64"),
    ],
)
def test_wrong_arrays_of_ones_own_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(digits(), **changes)


def test_the_digest_is_of_the_content_alone():
    d = digits()
    same = replace(d, name="other", x_train=d.x_train.clone())
    assert same.digest == d.digest and len(d.digest) == 16
    pixel = d.x_train.clone()
    pixel[5, 0, 3, 3] = 0.123
    label = d.y_test.clone()
    label[7] = (label[7] + 1) % 10
    changed = [replace(d, x_train=pixel), replace(d, y_test=label), digits_hard()]
    assert len({d.digest, *(one.digest for one in changed)}) == 4
    assert d.digest in repr(d) and len(repr(d)) < 150


def test_a_file_called_digits_is_not_the_digits(tmp_path):
    np.savez(tmp_path / "digits.npz", **arrays())
    own = data.load(tmp_path / "digits.npz")
    assert own.name == "digits.npz" and own.digest != digits().digest


def test_incomplete_or_missing_npz_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "own.npz", x_train=np.zeros(3))
    with pytest.raises(ValueError, match=r"own\.npz cannot be read: it lacks y_train, x_test, y_test"):
        data.load(tmp_path / "own.npz")
    with pytest.raises(ValueError, match=r"other\.npz cannot be read"):
        data.load(tmp_path / "other.npz")
    np.savez(tmp_path / "pickled.npz", **arrays(y_test=np.array([{}] * 9)))
    with pytest.raises(ValueError, match=r"pickled\.npz cannot be read"):
        data.load(tmp_path / "pickled.npz")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100"])
def test_a_missing_folder_is_named_with_its_remedy(name, tmp_path):
    with pytest.raises(ValueError, match="download=True") as caught:
        data.load(name, tmp_path)
    assert str(tmp_path) in str(caught.value) and name in str(caught.value)


def test_a_folder_in_torchvision_layout_is_read(tmp_path):
    """A tiny Fashion-MNIST, written in the format of the files (big-endian header, then bytes)."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 30), ("t10k", 10)):
        pixels = np.full((count, 28, 28), 51, dtype=np.uint8)
        header = np.array([2051, count, 28, 28], dtype=">i4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        labels = (
            np.array([2049, count], dtype=">i4").tobytes()
            + (np.arange(count) % 10).astype(np.uint8).tobytes()
        )
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    d = data.load("fashion-mnist", tmp_path)
    assert d.in_shape == (1, 28, 28) and len(d.y_train) == 27 and d.classes[9] == "Ankle boot"
    assert float(d.x_test.max()) == pytest.approx(0.2)


def test_unknown_sets_list_the_known():
    with pytest.raises(ValueError, match="digits, digits-hard, mnist"):
        data.load("imagenet")
