"""One measured set in twenty layouts, and twenty tables with a fault: what a reader must make of each."""

from __future__ import annotations

import numpy as np

DEVICES = ("A1", "B 2", "C3")
WAYS = [0, 1, 1, 1, -1, -1, 1, 1, -1, -1]
"""Direction of the pulse before each reading."""
MICRO = np.array([[2.5 + 1.25 * i + 0.5 * k for i in range(3)] for k in (0, 1, 2, 3, 2, 1, 2, 3, 2, 1)])
"""Conductances [uS], (readings, devices); those of index (4, 1) are not measured."""
MICRO[4, 1] = np.nan


def text_of(value: float, decimal: str = ".", blank: str = "") -> str:
    """A number as a spreadsheet writes it."""
    return blank if np.isnan(value) else f"{value:.10g}".replace(".", decimal)


def long(
    header: str, factor: float = 1.0, sep: str = ",", decimal: str = ".", *, way=str, blank="",
    resistance: bool = False, more: str = "", cells=lambda name, k, w, g: (name, k, w, g),
) -> str:  # fmt: skip
    """One reading a row."""
    rows = [header]
    for i, name in enumerate(DEVICES):
        for k, w in enumerate(WAYS):
            g = factor / MICRO[k, i] if resistance else factor * MICRO[k, i]
            rows.append(sep.join(map(str, cells(name, k, way(w), text_of(g, decimal, blank)))) + more)
    return "\n".join(rows) + "\n"


def wide(header: str, factor: float = 1.0, sep: str = ",", decimal: str = ".", way=str) -> str:
    """A column a device."""
    rows = [header]
    for k, w in enumerate(WAYS):
        rows.append(sep.join([str(k), way(w), *(text_of(factor * g, decimal) for g in MICRO[k])]))
    return "\n".join(rows) + "\n"


def word(up: str, down: str, none: str = "none"):
    """Words for directions."""
    return lambda w: {1: up, -1: down, 0: none}[w]


def _cycles(name, k, w, g):
    return (name, 0 if k < 6 else 1, k if k < 6 else k - 6, w, g)


def _anew(name, k, w, g):
    return (name, k if k < 6 else k - 6, w, g)


USUAL = "device,pulse,direction,conductance [S]"
PREAMBLE = "Keysight B1500A;;;\nDate;26.11.2026;;\nCompliance;0,001;;\n\n"
_SWAPPED = long(
    "G (nS);Pulse #;Dev;Op", 1e3, ";", way=word("LTP", "LTD"), cells=lambda n, k, w, g: (g, k, n, w)
)

LAYOUTS: dict[str, tuple[bytes, str | None]] = {
    "as the page says": (long(USUAL, 1e-6).encode(), None),
    "a mark, semicolons, decimal comma": (
        long("device;pulse;direction;conductance [uS]", 1, ";", ",").encode("utf-8-sig"), None
    ),
    "UTF-16 with tabs": (long("Device\tPulse\tDirection\tG [µS]", 1, "\t", ",").encode("utf-16"), None),
    "UTF-16 without a mark": (long("Device\tPulse\tDirection\tG [µS]", 1, "\t").encode("utf-16-be"), None),
    "Latin-1": (long("Dev;Pulse;Dir;G (µS);", 1, ";", ",", more=";25 °C").encode("latin-1"), None),
    "a preamble": ((PREAMBLE + long("Dev;Pulse;Direction;G [uS]", 1, ";", ",")).encode("latin-1"), None),
    "remarks": (("# wafer 7, die 3\n# read at 0.1 V\n" + long(USUAL, 1e-6)).encode(), None),
    "a header that is a remark": (("# read at 0.1 V\n# " + long(USUAL, 1e-6)).encode(), None),
    "a row of units": (long("device,pulse,direction,G\n,,,uS", 1).encode(), None),
    "words of papers": (long("dev,pulse,type,G/nS", 1e3, way=word("LTP", "LTD", "")).encode(), None),
    "SET and RESET": (long("dev,n,operation,G in uS", 1, way=word("SET", "RESET", "read")).encode(), None),
    "signs": (long("dev,pulse no.,sign,G [uS]", 1, way=word("+", "-", "")).encode(), None),
    "voltages": (
        long("dev,pulse,V [V],G [uS]", 1, way=word("1.2", "-1.5", "0")).encode(), None
    ),
    "resistances": (long("dev,pulse,direction,R (kΩ)", 1e3, resistance=True, blank="NaN").encode(), None),
    "a cycle column": (
        long("dev,cycle,pulse,direction,G [uS]", 1, cells=_cycles).encode(), None
    ),
    "pulse numbers that start anew": (long("dev,pulse,direction,G [uS]", 1, cells=_anew).encode(), None),
    "wide": (wide("pulse,direction,A1 [uS],B 2 [uS],C3 [uS]").encode(), None),
    "wide, no units, decimal comma": (
        wide("Puls;Richtung;A1;B 2;C3", 1, ";", ",").encode("utf-16"), "conductance [uS]=*"
    ),
    "columns by option": (
        long("wo,was,wohin,wieviel", 1).encode(),
        "device=wo,pulse=was,direction=wohin,conductance [uS]=wieviel",
    ),
    "columns in another order, trailing separators": (
        "\n".join(line + ";;" for line in _SWAPPED.splitlines()).encode(), None
    ),
}  # fmt: skip
"""Name -> bytes and --columns: twenty layouts of the one set."""

