"""AEDAT 3.1, the format of DVS128 Gesture (Amir et al. 2017): packets of events, and its table of trials."""

import warnings
from pathlib import Path

import numpy as np

from memsim.models.datasets.events.formats import event_format
from memsim.models.datasets.events.recording import Events, Size, checked

SENSOR = (128, 128)
POLARITY, PACKET_HEADER, EVENT = 1, 28, 8  #: type of a packet of pixel events; sizes in bytes
HEADER_END = b"#!END-HEADER\r\n"


@event_format("aedat3", suffix=".aedat", begins=b"#!AER-DAT3")
def read_aedat3(path: Path, sensor: Size | None = None) -> Events:
    """Read the valid polarity events of all packets; packets of other types are passed over.

    Data word: valid bit 0, polarity bit 1, y bits 2 to 16, x bits 17 to 31; then 31 bits of time [us], above
    which the packet's overflow counter stands. Little-endian. The default sensor is the DVS128's.
    ValueError, naming the file, where the header does not end, or a packet is cut off or of impossible size.
    Source: inivation, "AEDAT file formats", 3.1.
    """
    raw = path.read_bytes()
    end = raw.find(HEADER_END)
    if end < 0:
        raise ValueError(f"recording {path}: its header does not end with {HEADER_END!r}; it is truncated")
    at, words, times = end + len(HEADER_END), [], []
    while at < len(raw):
        kind, size, overflow, number = _packet(path, raw, at)
        at += PACKET_HEADER
        if kind == POLARITY:
            pairs = np.frombuffer(raw, "<u4", 2 * number, at).reshape(-1, 2)
            valid = pairs[:, 0] & 1 == 1
            words.append(pairs[valid, 0])
            times.append(pairs[valid, 1].astype(np.int64) | overflow << 31)
        at += size * number
    if not words:
        raise ValueError(f"recording {path} holds no packet of pixel events")
    word = np.concatenate(words)
    x, y = word >> 17, word >> 2 & 0x7FFF
    return checked(path, sensor or SENSOR, np.concatenate(times), x, y, word >> 1 & 1)


def _packet(path: Path, raw: bytes, at: int) -> tuple[int, int, int, int]:
    """Read a packet's header: type, bytes an event, overflows of the clock, events that follow."""
    if at + PACKET_HEADER > len(raw):
        raise ValueError(f"recording {path}: a packet's header is cut off at byte {at}; it is truncated")
    kind = int.from_bytes(raw[at : at + 2], "little")
    size, _, overflow, _, number, _ = (int(n) for n in np.frombuffer(raw, "<u4", 6, at + 4))
    if size < 1 or (kind == POLARITY and size != EVENT):
        raise ValueError(f"recording {path}: a packet at byte {at} has events of {size} bytes; it is damaged")
    if at + PACKET_HEADER + size * number > len(raw):
        there = len(raw) - at - PACKET_HEADER
        raise ValueError(
            f"recording {path}: a packet at byte {at} says {number} events of {size} bytes, "
            f"{there} bytes follow; it is truncated"
        )
    return kind, size, overflow, number


def read_trials(path: Path, table: Path) -> list[tuple[Events, int]]:
    """Cut a recording of DVS128 Gesture into its trials: (events, label from 0) for each row of the table.

    The table is the .csv beside the recording: class from 1, start and end [us], after a line of titles.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an empty table, which is refused below
            rows = np.loadtxt(table, dtype=np.int64, delimiter=",", skiprows=1, ndmin=2)
        if not len(rows) or rows.shape[1] != 3 or rows[:, 0].min() < 1:
            raise ValueError(f"it has {rows.shape} numbers")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"table of trials {table} cannot be read: {error}; "
            "a row is class (from 1), start, end [us], after one line of titles"
        ) from None
    whole = read_aedat3(path)
    try:
        return [(whole.between(int(start), int(end)), int(label) - 1) for label, start, end in rows]
    except ValueError as error:
        raise ValueError(f"recording {path}, trials of {table.name}: {error}") from None
