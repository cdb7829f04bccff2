"""Decoding of the bytes of a table: UTF-8 with or without byte-order mark, UTF-16, else Latin-1."""

from __future__ import annotations

import codecs

from memsim.devices.fitting.tables.compressed import table_bytes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte-order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def decode(data: bytes, origin: str) -> tuple[str, str]:
    """Return the text of a table and the name of its encoding.

    Raises ValueError for data that are not text; the message names the format if it is known.
    """
    data = table_bytes(data, origin)
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _checked(_strict(data, codec, name, origin), origin), name
    if codec := _without_mark(data):
        return _checked(_strict(data, codec, "UTF-16", origin), origin), "UTF-16"
    try:
        return _checked(data.decode("utf-8"), origin), "UTF-8"
    except UnicodeDecodeError:
        return _checked(data.decode("cp1252", errors="replace"), origin), "Latin-1"


def _without_mark(data: bytes) -> str:
    """Return the codec of UTF-16 without byte-order mark, in which every other byte of ASCII text is 0,
    or "".
    """
    head = data[:400]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 8 or max(even, odd) < 0.4 * (len(head) // 2) or min(even, odd) > 0.1 * len(head):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _strict(data: bytes, codec: str, name: str, origin: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{origin} is {name} but damaged at byte {error.start}: copy or export it again"
        ) from None


def _checked(text: str, origin: str) -> str:
    """Return the text.  Raises ValueError if it contains control characters."""
    odd = next((c for c in text if ord(c) < 32 and c not in "\t\n\r\f\v"), None)
    if odd is not None:
        raise ValueError(
            f"{origin} is no text (it holds the character {ord(odd)}): export the measurement as CSV"
        )
    return text
