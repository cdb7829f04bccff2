"""Currents of one sign: lines of single devices under drives that are never negative.

Their ADC has all codes on one side, 2^b - 1 steps to full scale instead of 2^(b-1) - 1: a signed one of a bit
more, whose other half noise alone can reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memsim.arrays.ranges import Drives


def by_sign(sorts: Sequence[Drives]) -> Iterator[Drives]:
    """Yield the sorts of calls, those whose chips saw drives of both signs and of one apart."""
    for sort in sorts:
        signed = sort.signed_S.tolist()
        if len(set(signed)) < 2:
            yield sort
            continue
        for sign in (True, False):
            yield sort.of([place for place, one in enumerate(signed) if one is sign])


def bits_of(bits: int, drives: Drives, paired: bool) -> int:
    """Return the bits of a signed ADC that has the steps of one with `bits` bits for these drives."""
    return bits if paired or bool(drives.signed_S.any()) else bits + 1