_GOOD = long(USUAL, 1e-6)


def _with(line: int, text: str) -> bytes:
    rows = _GOOD.splitlines()
    rows[line - 1] = text
    return "\n".join(rows).encode()


FAULTS: dict[str, tuple[bytes, list[str]]] = {
    "nothing": (b"", ["is empty"]),
    "a workbook": (b"PK\x03\x04" + bytes(200), ["workbook", "save the sheet as CSV"]),
    "no text": (bytes(range(256)) * 4, ["is no text", "export"]),
    "one column": (b"device\nA1\n", ["no line has two cells", "semicolons"]),
    "no header": (_GOOD.split("\n", 1)[1].encode(), ["no line names its columns", "--columns"]),
    "no readings": (USUAL.encode(), ["no readings under the header"]),
    "no unit": (long("device,pulse,direction,G", 1e-6).encode(), ["'G'", "no unit", "--columns"]),
    "an unknown unit": (long("device,pulse,direction,G [arb]").encode(), ["'arb'", "not known", "uS"]),
    "a time for a conductance": (
        long("device,pulse,direction,conductance [us]").encode(), ["conductance [us]", "time", "uS"],
    ),
    "microsiemens as siemens": (long(USUAL, 1).encode(), ["above 10 mS", "unit in the header"]),
    "no direction": (
        long("device,pulse,G [uS]", cells=lambda n, k, w, g: (n, k, g)).encode(),
        ["which way", "--columns direction=up"],
    ),
    "a word that is none": (_with(4, "A1,2,upp,3e-6"), ["line 4", "'upp'", "LTP"]),
    "a number that is none": (_with(5, "A1,3,1,3e-6 S"), ["line 5", "'3e-6 S' is no number"]),
    "two decimal signs": (_with(5, 'A1,3,1,"3,5e-6"'), ["both", "one decimal sign"]),
    "decimal commas between commas": (
        long(USUAL.replace("[S]", "[uS]"), 1, ",", ",").encode(), ["5 values under the 4", "semicolons"],
    ),
    "a line that is cut off": (_with(31, "C3,9"), ["line 31", "2 values under the 4", "cut off"]),
    "a line twice": (_with(7, "A1,4,-1,4.5e-6"), ["'A1'", "pulse = 4", "twice", "doubled"]),
    "an offset": (long(USUAL, -1e-6).encode(), ["cannot be negative", "--offset"]),
    "over range": (_with(6, "A1,4,1,9.91E+37"), ["line 6", "over range", "blank"]),
    "two columns for one": (
        long("device,pulse,direction,G [uS],G [uS]", more=",1.0").encode(),
        ["both are a conductance", "--columns"],
    ),
}  # fmt: skip
"""Name -> bytes, and words of the refusal: twenty tables with a fault."""
