"""Strange arrays, settings, files and folders of events: read rightly, or refused in one message by name."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memsim.models.datasets.events import Events, Frames, from_folder, read
from tests.models.events import writers
from tests.mutations import STRANGE, damaged

SOME = [(0, 0, 0, 1), (7, 33, 0, 0), (300, 5, 9, 0), (70_000, 31, 2, 1)]


def events(**other: Any) -> Events:
    columns = dict(zip("txyp", np.array(SOME).T, strict=True))
    return Events(**{**columns, "sensor": (34, 34), **other})


def refused(call: Any, *names: str) -> None:
    """One message of a line, under 2,000 characters, with these words."""
    with pytest.raises(ValueError) as error:
        call()
    said = str(error.value)
    assert len(said) <= 2000 and "\n" not in said and all(name in said for name in names), said


T = np.array([0, 5, 9, 12])


@pytest.mark.parametrize(
    "t",
    [
        T + np.uint64(2**63), np.where(T == 9, np.inf, T), T * 1e300, T + 2**53, np.where(T == 9, np.nan, T),
        T.astype(complex), T.astype("datetime64[us]"), T.astype(str), T.astype(object), None, T[:3], T[None],
    ],
    ids=lambda t: str(getattr(t, "dtype", t)),
)  # fmt: skip
def test_times_that_are_none_are_refused(t):
    with pytest.raises(ValueError, match=r"^t( |,)"):
        events(t=t)


@pytest.mark.parametrize(
    "sensor", [None, 34, (34,), (34, 34, 2), (34.5, 34), ("34", "34"), (0, 34), "34", {34}]
)
def test_sizes_that_are_none_are_refused(sensor):
    refused(lambda: events(sensor=sensor), "sensor")


@pytest.mark.parametrize("name", ["steps", "window", "clip", "binary", "split"])
def test_strange_settings_of_frames_are_refused_or_give_whole_counts(name):
    strange = [
        one for one in (*STRANGE, 2.5, 10**9, 1e-7, np.int64(3)) if not (name == "window" and one == 1)
    ]
    taken = 0
    for value in strange:
        if isinstance(value, (list, dict, str)) and name == "split":
            value = str(value)
        try:
            settings: Any = {name: value}
            counts = Frames(**settings)(events())
        except ValueError as error:
            assert len(str(error)) <= 2000 and "\n" not in str(error)
            continue
        taken += 1
        assert counts.dtype == np.float32 and counts.ndim == 4 and np.array_equal(counts, np.floor(counts))
        assert 0 < counts.sum() <= len(SOME)
    assert (taken > 0) == (name != "split") and taken < len(strange) / 3


def test_frames_too_many_for_any_memory_are_refused():
    refused(lambda: Frames(steps=None, window=1e-6)(events(t=T * 2**40)), "longer window")
    refused(lambda: Frames(steps=10**9)(events()), "fewer steps")


def written(folder: Path) -> dict[str, Path]:
    """A recording of each format, by its suffix and an end of the name."""
    columns = dict(zip("txyp", np.array(SOME).T, strict=True))
    np.savez(folder / "d.npz", **columns)
    rows = np.array([(x, y, t, p) for t, x, y, p in SOME], dtype=[*((n, "<i8") for n in "xyt"), ("p", "?")])
    np.save(folder / "e.npy", rows)
    np.save(folder / "f.npy", np.array([(x, y, p, t / 1000) for t, x, y, p in SOME]))
    packets = [writers.aedat3_packet(SOME), writers.aedat3_packet(SOME, kind=0)]
    return {
        "a": writers.n_mnist(folder / "a.bin", SOME), "b": writers.aedat3(folder / "b.aedat", *packets),
        "c": writers.aedat2(folder / "c.aedat", SOME), "d": folder / "d.npz", "e": folder / "e.npy",
        "f": folder / "f.npy",
    }  # fmt: skip


def swept(tmp_path: Path, times: int) -> None:
    draw = random.Random(3)
    for name, path in written(tmp_path).items():
        whole, strange = path.read_bytes(), path.with_stem(f"strange-{name}")
        sensor, there = ((34, 34) if name in "de" else None), 0
        for n in range(times):
            strange.write_bytes(damaged(whole, draw) if n % 3 else whole[: draw.randrange(len(whole))])
            try:
                found = read(strange, sensor=sensor)
            except ValueError as error:
                assert len(str(error)) <= 2000 and str(strange) in str(error)
                continue
            there += 1
            assert (np.diff(found.t) >= 0).all() and found.t[0] >= 0 and set(found.p) <= {0, 1}
            assert found.x.min() >= 0 and found.x.max() < found.sensor[1] and found.y.max() < found.sensor[0]
            assert Frames(steps=3)(found).sum() == len(found)
        assert there < times


def test_damaged_recordings_are_refused_by_name_or_hold_events_of_their_sensor(tmp_path):
    swept(tmp_path, 20)


@pytest.mark.slow
def test_two_thousand_damaged_recordings(tmp_path):
    swept(tmp_path, 350)


def recorded(folder: Path) -> Path:
    for part in ("Train", "Test"):
        for name in "01":
            (folder / part / name).mkdir(parents=True)
            for n in range(2):
                writers.n_mnist(folder / part / name / f"{n:05d}.bin", SOME)
    return folder


def frames(folder: Path, value: Any = 1.0) -> Path:
    for part in ("train", "test"):
        for name in "01":
            (folder / part / name).mkdir(parents=True)
            for n in range(2):
                np.savez(folder / part / name / f"{n}.npz", frames=np.full((3, 2, 5, 5), value))
    return folder


def gesture(
    folder: Path, table: str = "class,s,e\n1,0,400\n2,300,990\n", listed: bytes = b"u.aedat\n"
) -> Path:
    folder.mkdir()
    packet = writers.aedat3_packet([(t, t % 128, 1, t % 2) for t in range(0, 1000, 10)])
    writers.aedat3(folder / "u.aedat", packet)
    (folder / "u_labels.csv").write_text(table)
    for part in ("train", "test"):
        (folder / f"trials_to_{part}.txt").write_bytes(listed)
    return folder


def test_folders_as_they_should_be(tmp_path):
    assert from_folder(recorded(tmp_path / "a")).x_test.shape == (4, 10, 2, 34, 34)
    assert from_folder(frames(tmp_path / "b")).x_test.shape == (4, 3, 2, 5, 5)
    marked = gesture(tmp_path / "c", listed=b"\xef\xbb\xbfu.aedat\r\n\r\n")
    assert from_folder(marked, frames=Frames(steps=2)).x_test.shape == (2, 2, 2, 128, 128)


def test_strange_folders_are_refused_by_the_file(tmp_path):
    whole = recorded(tmp_path / "whole")
    refused(
        lambda: from_folder(whole, frames=Frames(steps=9, split="number")), "Train/0/00000.bin", "4 events"
    )
    refused(lambda: from_folder(whole, sensor=34), "00000.bin", "sensor = 34")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="frames is a int"):
        from_folder(whole, frames=3)  # type: ignore[arg-type]
    np.savez(whole / "Train/0/a.npz", frames=np.ones((3, 2, 5, 5)))
    refused(lambda: from_folder(whole), "00000.bin", "recording among files of frames")
    missing = recorded(tmp_path / "missing")
    for path in (missing / "Train" / "1").iterdir():
        path.unlink()
    refused(lambda: from_folder(missing), "Train/1", "no recording")
    ready = frames(tmp_path / "ready")
    refused(lambda: from_folder(ready, sensor=(5, 5)), "sensor=(5, 5) has no effect")
    for n, value in enumerate((np.nan, np.inf, -1.0, 1e300, 2.0**25)):
        refused(lambda n=n, value=value: from_folder(frames(tmp_path / f"f{n}", value)), "0.npz", "counts")


@pytest.mark.parametrize(
    "table",
    [
        "",
        "class,s,e\n12,0,300\n",
        "class,s,e\n0,0,300\n",
        "class,s,e\n1,300,100\n",
        "a\n1,nan,3\n",
        "a\n1;2;3\n",
    ],
)
def test_strange_tables_of_trials_are_refused_by_the_file(tmp_path, table):
    refused(lambda: from_folder(gesture(tmp_path / "g", table)), "u_labels.csv")


@pytest.mark.parametrize(
    "listed", [b"", b"\xc3\xbcser.aedat", b"\xff\xfe", b"a" * 5000, b"gone.aedat", b"../u.aedat"]
)
def test_strange_lists_of_recordings_are_refused_by_the_file(tmp_path, listed):
    refused(lambda: from_folder(gesture(tmp_path / "g", listed=listed)), "trials_to_train.txt")


def test_strange_names_and_arrays_of_gestures(tmp_path):
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        (tmp_path / part / "user01").mkdir(parents=True)
    path = tmp_path / "ibmGestureTrain" / "user01" / "0.npy"
    for strange in (np.array([list("abcd")]), np.zeros((1, 4), complex), np.zeros((1, 4), "datetime64[us]")):
        np.save(path, strange)
        refused(lambda: from_folder(tmp_path), "0.npy", "needed are")
    for name in ("12", "\u00b2", "-1"):
        path = path.rename(path.with_stem(name))
        refused(lambda: from_folder(tmp_path), "not called by a label")
