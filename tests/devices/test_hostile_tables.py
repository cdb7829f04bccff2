"""Tables of one measured set as spreadsheets, instruments and plotting programs leave them: the same numbers,
or a refusal with its remedy; never other devices or other directions.
"""

import numpy as np
import pytest

from memsim.devices.fitting.reading import understand, understand_bytes
from memsim.devices.fitting.tables.headers import parse
from memsim.devices.fitting.tables.units import unit_of
from tests.devices.lab_tables import DEVICES, MICRO, WAYS, long, text_of, wide, word

USUAL = "device,pulse,direction,G [uS]"
WIDE = wide("x").split("\n", 1)[1]


def _exponent(sign: str, letter: str = "E"):
    """Cells in siemens with an exponent, its letter and decimal sign."""

    def cells(name, k, w, g):
        text = f"{1e-6 * float(g.replace(',', '.')):.6E}" if g else ""
        return (name, k, w, text.replace(".", sign).replace("E", letter))

    return cells


def _each(form: str):
    """Cells with every text in a form of its own."""
    return lambda *cells: [form.format(cell) for cell in cells]


def _value(form: str):
    """Cells with conductances that were measured in a form of their own."""
    return lambda n, k, w, g: (n, k, w, form.format(g) if g else "")


def _spaced(name, k, w, g):
    """Thousands apart by a blank, a decimal comma."""
    return (name, k, w, f"{float(g):,.1f}".replace(",", " ").replace(".", ",") if g else "")


SAME = {
    "a line that names the separator": "sep=;\n" + long("Device;Pulse;Direction;G [uS]", 1, ";", ","),
    "everything in quotes": long('"device","pulse","direction","G [uS]"', cells=_each('"{}"')),
    "capitals": long("DEVICE,PULSE NUMBER,DIRECTION,CONDUCTANCE (µS)"),
    "kiloohms in capitals": long("dev,pulse,direction,R [KOHM]", 1e3, resistance=True),
    "megaohms": long("dev;pulse;direction;R [MOhm]", 1, ";", ",", resistance=True),
    "exponents with a comma": long("dev;pulse;direction;G [S]", 1, ";", ",", cells=_exponent(",")),
    "exponents of Fortran": long("dev,pulse,direction,G [S]", cells=_exponent(".", "D")),
    "blank lines": long(USUAL).replace("\n", "\n\n"),
    "ends of lines of old computers": long(USUAL).replace("\n", "\r"),
    "an index in front": "\n".join(f"{i or ''},{line}" for i, line in enumerate(long(USUAL).splitlines())),
    "separators at both ends": "\n".join(f",{line}," for line in long(USUAL).splitlines()),
    "a table of Markdown": "| device | pulse | direction | G [uS] |\n|---|:-:|---|---:|\n"
    + "\n".join(f"| {line.replace(',', ' | ')} |" for line in long(USUAL).splitlines()[1:]),
    "names over quantities": ",,A1,B 2,C3\npulse,direction,G [uS],G [uS],G [uS]\n" + WIDE,
    "names under a merged cell": "pulse,direction,Conductance [uS],,\n,,A1,B 2,C3\n" + WIDE,
    "a merged cell over names": ",,G [uS],,\npulse,direction,A1,B 2,C3\n" + WIDE,
    "long names, units, comments": "Pulse,Direction,G,G,G\n,,uS,uS,uS\n,,A1,B 2,C3\n" + WIDE,
    "comments, long names, units": ",,A1,B 2,C3\nPulse,Direction,G,G,G\n,,uS,uS,uS\n" + WIDE,
    "the same column twice": long(USUAL + ",G [uS]", cells=lambda n, k, w, g: (n, k, w, g, g)),
    "conductance and resistance": long(
        USUAL + ",R [kohm]", cells=lambda n, k, w, g: (n, k, w, g, 1e3 / float(g) if g else "")
    ),
    "numbers with a point": long(USUAL, way=lambda w: f"{w}.0", cells=lambda n, k, w, g: (n, f"{k}.0", w, g)),
    "arrows": long(USUAL, way=word("↑", "↓", "")),
    "millivolts": long("device,pulse,V_pulse [mV],G [uS]", way=word("1200", "-1500", "0")),
    "numbers as formulas": long(USUAL, cells=_value('="{}"')),
    "numbers kept as text": long(USUAL, cells=_value("'{}")),
    "times beside": long(USUAL + ",timestamp", more=",2026-11-27 10:00:00"),
    "a dialogue before": "Date: 27.11.2026\nTime: 10:00\nOperator: X, Y\n\n" + long(USUAL),
    "powers in the unit": long("device,pulse,direction,G (x10^-6 S)"),
    "raised figures in the unit": long("device,pulse,direction,G / 10⁻⁶ S"),
    "amperes over volts": long("device,pulse,direction,G [nA/mV]"),
    "one over megaohms": long("device,pulse,direction,G [1/MΩ]"),
    "spaces for thousands": long(
        "dev;pulse;direction;G [nS]", 1e3, ";",
        cells=_spaced,
    ),
}  # fmt: skip


