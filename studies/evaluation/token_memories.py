"""The memories for which `token_work` measures the cost of a token, by name; this file does not import
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RATE = 1e3  #: tokens per second [1/s]


@dataclass(frozen=True)
class Memory:
    """Kind of memory with its cell; longest: largest number of tokens that is simulated."""

    cell: str
    write: Literal["verify", "pulses"]
    kind: Literal["lines", "state", "volatile state", "rewriting"]
    longest: int = 4096


MEMORIES = {
    "lines, pcm-joshi2020": Memory("pcm-joshi2020", "verify", "lines"),
    "lines, reram-wan2022": Memory("reram-wan2022", "verify", "lines"),
    "lines, reram-om by pulses": Memory("reram-om", "pulses", "lines", 1024),
    "lines, ecram-li by pulses": Memory("ecram-li", "pulses", "lines", 1024),
    "state, ecram-li by pulses": Memory("ecram-li", "pulses", "state"),
    "state, volatile ecram-li": Memory("ecram-li", "pulses", "volatile state"),
    "state, pcm-joshi2020": Memory("pcm-joshi2020", "verify", "state"),
    "rewriting, reram-om": Memory("reram-om", "pulses", "rewriting", 256),
}
