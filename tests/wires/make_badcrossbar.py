"""Writes badcrossbar.npz: the currents [A] that badcrossbar 1.1.0 finds in the arrays of judged_arrays.py.

Run by `make judges`, in an environment that has badcrossbar; the folder to write to is the argument.
"""

import logging
import sys
from pathlib import Path

import badcrossbar
import numpy as np
from judged_arrays import COUNT, judged


def currents(number: int) -> np.ndarray:
    voltage, resistance, r_word, r_bit = judged(number)
    logging.disable(logging.CRITICAL)
    found = badcrossbar.compute(
        voltage.T,
        resistance,
        r_i_word_line=r_word,
        r_i_bit_line=r_bit,
        node_voltages=False,
        all_currents=False,
    )
    return found.currents.output


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    found = [currents(number).ravel() for number in range(COUNT)]
    np.savez_compressed(folder / "badcrossbar.npz", currents=np.concatenate(found))
    print(f"{COUNT} arrays: {sum(map(len, found))} currents")
