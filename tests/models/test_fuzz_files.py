"""Five hundred damaged checkpoints and data files: each is refused in a short message, or unharmed."""

import gzip
import io
import json
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from memsim import models
from memsim.models import datasets as data
from memsim.models.datasets.events.formats import read
from memsim.models.tensor_file import DIGEST, HEADER, digest
from tests.mutations import damaged, mutant


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> bytes:
    torch.manual_seed(0)
    net = models.build("s2tdpt-digits", layers=1)
    return models.save(net, tmp_path_factory.mktemp("whole") / "net.safetensors").read_bytes()


def refused(call, path: Path) -> bool:
    """Whether a file is refused, in a short message that names it."""
    try:
        call(path)
    except ValueError as error:
        assert len(str(error)) <= 2000 and path.name in str(error), error
        return True
    return False


@pytest.mark.slow
def test_damaged_checkpoints_are_refused(checkpoint, tmp_path):
    draw = random.Random(0)
    for n in range(200):
        path, text = tmp_path / f"{n}.safetensors", damaged(checkpoint, draw)
        path.write_bytes(text)
        assert refused(models.load, path) or text == checkpoint, n
        path.unlink()


@pytest.mark.slow
def test_checkpoints_with_another_header_are_read_or_refused(checkpoint, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load

    draw, path = random.Random(1), tmp_path / "net.safetensors"
    path.write_bytes(checkpoint)
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[HEADER])
    tensors = load(checkpoint)
    for _ in range(120):
        try:
            text = json.dumps(mutant(header, draw))
        except (TypeError, ValueError, RecursionError):
            continue
        path.write_bytes(save(tensors, {HEADER: text, DIGEST: digest(tensors, text)}))
        refused(models.load, path)


def npz() -> bytes:
    rng, out = np.random.default_rng(0), io.BytesIO()
    x = rng.integers(0, 256, (30, 6, 5), dtype=np.uint8)
    np.savez_compressed(out, x_train=x, y_train=np.arange(30) % 3, x_test=x[:9], y_test=np.arange(9) % 3)
    return out.getvalue()


@pytest.mark.slow
def test_damaged_archives_are_refused(tmp_path):
    draw, path, text = random.Random(2), tmp_path / "own.npz", npz()
    path.write_bytes(text)
    whole = data.load(path).digest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(100):
            path.write_bytes(damaged(text, draw))
            assert refused(data.load, path) or data.load(path).digest == whole


def idx(values: np.ndarray) -> bytes:
    """An array of bytes in the format of MNIST."""
    sizes = b"".join(n.to_bytes(4, "big") for n in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def mnist(folder: Path, images: int, labels: int) -> dict[str, bytes]:
    """torchvision's folder of a small MNIST."""
    rng, found = np.random.default_rng(0), {}
    for part in ("train", "t10k"):
        found[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (images, 28, 28), dtype=np.uint8))
        found[f"{part}-labels-idx1-ubyte"] = idx((np.arange(labels) % 10).astype(np.uint8))
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        (raw / name).write_bytes(content)
        (raw / f"{name}.gz").write_bytes(gzip.compress(content))
    return found


def test_images_and_labels_of_unequal_number_are_refused(tmp_path):
    mnist(tmp_path, 50, 40)
    with pytest.raises(ValueError, match="50 images and 40 labels: one label an image"):
        data.load("mnist", tmp_path)


def test_labels_without_end_are_refused_at_once(tmp_path):
    for wrong in (10**9, 2.0**80, np.inf, np.nan):
        x = np.zeros((20, 4, 4), dtype=np.uint8)
        y = np.full(20, wrong)
        np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        with pytest.raises(ValueError, match=r"own\.npz: .*labels|own\.npz: y_train"):
            data.load(tmp_path / "own.npz")


@pytest.mark.slow
def test_damaged_folders_of_torchvision_are_refused(tmp_path):
    draw = random.Random(3)
    files = mnist(tmp_path, 60, 60)
    whole, raw = data.load("mnist", tmp_path).digest, tmp_path / "MNIST" / "raw"
    names = sorted(files)
    for n in range(60):
        name = names[n % len(names)]
        (raw / name).write_bytes(damaged(files[name], draw))
        try:
            found = data.load("mnist", tmp_path)
        except ValueError as error:
            assert len(str(error)) <= 2000 and "mnist" in str(error)
        else:
            assert found.digest == whole or len(found.y_test)  # pixels have no check sum
        (raw / name).write_bytes(files[name])


@pytest.mark.slow
def test_damaged_recordings_are_refused_or_read(tmp_path):
    draw, path = random.Random(4), tmp_path / "one.npz"
    out = io.BytesIO()
    np.savez(out, t=np.arange(50), x=np.arange(50) % 9, y=np.arange(50) % 7, p=np.arange(50) % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(60):
            path.write_bytes(damaged(out.getvalue(), draw))
            refused(lambda path: read(path, sensor=(10, 10)), path)
