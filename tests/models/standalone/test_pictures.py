"""Packed pictures come back to the bit; what is damaged, swapped or other data is refused by name."""

import lzma

import numpy as np
import pytest

from memsim import models
from memsim.models.datasets import cifar10
from memsim.models.standalone import pictures


@pytest.fixture
def known(made, monkeypatch):
    """The made pictures stand for CIFAR-10: parts of 24, 32 to learn from."""
    monkeypatch.setattr(pictures, "DIGEST", pictures.digest(*made))
    monkeypatch.setattr(pictures, "HALF", 24)
    monkeypatch.setattr(cifar10, "TRAIN", 32)
    return made


def npz(folder, images, labels):
    arrays = {"x_train": images[:32], "y_train": labels[:32], "x_test": images[32:], "y_test": labels[32:]}
    np.savez(folder / "cifar10.npz", **arrays)
    return folder / "cifar10.npz"


def test_residuals_are_the_median_predictors():
    """By hand: left 10, up 20, corner 5 make the guess max(left, up) = 20; corner 12 makes it the plane's."""
    image = np.zeros((2, 32, 32, 3), np.uint8)
    image[0, :2, :2] = np.array([[5, 20], [10, 33]])[..., None]
    image[1, :2, :2] = np.array([[12, 20], [10, 33]])[..., None]
    green = pictures.encode(image)[0]
    assert green[:, 1, 1].tolist() == [33 - 20, 33 - (10 + 20 - 12)]
    assert green[0, 0, 0] == 5 and green[0, 0, 1] == 15


def test_pack_and_unpack_are_inverse(made):
    noise = np.random.Generator(np.random.Philox(1)).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    for images in (noise, np.full_like(noise, 255), np.zeros_like(noise), made[0]):
        labels = np.arange(len(images), dtype=np.uint8)
        again = pictures.unpack(pictures.pack(images, labels))
        assert np.array_equal(again[0], images) and np.array_equal(again[1], labels)
    assert len(pictures.pack(*made)) < 0.6 * made[0].nbytes


def test_the_command_packs_what_the_data_set_reads(known, tmp_path, capsys):
    pictures.main([str(npz(tmp_path, *known)), str(tmp_path / "packed")])
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["MB", "MB"]
    both = [models.datasets.load("cifar10", folder) for folder in (tmp_path, tmp_path / "packed")]
    assert both[0].digest == both[1].digest
    data = both[0]
    assert data.name == "cifar10" and data.classes[3] == "cat" and data.in_shape == (3, 32, 32)
    assert [len(y) for y in (data.y_train, data.y_val, data.y_test)] == [29, 3, 16]
    assert np.array_equal(data.x_test[5].numpy() * np.float32(255), known[0][37].transpose(2, 0, 1))


def test_damage_is_refused_with_the_files_name(known, tmp_path):
    pictures.main([str(npz(tmp_path, *known)), str(tmp_path)])
    paths = [tmp_path / name for name in pictures.PARTS]
    with pytest.raises(ValueError, match="not the two parts of CIFAR-10 in their order"):
        pictures.read_parts(paths[::-1])
    good = paths[1].read_bytes()
    short = lzma.compress(lzma.decompress(good)[:-1])
    for body, message in (
        (good[:-40], "damaged"),
        (b"PK\3\4", "damaged"),
        (short, "no whole number of pictures"),
    ):
        paths[1].write_bytes(body)
        with pytest.raises(
            ValueError, match=rf"packed pictures .*cifar10-1\.med\.xz cannot be read: .*{message}"
        ):
            pictures.read_parts(paths)
    with pytest.raises(ValueError, match=r"nothing\.xz cannot be read: .*No such file"):
        pictures.read_parts([paths[0], tmp_path / "nothing.xz"])


def test_other_pictures_are_not_taken_for_cifar10(known, tmp_path):
    """One pixel off, or another order, is another data set; so is a file without all arrays."""
    images = known[0].copy()
    images[7, 3, 3, 1] ^= 1
    for path in (npz(tmp_path, images, known[1]), npz(tmp_path, known[0][::-1], known[1][::-1])):
        with pytest.raises(ValueError, match=r"cifar10\.npz does not hold CIFAR-10"):
            models.datasets.load("cifar10", path.parent)
        with pytest.raises(SystemExit, match=r"cifar10\.npz does not hold CIFAR-10"):
            pictures.main([str(path), str(tmp_path)])
    np.savez(tmp_path / "cifar10.npz", x_train=images)
    with pytest.raises(ValueError, match=r"cifar10\.npz cannot be read: .*it must hold x_train, x_test"):
        models.datasets.load("cifar10", tmp_path)


def test_a_folder_without_them_says_which_forms_there_are(tmp_path):
    with pytest.raises(
        ValueError, match=r"or as cifar10\.npz .* or cifar10-0\.med\.xz and cifar10-1\.med\.xz"
    ):
        models.datasets.load("cifar10", tmp_path)
