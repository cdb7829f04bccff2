"""Recognition of files that are not tables, by their first bytes, and unpacking of gzip."""

from __future__ import annotations

import zlib

LARGEST = 256 * 2**20  #: largest size of a table in bytes
_NO_TEXT = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook, or a zip archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"BZh": "compressed by bzip2: unpack it",
    b"\xfd7zXZ\x00": "compressed by xz: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"(\xb5/\xfd": "compressed by zstd: unpack it",
    b"\x89HDF": "an HDF5 file (MATLAB 7.3 among them): export the measurement as CSV",
    b"MATLAB 5": "a MATLAB file: export the measurement as CSV, by writetable",
    b"\x93NUMPY": "a NumPy array: save it with a header by numpy.savetxt",
    b"%PDF": "a PDF: export the measurement as CSV",
    b"\x89PNG": "a picture: export the measurement as CSV",
    b"\xff\xd8\xff": "a picture: export the measurement as CSV",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"PAR1": "a Parquet file: export the table as CSV",
    b"ARROW1": "an Arrow file: export the table as CSV",
    b"<?xml": "an XML file: export the measurement as CSV",
    b"<!DOCTYPE": "a web page: export the measurement as CSV",
    b"<html": "a web page: export the measurement as CSV",
    b"{": "JSON: export the measurement as CSV with a header",
}


def table_bytes(data: bytes, origin: str) -> bytes:
    """Return the bytes of a table, unpacked if they are compressed by gzip.

    Raises ValueError for files of another known format, damaged files and files that are too large.
    """
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(data, origin)
    for mark, what in _NO_TEXT.items():
        if data.startswith(mark):
            raise ValueError(f"{origin} is {what}, and give that")
    if len(data) > LARGEST:
        raise ValueError(f"{origin} has more than {LARGEST} bytes: is it one measured table?")
    return data


def _unpacked(data: bytes, origin: str) -> bytes:
    """Unpack gzip data, up to one byte more than the largest table."""
    out = b""
    while data.startswith(b"\x1f\x8b") and len(out) <= LARGEST:
        member = zlib.decompressobj(wbits=31)
        try:
            out += member.decompress(data, LARGEST + 1 - len(out))
        except zlib.error:
            raise ValueError(
                f"{origin} is compressed by gzip, but damaged: copy or export it again"
            ) from None
        if not member.eof and len(out) <= LARGEST:
            raise ValueError(f"{origin} is compressed by gzip, but cut off: copy or export it again")
        data = member.unused_data
    return out
