"""The arrays that ngspice judges: 1T1R, floating rows, half-select and nonlinear cells. numpy alone."""

from typing import NamedTuple

import numpy as np

V_REF, V_0, CUBE = 0.2, 0.25, -0.25  #: of the sinh curve [V] and of the cubic one [1 / V^2]


class Case(NamedTuple):
    """An array under one set of voltages."""

    voltage: np.ndarray  #: rows (R) [V]; 0 is idle
    held: np.ndarray  #: columns (C) [V]
    conductance: np.ndarray  #: (R, C) [S]
    r_word: float  #: [ohm]
    r_bit: float  #: [ohm]
    idle: str = "grounded"
    word_ends: str = "first"
    bit_ends: str = "last"
    curve: str = "linear"


def _array(seed: int, rows: int, columns: int, top: float) -> tuple[np.random.RandomState, np.ndarray]:
    rng = np.random.RandomState(seed)
    return rng, top * rng.uniform(0.02, 1.0, (rows, columns))


def _read(seed: int, rows: int, columns: int, top: float, **how: str) -> Case:
    """Half the rows driven, columns at virtual ground."""
    rng, g = _array(seed, rows, columns, top)
    voltage = np.where(rng.uniform(size=rows) < 0.5, rng.uniform(0.1, 0.4, rows), 0.0)
    return Case(voltage, np.zeros(columns), g, 15.0, 25.0, **how)


def _half_select(seed: int, curve: str, share: int, write: float = 1.2) -> Case:
    """One cell written with V: the lines beside its own at V / 2, or rows at V / 3 and columns at 2 V / 3."""
    _, g = _array(seed, 12, 10, 1e-4)
    voltage, held = np.full(12, write / share), np.full(10, write * (share - 1) / share)
    voltage[7], held[6] = write, 0.0
    return Case(voltage, held, g, 15.0, 25.0, curve=curve)


CASES = {
    "1t1r": _read(1, 16, 12, 1e-4, idle="off"),
    "1t1r, both ends": _read(2, 12, 16, 1e-4, idle="off", word_ends="both", bit_ends="both"),
    "passive": _read(3, 16, 12, 1e-4),
    "floating": _read(4, 12, 12, 1e-4, idle="floating"),
    "1t1r, very resistive": _read(5, 16, 16, 3e-3, idle="off"),
    "half-select": _half_select(6, "linear", 2),
    "half-select, sinh": _half_select(7, "sinh", 2),
    "third-select, sinh": _half_select(8, "sinh", 3),
    "sinh": _read(9, 16, 12, 1e-4, curve="sinh"),
    "sinh, floating": _read(10, 12, 12, 3e-4, curve="sinh", idle="floating"),
    "sinh, 1t1r": _read(11, 12, 12, 3e-4, curve="sinh", idle="off"),
    "cubic": _read(12, 12, 16, 3e-4, curve="cubic", bit_ends="both"),
}
