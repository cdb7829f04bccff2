"""Writers of event files, byte by byte from the formats' descriptions, without the readers' code."""

import struct
from pathlib import Path

Event = tuple[int, int, int, int]
"""Time [us], column, row, polarity."""


def n_mnist(path: Path, events: list[Event]) -> Path:
    """Five bytes an event, the time in 23 bits, most significant first."""
    out = b""
    for t, x, y, p in events:
        out += bytes([x, y, p * 128 + t // 65536, t // 256 % 256, t % 256])
    path.write_bytes(out)
    return path


def aedat3_packet(events: list[Event], *, kind: int = 1, overflow: int = 0, invalid: int = -1) -> bytes:
    """One packet: type, source, size, offset of the time, overflow, capacity, number, valid; then events."""
    head = struct.pack("<hhiiiiii", kind, 1, 8, 4, overflow, len(events), len(events), len(events))
    body = b""
    for n, (t, x, y, p) in enumerate(events):
        body += struct.pack("<II", x * 2**17 + y * 4 + p * 2 + (n != invalid), t)
    return head + body


def aedat3(path: Path, *packets: bytes) -> Path:
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    path.write_bytes(head + b"".join(packets))
    return path


def aedat2(path: Path, events: list[Event]) -> Path:
    """Big-endian address and time; the address as the camera has it, before the picture is turned."""
    out = b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# Timestamps are in us\r\n"
    for t, x, y, p in events:
        out += struct.pack(">II", (127 - x) * 256 + (127 - y) * 2 + (1 - p), t)
    path.write_bytes(out)
    return path
