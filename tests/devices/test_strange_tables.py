"""Tables as instruments, spreadsheets and other languages write them: the same numbers, or the remedy."""

import bz2
import gzip

import numpy as np
import pytest

from memsim.devices.fitting.measurements import CurrentTable, RetentionCurves
from memsim.devices.fitting.reading import understand, understand_bytes
from tests.devices.lab_tables import DEVICES, MICRO, WAYS, long, wide, word

USUAL = "device,pulse,direction,G [uS]"


def _read(text: str | bytes, columns: str | None = None):
    return understand_bytes(text if isinstance(text, bytes) else text.encode(), columns=columns)


def _check(found) -> None:
    assert found.curves.devices == DEVICES
    np.testing.assert_allclose(found.curves.conductance, 1e-6 * MICRO, rtol=1e-8)
    assert found.curves.direction[1:].T.tolist() == [WAYS[1:]] * 3


def _as_current(volts: float, column: bool = True):
    """Cells with a current [uA] in place of a conductance, and the voltage that it was read at."""

    def cells(name, k, w, g):
        current = f"{volts * float(g):.12g}" if g else ""
        return (name, k, w, current, volts) if column else (name, k, w, current)

    return cells


def _by_direction(name, k, w, g):
    """Pulses are numbered anew in each direction."""
    return (name, (0, 1, 2, 3, 1, 2, 1, 2, 1, 2)[k], w, g)


def _thousands(sep: str, decimal: str):
    """Cells in nS, in groups of three digits; numbers below 1,000 have no separator."""

    def cells(name, k, w, g):
        text = f"{float(g):,.2f}" if g else ""
        text = text.replace(",", "x").replace(".", decimal).replace("x", sep)
        return (name, k, w, f'"{text}"')

    return cells


def _blocks() -> str:
    lines = long(USUAL).splitlines()
    block = "B1500A;pulses;;\nCompliance,1 mA\n"
    return "\n".join(block + "\n".join([lines[0], *lines[1 + 10 * i : 11 + 10 * i], ""]) for i in range(3))


STRANGE = {
    "units in brackets below": wide("Pulse,Dir,A1,B 2,C3").replace("C3\n", "C3\n[#],[],[uS],[uS],[uS]\n"),
    "units and dashes below": long("device,pulse,direction,G").replace("G\n", "G\n-,-,-,uS\n"),
    "remarks of other kinds": long(USUAL).replace("B 2,0", "% lamp on\n// new probe, B 2\n! x\n\nB 2,0"),
    "single quotation marks": long(USUAL, cells=lambda *cells: [f"'{cell}'" for cell in cells]),
    "bars": long(USUAL.replace(",", "|"), sep="|"),
    "thousands": long("device,pulse,direction,G [nS]", 1e3, cells=_thousands(",", ".")),
    "German thousands": long("Dev;Puls;Richtung;G [nS]", 1e3, ";", cells=_thousands(".", ",")),
    "Swiss thousands": long("Dev;Puls;Richtung;G [nS]", 1e3, ";", cells=_thousands("'", ".")),
    "French thousands": long("Dev;Puls;Richtung;G [nS]", 1e3, ";", cells=_thousands("\u202f", ",")),
    "currents": long("device,pulse,direction,I_read [uA],V_read [V]", cells=_as_current(0.2)),
    "negative currents": long("device,pulse,direction,current [uA],voltage [V]", cells=_as_current(-0.1)),
    "blocks": _blocks(),
    "numbers by direction": long(USUAL, cells=_by_direction),
    "German": long("Bauteil;Puls Nr.;Richtung;Leitwert [µS]", 1, ";", ",", way=word("auf", "ab", "lesen")),
    "French": long("échantillon;impulsion;sens;conductance [µS]", 1, ";", ",",
                   way=word("Potentialisation", "Dépression", "lecture")),
    "Chinese": long("器件,脉冲,方向,电导 [uS]", way=word("增强", "抑制", "读取")),
    "words with pulse": long(USUAL, way=word("SET pulse", "RESET_pulse", "read only")),
    "gzip": gzip.compress(long(USUAL).encode()),
    "two parts of gzip": b"".join(
        gzip.compress(part.encode()) for part in (long(USUAL)[:200], long(USUAL)[200:])
    ),
    "averages beside": wide("pulse,direction,A1 [uS],B 2 [uS],C3 [uS]")
    .replace("\n", ",1,0.1\n").replace("C3 [uS],1,0.1", "C3 [uS],mean [uS],std [uS]"),
    "names that begin with #": long(USUAL).replace("A1,", "#1,").replace("B 2", "#2").replace("C3", "#3"),
}  # fmt: skip


@pytest.mark.parametrize("layout", STRANGE)
def test_strange_layouts_give_the_same_numbers(layout):
    text = STRANGE[layout]
    found = _read(text)
    if layout.startswith("names"):
        assert found.curves.devices == ("#1", "#2", "#3")
        found = _read(str(text).replace("#1", "A1").replace("#2", "B 2").replace("#3", "C3"))
    _check(found)


def test_blanks_between_columns():
    rows = [f"{i} {k} {w} {MICRO[k, i]}" for i in range(3) for k, w in enumerate(WAYS)]
    found = _read("# device pulse direction G[uS]\n" + "\n".join(rows))
    np.testing.assert_allclose(found.curves.conductance, 1e-6 * MICRO)


