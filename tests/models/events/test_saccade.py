"""Made events: laws of the contrast-threshold pixel, the motion, and the sets made of real pictures."""

from dataclasses import replace
from math import floor, log

import numpy as np
import pytest
import torch

from memsim.models import datasets
from memsim.models.datasets.dataset import Dataset
from memsim.models.datasets.digits import digits
from memsim.models.datasets.events import Frames, Pixel, Saccade
from memsim.models.datasets.events.made import CIFAR10_PICTURES, DIGITS, PIXEL, cifar10_saccade, saccades
from memsim.models.datasets.events.pixel import log_light

EVEN = Pixel(spread=0.0)


def ramp(total: float, steps: int = 37) -> np.ndarray:
    """Light of one pixel whose logarithm rises in a line by `total`, from I = 25 on (K + 1, 1, 1)."""
    return (25 * np.exp(np.linspace(0, total, steps + 1)) / 255)[:, None, None]


@pytest.mark.parametrize("total", [0.05, 0.19, 0.21, 0.95, 1.13, 2.25])
@pytest.mark.parametrize("threshold", [0.2, 0.31])
def test_a_linear_ramp_gives_floor_of_total_over_threshold(total, threshold):
    pixel = Pixel(threshold=threshold, spread=0.0)
    up, down = pixel.changes(ramp(total), 0.001), pixel.changes(ramp(total)[::-1], 0.001)
    assert up.sum() == floor(total / threshold) == -down.sum() and up.min() >= 0 >= down.max()


def test_each_pixel_has_its_own_threshold():
    pixel = Pixel(threshold=0.2, spread=0.05, seed=3)
    theta = pixel.thresholds((40, 50))
    assert np.array_equal(theta, pixel.thresholds((40, 50))) and theta.min() >= 0.01
    error = 0.05 / np.sqrt(theta.size)
    assert abs(theta.mean() - 0.2) < 4 * error and theta.std() == pytest.approx(0.05, rel=0.06)
    found = pixel.changes(np.broadcast_to(ramp(2.0), (38, 40, 50)), 0.001).sum(0)
    np.testing.assert_array_equal(found, np.floor(2.0 / theta + 1e-9))


def test_inverted_contrast_swaps_polarities():
    """ln(I) -> c - ln(I) is the photographic negative; every ON event becomes an OFF event at once."""
    light = Saccade(side=20, scale=1).light(digits().x_test[:3]).astype(np.float64)
    pixel = Pixel(threshold=0.1973, spread=0.0)  # no brightness of a digit lies on a multiple of it
    found, swapped = (pixel.changes(one, 0.005) for one in (light, 0.15 / light))
    assert np.abs(found).sum() > 1000
    np.testing.assert_array_equal(found, -swapped)


def test_light_below_twenty_counts_linearly():
    assert log_light(np.array([0.0]))[0] == 0 and log_light(np.array([1.0]))[0] == pytest.approx(log(255))
    np.testing.assert_allclose(np.diff(log_light(np.linspace(0, 20, 5) / 255)), log(20) / 4)


def test_a_slow_pixel_follows_later_and_a_leak_gives_on_events():
    step = np.concatenate([np.full((1, 1, 1), 0.2), np.full((400, 1, 1), 0.9)])
    fast, slow = EVEN.changes(step, 0.001), replace(EVEN, cutoff=30.0).changes(step, 0.001)
    assert np.flatnonzero(fast).tolist() == [0] and np.count_nonzero(slow) > 3
    assert fast.sum() == slow.sum() == floor(log(4.5) / 0.2)
    still = np.full((1001, 1, 1), 0.5)
    assert replace(EVEN, leak=7.0).changes(still, 0.001).sum() == 7


@pytest.mark.parametrize(
    ("kind", "settings", "says"),
    [
        (Pixel, {"threshold": 0.0}, "threshold = 0.0: at least 0.01"),
        (Pixel, {"spread": 0.2}, "spread = 0.2"),
        (Pixel, {"cutoff": 0.0}, "cutoff"),
        (Pixel, {"leak": -1.0}, "leak"),
        (Saccade, {"side": 0}, "side = 0"),
        (Saccade, {"amplitude": 40.0}, "amplitude"),
        (Saccade, {"rate": 5.0}, "at least one picture in each move"),
        (Saccade, {"black": 1.0}, "black"),
        (Saccade, {"border": "white"}, "border"),
    ],
)
def test_refusals(kind, settings, says):
    with pytest.raises(ValueError, match=says):
        kind(**settings)


