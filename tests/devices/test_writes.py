"""What reaches a kernel has the right shapes: a wrong length would read foreign memory."""

import pytest
import torch

from memsim import devices
from memsim.devices import stream
from memsim.devices.numerics.operation import plain
from memsim.devices.numerics.philox import BLOCK
from memsim.devices.numerics.plain_philox import Rows
from memsim.devices.pulses.line_pulses import source_of
from memsim.devices.pulses.writes import Writes, run_kernel

PLACES, CELLS, CPU = range(2), 300, torch.device("cpu")


def rows(writes: int = 3) -> Rows:
    return Rows(torch.zeros(2, dtype=torch.int64), torch.zeros(1), torch.arange(writes), CELLS)


def test_pulses_and_states_must_be_those_of_the_writes():
    pulses = source_of(torch.zeros(2, 3, CELLS), 2, 3, CPU)
    for begin in (torch.zeros(2, 1, CELLS), torch.zeros(2, 3, CELLS)):
        Writes(begin, pulses, rows())
    with pytest.raises(ValueError, match=r"pulses \(2, 3, 300\)"):
        Writes(None, pulses, rows(4))
    for begin in (torch.zeros(2, 2, CELLS), torch.zeros(2, 3, CELLS - 1), torch.zeros(1, 1, CELLS)):
        with pytest.raises(ValueError, match="start"):
            Writes(begin, pulses, rows())


@pytest.mark.parametrize("wrong", [(1, 2, 12, BLOCK), (2, 1, 12, BLOCK), (2, 2, 12, BLOCK - 1)])
def test_constants_must_cover_the_cells(wrong):
    writes = Writes(None, source_of(torch.zeros(2, 3, CELLS), 2, 3, CPU), rows())
    with pytest.raises(ValueError, match="constants"):
        run_kernel(None, torch.zeros(wrong), writes)


def test_a_fabric_moves_with_all_its_values():
    fabric = devices.get("reram-om").fabricate((4, 5), rng=stream(0, PLACES))
    there = fabric.to("meta")
    assert (fabric.device.type, there.device.type, there.cells, there.places) == ("cpu", "meta", (4, 5), (2,))
    assert {value.device.type for value in there.values.values()} == {"meta"}


def test_states_of_other_cells_are_refused():
    cell = devices.get("reram-om")
    fabric = cell.fabricate((4, 5), rng=stream(0, PLACES))
    how = {"rng": stream(1, PLACES), "image": None, "step": None}
    for start in (torch.zeros(2, 19), torch.zeros(2, 2, 20)):
        with pytest.raises(ValueError, match="start"):
            cell.rewrite(fabric, torch.zeros(2, 1, 1, 4, 5), **how, start=start)


def test_a_count_that_is_no_number_is_no_pulse_in_either_form():
    cell = devices.get("pcm-nandakumar2020").only()
    fabric = cell.fabricate((4,), rng=stream(0))
    pulses = torch.tensor([float("nan"), float("inf"), 3.0, 0.0]).reshape(1, 1, 4)
    how = {"rng": stream(1), "image": None, "step": None}
    with plain():
        by_loop = cell.rewrite(fabric, pulses, **how)
    for found in (by_loop, cell.rewrite(fabric, pulses, **how)):
        w = found.flatten().tolist()
        assert w[0] == w[1] == w[3] < w[2]