def test_a_read_voltage_by_option():
    text = long("device,pulse,direction,I [uA]", cells=_as_current(0.2, column=False))
    _check(_read(text, "read voltage [mV]=200"))
    with pytest.raises(ValueError, match=r"voltage that it was read at.*read voltage \[V\]=0.1"):
        _read(text)
    for wrong in ("read voltage=0.2", "read voltage [V]=0", "read voltage [V]=200", "read voltage [s]=1"):
        with pytest.raises(ValueError, match="with its unit, above 0 and up to 10 V"):
            _read(text, wrong)


def test_retention_by_currents_and_sweeps_with_time():
    same = "time [s],I [uA],V [V]\n1,0.5,0.1\n10,0.4,0.1\n"
    found = _read(same).curves
    assert isinstance(found, RetentionCurves)
    np.testing.assert_allclose(found.conductance[:, 0], [5e-6, 4e-6])
    assert isinstance(_read(same.replace("0.4,0.1", "0.4,0.2")).curves, CurrentTable)


def test_a_folder_with_a_table_for_each_device(tmp_path):
    lines = long("device;pulse;direction;G [uS]", 1, ";", ",").splitlines()
    for i, name in enumerate(DEVICES):
        mine = [line.split(";", 1)[1] for line in (lines[0], *lines[1 + 10 * i : 11 + 10 * i])]
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress("\n".join(mine).encode()))
    found = understand(tmp_path)
    _check(found)
    assert "3 files, one a device" in str(found)
    (tmp_path / "D.csv").write_text("pulse;direction;G [nS]\n0;0;5\n", "utf-8")
    with pytest.raises(ValueError, match="need the same columns"):
        understand(tmp_path)
    (tmp_path / "D.csv").write_text("pulse;direction;G [uS]\n0;0;5\n1;1;x\n", "utf-8")
    with pytest.raises(ValueError, match=r"line 3 of D\.csv.*'x' is no number"):
        understand(tmp_path)
    with pytest.raises(ValueError, match="folder with no tables"):
        understand(tmp_path / "..")


WRONG = {
    "a logarithm": (long("device,pulse,direction,log10(G) [uS]"), "no column is a conductance"),
    "a change": (long("device,pulse,direction,ΔG [uS]"), "no column is a conductance"),
    "a logarithm of time": ("device,log t [s],G [uS]\na,1,5\n", "no column is a pulse's number or a time"),
    "averages alone": (wide("pulse,direction,mean [uS],min [uS],max [uS]"), "both are a conductance"),
    "siemens as microsiemens": (long(USUAL, 1e-6), "below 10 pS; is the unit"),
    "negative numbers of pulses": (
        long(USUAL, cells=lambda n, k, w, g: (n, -k, w, g)), "0, 1, 2, ... in their order",
    ),
    "a read voltage for a direction": (
        long("device,pulse,V_read [V],G [uS]", way=lambda w: "0.1"), "which way a pulse went",
    ),
    "thousands or a decimal comma": (
        "pulse,direction,G [nS]\n0,0,\"1,250\"\n1,1,\"2,500\"\n", "a decimal comma or thousands",
    ),
    "units in cells": (long(USUAL).replace(",5\n", ",5 uS\n"), "its unit belongs in the header"),
    "times of day": ("device,time,G [uS]\na,10:00:01,5\n", "a time of day or a date"),
    "the first line doubled": ("pulse,direction,G [uS]\n1,1,2\n1,1,2\n2,1,3\n", "is a line doubled"),
    "a line doubled after 0": ("pulse,direction,G [uS]\n0,0,1\n1,1,2\n1,1,2\n2,1,3\n", "is a line doubled"),
    "erase for down": (
        "pulse,direction,G [uS]\n0,,1\n1,up,2\n2,up,3\n3,erase,2.5\n4,erase,2\n5,erase,1.5\n",
        "their direction is down",
    ),
    "a blank cycle": ("cycle,pulse,direction,G [uS]\n1,1,1,2\n,2,1,3\n", "a cycle is blank"),
    "blocks without a name": (
        "\n".join(f"Cell {i}\npulse,direction,G [uS]\n0,0,{i}\n1,1,2" for i in (1, 2)),
        "no column says which device or cycle",
    ),
    "a voltage of 0": (
        long("device,pulse,direction,I [uA],V_read [V]", cells=lambda n, k, w, g: (n, k, w, 1, 0)),
        "a read voltage of 0",
    ),
    "bzip2": (bz2.compress(b"x"), "compressed by bzip2: unpack it"),
    "half of gzip": (gzip.compress(long(USUAL).encode())[:-20], "cut off: copy or export it again"),
    "damaged gzip": (b"\x1f\x8b" + bytes(50), "damaged: copy or export it again"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(9), "HDF5"),
    "JSON": (b'{"a": [1, 2]}', "is JSON: export"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_what_would_be_misread_is_refused_with_the_remedy(fault):
    text, words = WRONG[fault]
    with pytest.raises(ValueError) as refusal:
        _read(text)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 600


def test_a_bomb_of_gzip_is_refused(monkeypatch):
    monkeypatch.setattr("memsim.devices.fitting.tables.compressed.LARGEST", 10_000)
    with pytest.raises(ValueError, match="more than 10000 bytes"):
        _read(gzip.compress(bytes(1_000_000)))
