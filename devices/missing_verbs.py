"""What a kind of cell cannot do, by verb, with the reason."""

PULSED: dict[str, str] = {
    "write": "its source models single pulses; memsim counts and applies them",
    "relax": "its source models no time, or counts mini-batches for seconds (aihwkit's lifetime and"
    " diffusion); attention is read right after it is written",
}

WEIGHT: dict[str, str] = {
    "pulse": "its source models program-and-verify to a target, not single pulses",
}
