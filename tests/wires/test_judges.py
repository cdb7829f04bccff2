"""Other programs' answers: badcrossbar's of 200 random arrays, ngspice's of cells that it does not have.

Goldens stand here with their makers; `make judges` runs the other programs anew, and MEMSIM_JUDGES then names
the folder of their answers.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from memsim.devices.weights.iv_curve import Cubic, SinhCurve
from memsim.wires.lines import Lines
from memsim.wires.nodal import nodal_read, nodal_solution
from tests.wires.judged_arrays import COUNT, judged
from tests.wires.spice_cases import CASES, CUBE, V_0, V_REF

ANSWERS = Path(os.environ.get("MEMSIM_JUDGES", Path(__file__).parent))


def test_badcrossbar_agrees_on_200_random_arrays():
    expected, at, worst = np.load(ANSWERS / "badcrossbar.npz")["currents"], 0, 0.0
    for number in range(COUNT):
        voltage, resistance, r_word, r_bit = judged(number)
        found = nodal_read(
            torch.from_numpy(voltage), torch.from_numpy(1.0 / resistance), r_word=r_word, r_bit=r_bit
        ).numpy()
        theirs = expected[at : at + found.size].reshape(found.shape)
        at += found.size
        dead = theirs == 0.0  # every device of the column is infinite
        assert not found[dead].any()
        worst = max(worst, np.abs(found[~dead] / theirs[~dead] - 1.0).max(initial=0.0))
    assert at == len(expected)
    assert worst <= 1e-9


@pytest.mark.parametrize("name", CASES)
def test_ngspice_agrees(name):
    """Its node voltages are good to reltol = 1e-10; what is left is its switches' leakage."""
    answers = json.loads((ANSWERS / "ngspice.json").read_text("utf-8"))
    expected = torch.tensor(answers[name], dtype=torch.float64)
    case = CASES[name]
    curve = {"linear": None, "sinh": SinhCurve(V_REF, V_0), "cubic": Cubic(CUBE)}[case.curve]
    lines = Lines(case.r_word, case.r_bit, case.idle, case.word_ends, case.bit_ends)
    voltage, held = torch.from_numpy(case.voltage)[None], torch.from_numpy(case.held)[None]
    found = nodal_solution(
        voltage, torch.from_numpy(case.conductance), lines, bit_voltage_BC=held, curve=curve
    )
    assert found.residual <= 1e-9
    print(
        name,
        found.method,
        found.steps,
        found.residual,
        float(((found.currents[0] - expected) / expected).abs().max()),
    )
    assert ((found.currents[0] - expected) / expected).abs().max() <= 1e-6
