"""Names of the benchmarks, known before torch is imported: a command refuses a slip at once."""

NAMES = (
    "attention",
    "projection",
    "drift",
    "write",
    "wires",
    "program",
    "image",
    "ledger",
    "train",
    "memory",
    "threads",
)
"""First words of the benchmarks; `memsim.studies.speed.bench` has each in full."""
