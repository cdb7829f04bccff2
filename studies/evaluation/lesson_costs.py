"""Names of the costs of training on a chip (a lesson), as keys in the totals of a result."""

PULSES, MOST = "pulses a device [1]", "most pulses of a device [1]"
SPENT = "life spent [1]"
PULSE_ENERGY, TOTAL_ENERGY = "pulse energy of the lesson [J]", "energy of the lesson [J]"
TIME = "writing time of the lesson [s]"
