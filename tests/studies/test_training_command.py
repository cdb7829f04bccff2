"""`memsim train` on a file of one's own: named by the file, its data known by content."""

from pathlib import Path

import numpy as np
import pytest

from memsim import models
from memsim.studies.commands.training import _name_of, train_command


def write(path: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (24, 8, 8), dtype=np.uint8), np.arange(24) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x[:8], y_test=y[:8])
    return path


def test_a_file_called_digits_is_trained_as_a_file(tmp_path: Path) -> None:
    """Its network has two classes and a name of its own; the recipe and shape of `digits` are not taken."""
    path = write(tmp_path / "digits.npz", seed=0)
    options = {"epochs": 1}
    given = {"attention": "stdp", "seed": 0, "resume": True, "data": None, "out": tmp_path, "plot": None}
    told: list[str] = []
    done = train_command(str(path), options=options, **given, advance=lambda text, *_: told.append(text))
    assert done["checkpoint"] == str(tmp_path / "s2tdpt-digits-npz.safetensors") and len(told) == 1
    net, data = models.load(done["checkpoint"]), models.datasets.load(path)
    assert models.dataset_of(net) == "digits.npz" and net.config.num_classes == 2
    assert models.is_own(data, net)
    assert not models.is_own(models.datasets.load(write(path, seed=1)), net)
    with pytest.raises(ValueError, match="cannot be read: no such file; name it with its folder"):
        models.datasets.load(models.dataset_of(net))


def test_a_network_is_called_by_its_data_file() -> None:
    assert _name_of(Path("mine.npz")) == "s2tdpt-mine" and _name_of(Path("mnist")) == "s2tdpt-mnist"
