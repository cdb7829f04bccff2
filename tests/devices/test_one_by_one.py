"""Cells in order of their pulses, against numpy's sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memsim.devices.numerics.philox import BLOCK
from memsim.devices.numerics.simd import whole
from memsim.devices.pulses.one_by_one import WIDE, order

COUNTS = st.one_of(st.just(0.0), st.integers(-40, 40).map(float), st.floats(-40, 40, width=32))


def put_in_order(n):
    cells, room = np.zeros(BLOCK + 1, np.uint32), np.empty((2, BLOCK + 1), np.uint32)
    most = int(np.ceil(np.abs(n[np.isfinite(n)])).max())
    return cells, order(cells, n, most, room) if most else np.zeros(1, np.uint32)


@given(st.lists(COUNTS, min_size=BLOCK, max_size=BLOCK))
def test_every_cell_with_pulses_once_the_most_first(counts):
    n = np.array(counts, np.float32)
    cells, more = put_in_order(n)
    whole_pulses = np.ceil(np.abs(n)).astype(int)
    listed = cells[: more[0]]
    assert sorted(listed) == list(np.flatnonzero(n))
    assert (np.diff(whole_pulses[listed]) <= 0).all()
    assert list(more) == [(whole_pulses > p).sum() for p in range(len(more))]
    assert more[-1] == 0 and (cells[:BLOCK] < BLOCK).all()


def test_what_is_no_number_takes_no_pulse():
    n = np.zeros(BLOCK, np.float32)
    n[[3, 5, 7]] = np.nan, 2.0, -np.inf
    cells, more = put_in_order(n)
    assert list(more) == [1, 1, 0] and cells[0] == 5


@pytest.mark.parametrize("slots, filled", [(0, 0), (1, 16), (16, 16), (17, 32), (256, 256)])
def test_slots_fill_whole_vectors(slots, filled):
    assert whole(np.uint32(slots), WIDE) == filled