@pytest.mark.parametrize("table", SAME)
def test_the_same_numbers(table):
    found = understand_bytes(SAME[table].encode()).curves
    assert found.devices == DEVICES
    np.testing.assert_allclose(found.conductance, 1e-6 * MICRO, rtol=1e-5)
    assert found.direction[1:].T.tolist() == [WAYS[1:]] * 3


def test_several_columns_name_a_device():
    """Three devices of one row are three, not one that was measured in three cycles."""
    header = "row,col,pulse,direction,G [uS]"
    text = long(header, cells=lambda n, k, w, g: (1, DEVICES.index(n), k, w, g))
    found = understand_bytes(text.encode())
    assert found.curves.devices == ("1, 0", "1, 1", "1, 2")
    np.testing.assert_allclose(found.curves.conductance, 1e-6 * MICRO)
    assert "device from 'row, col'" in str(found) and "not used" not in str(found)
    dies = long("die," + USUAL, cells=lambda n, k, w, g: (DEVICES.index(n), "d", k, w, g))
    assert understand_bytes(dies.encode()).curves.devices == ("0, d", "1, d", "2, d")
    one = long("wafer," + USUAL, cells=lambda n, k, w, g: ("W7", n, k, w, g))
    assert understand_bytes(one.encode()).curves.devices == DEVICES  # of one wafer alone
    asked = understand_bytes(dies.encode(), columns="device=die").curves
    assert asked.devices == ("0", "1", "2")
    with pytest.raises(ValueError, match="line 3: no device is named; merged cells"):
        understand_bytes(text.replace("\n1,0,1,", "\n,0,1,").encode())


def test_a_device_that_was_never_read_is_not_stuck():
    text = wide("pulse,direction,A1 [uS],B 2 [uS],C3 [uS]")
    text = "\n".join(line + (",D4 [uS]" if i == 0 else ",") for i, line in enumerate(text.splitlines()))
    found = understand_bytes(text.encode())
    assert found.curves.devices == DEVICES and "left out, never read: D4" in str(found)


def test_columns_are_named_in_any_case_and_by_their_place():
    text = long("Wo,WAS,wohin,Wieviel")
    asked = "device=wo,pulse=was,direction=WOHIN,conductance [uS]=wieviel"
    assert understand_bytes(text.encode(), columns=asked).curves.devices == DEVICES
    twice = long(USUAL + ",G [uS]", more=",1.0")
    found = understand_bytes(twice.encode(), columns="conductance=#4").curves
    np.testing.assert_allclose(found.conductance, 1e-6 * MICRO)
    for place in ("#0", "#9"):
        with pytest.raises(ValueError, match=f"no column '{place}'"):
            understand_bytes(twice.encode(), columns=f"conductance={place}")


def test_devices_in_several_files_of_a_folder_are_said(tmp_path):
    for name in ("up", "again"):
        (tmp_path / f"{name}.csv").write_text(long(USUAL), "utf-8")
    assert "devices in several of them are the same: A1" in str(understand(tmp_path))


ELAPSED = "device,time,G [uS]\na,0:00:00,5\na,1:00:00,4\na,27:46:40.5,3\n"


