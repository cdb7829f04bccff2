"""Folders of recordings as data sets, in each layout; event frames train and are moved as one."""

import numpy as np
import pytest
import torch
from torch import nn

from memsim import models
from memsim.models import datasets
from memsim.models.datasets.events import Frames, from_folder
from memsim.models.training.augment import Augmentation
from tests.models.events import writers

FRAMES = Frames(steps=3)


def drawn(seed: int, size: int, count: int = 40) -> list[writers.Event]:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 3000, count))
    return [(int(t), *(int(n) for n in rng.integers(0, (size, size, 2)))) for t in times]


def n_mnist(folder, each: int = 4):
    for part, number in (("Train", each), ("Test", 1)):
        for label in (2, 10):
            inner = folder / part / str(label)
            inner.mkdir(parents=True)
            for n in range(number):
                writers.n_mnist(inner / f"{n:05}.bin", drawn(100 * label + n, 34))
    return folder


def test_train_and_test_folders(tmp_path):
    n_mnist(tmp_path / "n-mnist")
    found = datasets.load("n-mnist", tmp_path, frames=FRAMES)
    assert found.name == "n-mnist" and found.classes == ("2", "10") and found.in_shape == (2, 34, 34)
    assert found.steps == 3 and found.x_train.shape == (7, 3, 2, 34, 34) and found.y_test.tolist() == [0, 1]
    assert found.record == {"frames": FRAMES.record, "division": "its own"}
    assert float(found.x_test[1].sum()) == 40 and "(3, 2, 34, 34)" in repr(found)


def test_class_folders_are_divided_by_name(tmp_path):
    for label, name in enumerate(("airplane", "dog")):
        (tmp_path / name).mkdir()
        for n in range(10):
            writers.aedat2(
                tmp_path / name / f"cifar10_{name}_{n}.aedat", [(0, label, n, 1), (9, n, label, 0)]
            )
    found = from_folder(tmp_path, frames=Frames(steps=1))
    assert [len(y) for y in (found.y_train, found.y_val, found.y_test)] == [17, 1, 2]
    assert found.classes == ("airplane", "dog") and "first 90%" in found.record["division"]
    assert found.x_test[:, 0, 1, 9].argmax(-1).tolist() == [0, 1]  # the tenth of each class


def test_spikingjellys_frames_and_events(tmp_path):
    for part in ("train", "test"):
        for label in "01":
            for kind in ("frames", "events"):
                (tmp_path / kind / part / label).mkdir(parents=True)
            stack = np.full((4, 2, 6, 5), int(label))
            t, x, y, p = np.array(drawn(int(label), 5)).T
            for n in range(2):
                np.savez(tmp_path / "frames" / part / label / f"{n}.npz", frames=stack)
                np.savez(tmp_path / "events" / part / label / f"{n}.npz", t=t, x=x, y=y, p=p)
    found = from_folder(tmp_path / "frames")
    assert found.x_test.shape == (4, 4, 2, 6, 5) and found.x_test.amax((1, 2, 3, 4)).tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="frames already"):
        from_folder(tmp_path / "frames", frames=FRAMES)
    assert from_folder(tmp_path / "events", sensor=(6, 5)).x_test.shape == (4, 10, 2, 6, 5)
    np.savez(tmp_path / "frames" / "test" / "1" / "1.npz", frames=stack[:2])
    with pytest.raises(ValueError, match=r"gives frames \(2, 2, 6, 5\), the files before it \(4, 2, 6, 5\)"):
        from_folder(tmp_path / "frames")


def gesture(folder):
    folder.mkdir()
    for user, listed in (("user01_led", "train"), ("user24_led", "test")):
        events = [(t, t % 128, 1, t % 2) for t in range(0, 4000, 10)]
        writers.aedat3(folder / f"{user}.aedat", writers.aedat3_packet(events))
        rows = "".join(f"{label},{label * 300},{label * 300 + 200}\n" for label in range(1, 12))
        (folder / f"{user}_labels.csv").write_text("class,startTime_usec,endTime_usec\n" + rows)
        (folder / f"trials_to_{listed}.txt").write_text(f"{user}.aedat\n")
    return folder


def test_the_original_gestures(tmp_path):
    gesture(tmp_path / "dvs128-gesture")
    found = datasets.load("dvs128-gesture", tmp_path, frames=FRAMES)
    assert found.classes[0] == "hand clapping" and len(found.classes) == 11
    assert found.y_test.tolist() == list(range(11)) and found.x_test.shape == (11, 3, 2, 128, 128)
    assert found.x_test.sum((1, 2, 3, 4)).tolist() == [20] * 11
    (tmp_path / "dvs128-gesture" / "user24_led.aedat").unlink()
    with pytest.raises(ValueError, match=r"names user24_led.aedat, which is not there"):
        datasets.load("dvs128-gesture", tmp_path)


def test_tonics_gestures(tmp_path):
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        (tmp_path / part / "user01_led").mkdir(parents=True)
        for label in range(11):
            rows = [(x, y, p, t / 1000) for t, x, y, p in drawn(label, 128)]
            np.save(tmp_path / part / "user01_led" / f"{label}.npy", np.array(rows))
    found = from_folder(tmp_path, frames=FRAMES)
    assert sorted(found.y_test.tolist()) == list(range(11)) and found.x_test.shape == (11, 3, 2, 128, 128)
    with pytest.raises(ValueError, match="recorded with 128 x 128"):
        from_folder(tmp_path, sensor=(34, 34))


def test_folders_that_are_wrong(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        datasets.load("n-mnist", tmp_path)
    with pytest.raises(ValueError, match="no folder for each class"):
        from_folder(tmp_path)
    n_mnist(tmp_path / "a")
    (tmp_path / "a" / "Test" / "7").mkdir()
    with pytest.raises(ValueError, match=r"classes .'7'. that Train lacks"):
        from_folder(tmp_path / "a")
    (tmp_path / "b" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match="test is not"):
        from_folder(tmp_path / "b")
    (tmp_path / "c" / "dog").mkdir(parents=True)
    with pytest.raises(ValueError, match="has 0 recordings, 2 of a class"):
        from_folder(tmp_path / "c")
    with pytest.raises(ValueError, match="has no effect on 'digits'"):
        datasets.load("digits", frames=FRAMES)


class OverTime(nn.Module):
    """A small network of event frames (T, B, C, h, w): convolution, spikes, mean over time."""

    def __init__(self):
        super().__init__()
        self.conv, self.lif, self.head = nn.Conv2d(2, 4, 5, 4), models.LIF(), nn.Linear(4 * 64, 2)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        spikes = self.lif(self.conv(steps.flatten(0, 1)).unflatten(0, steps.shape[:2]))
        return self.head(spikes.flatten(2)).mean(0)


def test_a_network_trains_on_event_frames(tmp_path):
    data = from_folder(n_mnist(tmp_path / "a"), frames=FRAMES)
    recipe = models.Recipe(epochs=1, batch=4)
    net = models.train(data, OverTime(), recipe=recipe)
    assert net.record["dataset_digest"] == data.digest and net.calibration_images.shape == (3, 7, 2, 34, 34)
    assert net.record["dataset_record"]["frames"]["steps"] == 3


def test_frames_are_moved_as_one():
    frames = torch.zeros(2, 3, 2, 8, 8)
    frames[:, :, :, 3, 4] = 5.0
    still = Augmentation(noise=0.0)(frames, torch.Generator().manual_seed(0))
    assert torch.equal(still[:, 0], still[:, 2]) and float(still.max()) > 1
    assert not torch.equal(still[0], still[1]) and float(still.min()) >= 0
