"""Writes ngspice.json: the currents [A] that ngspice finds in the arrays of spice_cases.py.

Run by `make judges`, where ngspice is on the path; the folder to write to is the argument.  A 1T1R cell is a
resistor (or current source) in series with a switch of .1 mohm or 1e12 ohm; nonlinear devices are behavioural
sources.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import sinh
from pathlib import Path

from spice_cases import CASES, CUBE, V_0, V_REF, Case

TIGHT = "reltol=1e-10 abstol=1e-18 vntol=1e-14 gmin=1e-20 itl1=2000"


def netlist(case: Case) -> Iterator[str]:
    rows, columns = case.conductance.shape
    yield "* one array"
    for i in range(rows):
        driven = case.voltage[i] != 0
        yield f"Vw{i} w{i} 0 {float(case.voltage[i])!r}"
        yield f"Vg{i} gate{i} 0 {1 if driven or case.idle != 'off' else 0}"
        ends = [0] if case.word_ends == "first" else [0, columns - 1]
        if driven or case.idle != "floating":
            yield from (f"Rw{i}e{end} w{i} u{i}x{end} {case.r_word!r}" for end in ends)
        yield from (f"Rw{i}x{j} u{i}x{j} u{i}x{j + 1} {case.r_word!r}" for j in range(columns - 1))
    for j in range(columns):
        yield f"Vb{j} s{j} 0 {float(case.held[j])!r}"
        ends = [rows - 1] if case.bit_ends == "last" else [0, rows - 1]
        yield from (f"Rb{j}e{end} b{end}x{j} s{j} {case.r_bit!r}" for end in ends)
        yield from (f"Rb{j}x{i} b{i}x{j} b{i + 1}x{j} {case.r_bit!r}" for i in range(rows - 1))
    for i in range(rows):
        for j in range(columns):
            yield from device(case, i, j)
    yield ".model cell sw vt=0.5 ron=1e-4 roff=1e12"
    yield f".options {TIGHT}"
    yield ".control\nset numdgt=15\nop"
    yield from (f"print i(Vb{j})" for j in range(columns))
    yield ".endc\n.end"


def device(case: Case, i: int, j: int) -> Iterator[str]:
    g, word, bit = float(case.conductance[i, j]), f"u{i}x{j}", f"b{i}x{j}"
    if case.idle == "off":
        yield f"Sg{i}x{j} {word} m{i}x{j} gate{i} 0 cell"
        word = f"m{i}x{j}"
    v = f"v({word},{bit})"
    if case.curve == "linear":
        yield f"Rd{i}x{j} {word} {bit} {1 / g!r}"
    elif case.curve == "sinh":
        yield f"Bd{i}x{j} {word} {bit} i={g * V_REF / sinh(V_REF / V_0)!r}*sinh({v}/{V_0!r})"
    else:
        yield f"Bd{i}x{j} {word} {bit} i={g!r}*({v}+({CUBE!r})*{v}*{v}*{v})"


def currents(case: Case) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.cir"
        path.write_text("\n".join(netlist(case)) + "\n", "utf-8")
        told = subprocess.run(["ngspice", "-b", path], capture_output=True, text=True, check=False)
    found = dict(re.findall(r"i\(vb(\d+)\) = (\S+)", told.stdout))
    if len(found) != case.conductance.shape[1]:
        raise RuntimeError(f"ngspice: {told.stdout[-500:]}{told.stderr[-500:]}")
    return [float(found[str(j)]) for j in range(len(found))]


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    answers = {name: currents(case) for name, case in CASES.items()}
    (folder / "ngspice.json").write_text(json.dumps(answers, indent=1) + "\n", "utf-8")
    print(f"{len(answers)} arrays")