def test_elapsed_times():
    np.testing.assert_allclose(understand_bytes(ELAPSED.encode()).curves.time[:, 0], [0, 3600, 100000.5])
    for other in ("10:00:00", "2026-11-27 0:00:00", "0:00"):
        with pytest.raises(ValueError, match=r"a time of day or a date\? Seconds"):
            understand_bytes(ELAPSED.replace("0:00:00,5", f"{other},5").encode())
    with pytest.raises(ValueError, match="with no other unit in the header"):
        understand_bytes(ELAPSED.replace("time", "time [s]").encode())


REFUSED = {
    "a sum below": (long(USUAL) + "Total,30,,\n", "line 32: device = 'Total': a row of a summary? Remove"),
    "a mean below": (wide("pulse,direction,A1 [uS],B 2 [uS],C3 [uS]") + "mean,,3,4,5\n", "row of a summary"),
    "a sentence below": (long(USUAL) + "End of measurement\n", "or a remark (begin that with #)?"),
    "0 for down": (
        long(USUAL, way=word("1", "0", "")), "direction = 0 after a pulse: 1 is up and 0 no pulse; if",
    ),
    "volts in cells": (
        long("device,pulse,V [V],G [uS]", way=word("1.2 V", "-1.5 V", "0 V")), "in the header, as V [V]",
    ),
    "names once a block": (
        long(USUAL, cells=lambda n, k, w, g: ("" if k else n, k, w, g)), "Write the name in every row",
    ),
    "two different columns": (long(USUAL + ",G [uS]", more=",1.0"), 'say which, as --columns "cond'),
    "every current reversed": (long(USUAL, -1), "all are: exchange the instrument's leads"),
    "on its side": (
        "pulse,0,1,2\ndirection,0,1,1\nA1 [uS],2,3,4\n", "Exchange rows and columns (transpose the table)",
    ),
    "pairs of columns": (
        "A1 pulse,A1 G [uS],B2 pulse,B2 G [uS]\n0,1,0,1\n1,2,1,2\n", "a file for each device in a folder",
    ),
    "times of each device": (
        "t_a [s],a [uS],t_b [s],b [uS]\n0,5,0,6\n3600,4,3600,5\n", "a file for each device in a folder",
    ),
    "a Chinese encoding": (
        long("器件,脉冲,方向,电导 [uS]").encode("gbk"), "are these letters right? Save the file as UTF-8",
    ),
    "a limit": ("device,cycles to failure\na,>1e6\nb,2e6\n", "write the number, and no in a column failed"),
    "quanta of conductance": (long("device,pulse,direction,G [G0]"), "its unit 'G0' is not known"),
    "an error of an instrument": (long(USUAL, blank="OVLD"), "'OVLD' is no number (blank and NaN"),
}  # fmt: skip


@pytest.mark.parametrize("table", REFUSED)
def test_a_refusal_with_its_remedy(table):
    text, words = REFUSED[table]
    with pytest.raises(ValueError) as refusal:
        understand_bytes(text if isinstance(text, bytes) else text.encode())
    assert words in str(refusal.value) and len(str(refusal.value)) < 600


@pytest.mark.parametrize("text", ["A/V", "1/ohm", "1/Ω", "mA/mV", "10^3 mS", "x10^3 mS", "10-3 kS", "E-3 kS"])
def test_other_forms_of_a_siemens(text):
    unit = unit_of(text)
    assert unit is not None and unit.dimension == "conductance" and unit.factor == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["V/A", "1/s", "A/s", "2/ohm", "1/", "/V", "A/V/V", "10 S", "1/1/ohm"])
def test_other_quotients_are_no_conductances(text):
    unit = unit_of(text)
    assert unit is None or unit.dimension != "conductance"


def test_degrees_fahrenheit():
    unit = parse("T [°F]").unit
    assert unit and 77 * unit.factor + unit.offset == pytest.approx(298.15)


def test_blank_readings_are_not_zeros():
    assert text_of(np.nan) == "" and np.isnan(MICRO[4, 1])
    found = understand_bytes(SAME["names over quantities"].encode()).curves
    assert np.isnan(found.conductance[4, 1]) and np.isfinite(found.conductance).sum() == 29
