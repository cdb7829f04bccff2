"""Readers of event files against an independent writer, SpikingJelly's own readers and real files."""

import os
from pathlib import Path

import numpy as np
import pytest

from memsim.models.datasets.events import Events, event_format, event_formats, formats, read
from memsim.models.datasets.events.aedat3 import read_trials
from tests.models.events import writers

EVENTS = [
    (0, 0, 0, 1),
    (7, 33, 0, 0),
    (7, 0, 33, 1),
    (300, 5, 9, 0),
    (70_000, 31, 2, 1),
    (8_388_607, 33, 33, 0),
]
RECORDINGS = Path(os.environ.get("MEMSIM_N_MNIST", "data/n-mnist"))
"""A folder of real N-MNIST recordings, Train/CLASS/00001.bin and so on."""


def told(events: Events) -> list[tuple[int, ...]]:
    return [tuple(int(n) for n in row) for row in zip(events.t, events.x, events.y, events.p, strict=True)]


def test_n_mnist(tmp_path):
    found = read(writers.n_mnist(tmp_path / "a.bin", EVENTS))
    assert told(found) == EVENTS and found.sensor == (34, 34)
    assert [a.dtype.name for a in (found.t, found.x, found.y, found.p)] == [
        "int64",
        "int16",
        "int16",
        "uint8",
    ]


def test_n_mnist_overflow_words_are_time_not_events(tmp_path):
    """The ATIS writes row 240 where 2^13 us passed without an event (as tonic reads it)."""
    path = writers.n_mnist(
        tmp_path / "a.bin", [(10, 1, 2, 1), (0, 0, 240, 0), (20, 3, 4, 0), (0, 9, 240, 1), (5, 1, 1, 1)]
    )
    assert told(read(path)) == [(10, 1, 2, 1), (8192 + 20, 3, 4, 0), (2 * 8192 + 5, 1, 1, 1)]


def test_aedat3_packets_overflow_other_types_and_invalid_events(tmp_path):
    other = writers.aedat3_packet([(3, 1, 1, 1)], kind=0)
    first = writers.aedat3_packet([(5, 127, 3, 1), (6, 9, 9, 1), (9, 2, 127, 0)], invalid=1)
    late = writers.aedat3_packet([(4, 0, 0, 1)], overflow=1)
    found = read(writers.aedat3(tmp_path / "a.aedat", first, other, late))
    assert told(found) == [(5, 127, 3, 1), (9, 2, 127, 0), (2**31 + 4, 0, 0, 1)] and found.sensor == (
        128,
        128,
    )