def test_the_motion_is_a_closed_triangle():
    path = Saccade(amplitude=4.0).path()
    assert path.shape == (61, 2) and path[[0, 20, 40, 60]].tolist() == [[0, 0], [4, 2], [0, 4], [0, 0]]


def test_a_picture_moves_down_and_right():
    dot = torch.zeros(1, 1, 8, 8)
    dot[0, 0, 3, 4] = 1.0
    light = Saccade(side=20, scale=1, black=0.0).light(dot)
    bright = [np.argwhere(light[k, 0] > 0.99).tolist() for k in (0, 20, 40)]
    row, column = bright[0][0]
    assert bright == [[[row, column]], [[row + 4, column + 2]], [[row, column + 4]]]
    np.testing.assert_allclose(light.sum((1, 2, 3)), 1, atol=1e-5)


def test_recordings_do_not_depend_on_who_stands_beside():
    pictures = digits().x_test[:5]
    whole = list(DIGITS.record_events(pictures, PIXEL))
    alone = next(DIGITS.record_events(pictures[3:4], PIXEL))
    for name in "txyp":
        np.testing.assert_array_equal(getattr(whole[3], name), getattr(alone, name))
    counts = PIXEL.changes(DIGITS.light(pictures[3:4]), 1 / DIGITS.rate)
    assert len(alone) == np.abs(counts).sum() and (alone.p == 1).sum() == counts[counts > 0].sum()
    assert alone.t[-1] <= 300_000 and alone.t[0] > 0


def test_a_blank_picture_is_refused():
    with pytest.raises(ValueError, match="picture 1 gives no event"):
        list(DIGITS.record_events(torch.stack([digits().x_test[0], torch.zeros(1, 8, 8)]), PIXEL))


@pytest.fixture(scope="module")
def made() -> Dataset:
    return datasets.load("digits-saccade")


def test_digits_saccade(made):
    plain = digits()
    assert made.name == "digits-saccade" and made.steps == 6 and made.in_shape == (2, 34, 34)
    assert torch.equal(made.y_test, plain.y_test) and made.digest != plain.digest
    assert made.record["made of"] == "digits" and made.record["pixel"]["threshold [ln]"] == 0.2
    assert made.record["saccade"]["amplitude [pixels]"] == 4.0 and made.record["frames"]["steps"] == 6
    events = float(made.x_test.sum((1, 2, 3, 4)).mean())
    assert 3_000 < events < 7_000  # the 1,100 real recordings of N-MNIST have 4,108 +- 1,152
    off, on = made.x_test.sum((0, 1, 3, 4)).tolist()
    assert on / (on + off) == pytest.approx(0.5, abs=0.02)  # in the real ones 0.49967


def test_classes_can_be_told_apart_by_their_events(made):
    """The nearest class mean of the counts, a plain judge, is right far above chance."""
    train, test = (x.sum(1).flatten(1).sqrt() for x in (made.x_train, made.x_test))
    means = torch.stack([train[made.y_train == label].mean(0) for label in range(10)])
    right = (torch.cdist(test, means).argmin(1) == made.y_test).double().mean()
    assert float(right) > 0.75


def test_cifar10_saccade_draws_a_part_and_looks_at_grey_pictures():
    generator = torch.Generator().manual_seed(0)
    counts = {"train": 12, "val": 10, "test": 10}
    parts = {f"x_{part}": torch.rand(n, 3, 32, 32, generator=generator) for part, n in counts.items()}
    labels = {f"y_{part}": torch.arange(n) % 10 for part, n in counts.items()}
    pictures = Dataset(name="cifar10", classes=tuple("0123456789"), **parts, **labels)
    found = cifar10_saccade(pictures, Frames(steps=2))
    assert found.name == "cifar10-saccade" and found.x_train.shape == (12, 2, 2, 32, 32)
    assert sum(CIFAR10_PICTURES.values()) == 12_000
    grey = (pictures.x_test * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    alike = replace(pictures, **dict.fromkeys(("x_train", "x_val", "x_test"), grey), y_train=labels["y_test"])
    again = saccades(alike, "grey", saccade=Saccade(side=32, scale=1, border="edge"), frames=Frames(steps=2))
    np.testing.assert_allclose(again.x_test.sum(), found.x_test.sum(), rtol=1e-3)
