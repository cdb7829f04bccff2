"""The arrays that badcrossbar judges: drawn from one seed, so that only its answers are kept. numpy alone."""

from typing import NamedTuple

import numpy as np

COUNT = 200


class Judged(NamedTuple):
    """An array and its inputs."""

    voltage: np.ndarray  #: (B, R) [V]
    resistance: np.ndarray  #: (R, C) [ohm], some infinite
    r_word: float  #: [ohm]
    r_bit: float  #: [ohm]


def judged(number: int) -> Judged:
    """Array `number`: up to 32 x 32, lines from 0 or .01 ohm to 1 kohm, devices from 1 kohm to 1 Mohm, some
    infinite, voltages of both signs.
    """
    rng = np.random.RandomState(number)
    rows, columns, inputs = rng.randint(1, 33), rng.randint(1, 33), rng.randint(1, 4)
    resistance = 10 ** rng.uniform(3, 6, (rows, columns))
    resistance[rng.uniform(size=resistance.shape) < rng.choice([0.0, 0.1, 0.5])] = np.inf
    r_word, r_bit = (0.0 if rng.uniform() < 0.1 else 10 ** rng.uniform(-2, 3) for _ in range(2))
    return Judged(rng.uniform(-0.5, 0.5, (inputs, rows)), resistance, r_word, r_bit)