def test_trials_of_a_gesture_recording(tmp_path):
    events = [(t, t % 128, 1, t % 2) for t in range(0, 1000, 10)]
    path = writers.aedat3(tmp_path / "user01_led.aedat", writers.aedat3_packet(events))
    table = tmp_path / "user01_led_labels.csv"
    table.write_text("class,startTime_usec,endTime_usec\n11,100,300\n1,300,1000\n")
    found = read_trials(path, table)
    assert [(told(one), label) for one, label in found] == [(events[10:30], 10), (events[30:], 0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("class,start,end\n", "rows|numbers|row is"),
        ("class,start,end\n0,100,300\n", "class .from 1."),
        ("class,start,end\n3,100\n", "class .from 1."),
        ("class,start,end\n3,990001,990002\n", "no event from 990001 to 990002 us"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_wrong_table_of_trials(tmp_path, text, says):
    path = writers.aedat3(tmp_path / "u.aedat", writers.aedat3_packet([(1, 2, 3, 1)]))
    (tmp_path / "u.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        read_trials(path, tmp_path / "u.csv")


def test_aedat2_is_turned_upright_and_sorted(tmp_path):
    events = [(4, 0, 127, 0), (9, 127, 5, 1), (8, 64, 64, 0)]
    found = read(writers.aedat2(tmp_path / "a.aedat", events))
    assert told(found) == [events[0], events[2], events[1]] and found.sensor == (128, 128)


def test_readers_agree_with_spikingjelly(tmp_path):
    utils = pytest.importorskip("spikingjelly.datasets.utils")
    from spikingjelly.datasets.cifar10_dvs import _load_origin_data

    rng = np.random.default_rng(0)
    drawn = rng.integers(0, (1, 34, 34, 2), (200, 4))
    drawn[:, 0] = np.sort(rng.integers(0, 2**20, 200))
    events = [tuple(int(n) for n in row) for row in drawn]
    pairs = [
        (utils.load_ATIS_bin, writers.n_mnist(tmp_path / "a.bin", events)),
        (utils.load_aedat_v3, writers.aedat3(tmp_path / "b.aedat", writers.aedat3_packet(events))),
        (_load_origin_data, writers.aedat2(tmp_path / "c.aedat", events)),
    ]
    for theirs, path in pairs:
        ours, judge = read(path), theirs(path)
        assert told(ours) == events
        for name in "txyp":
            np.testing.assert_array_equal(getattr(ours, name), judge[name], err_msg=f"{path.name} {name}")


def columns(dtype: type = np.int64) -> dict[str, np.ndarray]:
    return dict(zip("txyp", np.array(EVENTS, dtype=dtype).T, strict=True))


def test_spikingjelly_events(tmp_path):
    np.savez(tmp_path / "a.npz", **columns())
    assert told(read(tmp_path / "a.npz", sensor=(34, 34))) == EVENTS


def test_tonic_structured_and_gesture_columns(tmp_path):
    dtype = [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")]
    rows = np.array([(x, y, t, p) for t, x, y, p in EVENTS], dtype=dtype)
    np.save(tmp_path / "a.npy", rows)
    assert told(read(tmp_path / "a.npy", sensor=(34, 34))) == EVENTS
    thousands = [(1000 * n, x, y, p) for n, (_, x, y, p) in enumerate(EVENTS)]
    np.save(tmp_path / "b.npy", np.array([(x, y, p, t / 1000) for t, x, y, p in thousands]))
    assert told(read(tmp_path / "b.npy")) == thousands


def test_an_own_format_is_one_registered_function(tmp_path, monkeypatch):
    assert set(event_formats()) == {"n-mnist", "aedat3", "aedat2", "spikingjelly", "tonic"}
    monkeypatch.setattr(formats, "_formats", event_formats())

    @event_format("text", suffix=".txt")
    def read_text(path, sensor=None):
        t, x, y, p = np.loadtxt(path, dtype=int).T
        return Events(t=t, x=x, y=y, p=p, sensor=sensor or (4, 4))

    (tmp_path / "a.txt").write_text("1 2 3 0\n4 0 0 1\n")
    assert told(read(tmp_path / "a.txt")) == [(1, 2, 3, 0), (4, 0, 0, 1)]


def broken(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that are wrong, and what the message says."""
    whole = writers.n_mnist(folder / "whole.bin", EVENTS).read_bytes()
    packet = writers.aedat3_packet([(5, 1, 1, 1), (6, 1, 1, 1)])
    good3 = writers.aedat3(folder / "good.aedat", packet).read_bytes()
    good2 = writers.aedat2(folder / "good2.aedat", [(5, 1, 1, 1)]).read_bytes()
    data = {
        "empty.bin": (b"", "is empty"),
        "short.bin": (whole[:-2], "28 bytes, no multiple of the 5 of an event: it is truncated"),
        "outside.bin": (bytes([40, 1, 0, 0, 9]), "x reaches from 40 to 40, allowed is 0..33 of the sensor"),
        "back.bin": (whole[10:15] + whole[5:10] + whole[:5], "times go back at event 2, from 7 to 0 us"),
        "overflows.bin": (bytes([0, 240, 0, 0, 0]), "holds no event"),
        "empty.aedat": (b"", "is empty"),
        "strange.aedat": (b"hello world", "begins with b'hello worl', a .aedat file begins with"),
        "header.aedat": (good3[:30], "header does not end"),
        "packet.aedat": (good3[:-3], "says 2 events of 8 bytes, 13 bytes follow; it is truncated"),
        "cut.aedat": (good3 + packet[:20], "header is cut off at byte"),
        "size.aedat": (good3[: -len(packet)] + packet[:4] + b"\0\0\0\0" + packet[8:], "events of 0 bytes"),
        "none.aedat": (good3[: -len(packet)], "no packet of pixel events"),
        "odd.aedat": (good2[:-3], "no multiple of the 8 of an event"),
        "comment.aedat": (good2[:-8], "holds no event"),
        "address.aedat": (good2[:-8] + b"\1\0\0\0" + good2[-4:], "a DVS128 gives 15 bits"),
        "zip.npz": (b"PK nothing", "damaged or no .npz"),
        "cut.npy": (b"\x93NUMPY\1\0", "damaged or no .npy"),
        "strange.xyz": (b"1", "no format ends in '.xyz'"),
    }  # fmt: skip
    out = {}
    for name, (content, says) in data.items():
        (folder / name).write_bytes(content)
        out[name] = (folder / name, says)
    return out


BROKEN = [
    "empty.bin", "short.bin", "outside.bin", "back.bin", "overflows.bin", "empty.aedat", "strange.aedat",
    "header.aedat", "packet.aedat", "cut.aedat", "size.aedat", "none.aedat", "odd.aedat", "comment.aedat",
    "address.aedat", "zip.npz", "cut.npy", "strange.xyz",
]  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_has_one_message_that_names_it(tmp_path, name):
    path, says = broken(tmp_path)[name]
    with pytest.raises(ValueError) as error:
        read(path)
    assert says in str(error.value) and name in str(error.value) and "\n" not in str(error.value)


def test_all_broken_files_are_tried(tmp_path):
    assert list(broken(tmp_path)) == BROKEN


def test_arrays_that_are_no_events(tmp_path):
    np.savez(tmp_path / "a.npz", **columns())
    with pytest.raises(ValueError, match=r"a.npz: the file does not say .* sensor=\(height, width\)"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", frames=np.zeros((2, 2, 3, 3)))
    with pytest.raises(ValueError, match="these are frames"):
        read(tmp_path / "b.npz", sensor=(3, 3))
    np.savez(tmp_path / "c.npz", **columns() | {"t": np.array([1])})
    with pytest.raises(ValueError, match="arrays of one length"):
        read(tmp_path / "c.npz", sensor=(34, 34))
    np.savez(tmp_path / "d.npz", **columns() | {"p": np.array([1, -1, 1, 1, -1, 1])})
    with pytest.raises(ValueError, match=r"p reaches from -1 to 1, allowed is 0..1 .polarities of -1"):
        read(tmp_path / "d.npz", sensor=(34, 34))
    np.savez(tmp_path / "e.npz", **columns() | {"t": np.linspace(0, 1, 6)})
    with pytest.raises(ValueError, match=r"t .float64. must hold whole numbers"):
        read(tmp_path / "e.npz", sensor=(34, 34))
    np.save(tmp_path / "f.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"f.npy cannot be read"):
        read(tmp_path / "f.npy")
    np.save(tmp_path / "g.npy", np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"g.npy has shape \(3, 3\)"):
        read(tmp_path / "g.npy")
    with pytest.raises(ValueError, match="no format 'mat'"):
        read(tmp_path / "g.npy", format="mat")
    with pytest.raises(ValueError, match="no such file"):
        read(tmp_path / "h.bin")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="MEMSIM_N_MNIST names no folder of N-MNIST recordings")
def test_a_real_recording_of_n_mnist():
    found = read(RECORDINGS / "Train" / "5" / "00001.bin")
    assert len(found) == 4681 and (found.t[0], found.t[-1]) == (893, 305_924)
    assert float(found.p.mean()) == pytest.approx(0.4973, abs=5e-5)
