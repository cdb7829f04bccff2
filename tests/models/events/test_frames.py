"""Frames of events: by hand, and equal to SpikingJelly's; settings without effect are refused."""

import numpy as np
import pytest

from memsim.models.datasets.events import Events, Frames


def recording(count: int = 500, sensor: tuple[int, int] = (5, 7)) -> Events:
    rng = np.random.default_rng(3)
    return Events(
        t=np.sort(rng.integers(100, 10_000, count)), x=rng.integers(0, sensor[1], count),
        y=rng.integers(0, sensor[0], count), p=rng.integers(0, 2, count), sensor=sensor,
    )  # fmt: skip


BY_HAND = Events(
    t=[10, 11, 20, 29, 30, 39],
    x=[0, 0, 1, 2, 2, 0],
    y=[0, 0, 1, 0, 0, 1],
    p=[1, 1, 0, 1, 0, 1],
    sensor=(2, 3),
)


def places(frames: np.ndarray) -> list[tuple[int, ...]]:
    """(frame, polarity, row, column, count) of what is not zero."""
    return [(*(int(n) for n in at), int(frames[tuple(at)])) for at in np.argwhere(frames)]


def test_by_time_by_hand():
    """29 us in two frames: 14 us for the first, the rest for the last."""
    found = Frames(steps=2)(BY_HAND)
    assert found.shape == (2, 2, 2, 3) and found.dtype == np.float32
    assert places(found) == [
        (0, 0, 1, 1, 1),
        (0, 1, 0, 0, 2),
        (1, 0, 0, 2, 1),
        (1, 1, 0, 2, 1),
        (1, 1, 1, 0, 1),
    ]


def test_by_number_by_hand():
    found = Frames(steps=4, split="number")(BY_HAND)
    assert found.sum((1, 2, 3)).tolist() == [1, 1, 1, 3]


@pytest.mark.parametrize(("steps", "sums"), [(None, [3, 2, 1]), (2, [3, 2]), (5, [3, 2, 1, 0, 0])])
def test_a_window_of_fixed_length(steps, sums):
    found = Frames(window=12e-6, steps=steps)(BY_HAND)
    assert found.sum((1, 2, 3)).tolist() == sums


def test_clipped_and_binary():
    plain = Frames(steps=3)(recording())
    assert plain.sum() == 500 and plain.max() > 3
    np.testing.assert_array_equal(Frames(steps=3, clip=2)(recording()), np.minimum(plain, 2))
    np.testing.assert_array_equal(Frames(steps=3, binary=True)(recording()), plain > 0)


@pytest.mark.parametrize("split", ["time", "number"])
def test_frames_are_spikingjellys(split):
    utils = pytest.importorskip("spikingjelly.datasets.utils")
    one = recording()
    events = {name: getattr(one, name) for name in "txyp"}
    judge = utils.integrate_events_by_fixed_frames_number(events, split, 7, *one.sensor)
    np.testing.assert_array_equal(Frames(steps=7, split=split)(one), judge)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"split": "size"}, "'time' or 'number'"),
        ({"steps": None}, "needs a window"),
        ({"steps": 0}, "steps = 0"),
        ({"window": 0.0}, "window = 0.0 s"),
        ({"window": 1.0, "split": "number"}, "window has no effect"),
        ({"clip": 0}, "clip = 0"),
        ({"clip": 2, "binary": True}, "clip has no effect"),
    ],
)
def test_refusals(settings, says):
    with pytest.raises(ValueError, match=says):
        Frames(**settings)


def test_too_few_events():
    with pytest.raises(ValueError, match="6 events do not fill 7 frames"):
        Frames(steps=7, split="number")(BY_HAND)
    with pytest.raises(ValueError, match="no event from 50 to 60 us"):
        BY_HAND.between(50, 60)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x": [0, 0, 1, 2, 3, 0]}, "x reaches from 0 to 3, allowed is 0..2 of the sensor, 2 x 3"),
        ({"t": []}, "arrays of one length"),
        ({"t": np.zeros((6, 1))}, "arrays of one length"),
        ({"p": ["a"] * 6}, "whole numbers"),
        ({"sensor": (0, 3)}, "sensor"),
        ({name: [] for name in "txyp"}, "no event"),
        ({"t": [-1, 0, 0, 0, 0, 0]}, "t reaches from -1 to 0, allowed is 0 and up"),
    ],
)
def test_events_that_are_none(changes, says):
    given = {name: getattr(BY_HAND, name) for name in ("t", "x", "y", "p", "sensor")}
    with pytest.raises(ValueError, match=says):
        Events(**given | changes)
