"""Pulses by lines: every kernel takes them as it takes the same pulses of cells, bit by bit."""

import pytest
import torch

from memsim import devices
from memsim.devices import LinePulses, stream
from memsim.devices.pulses.synapse import synapse
from tests.devices.pulsed_cells import EVERY, cell_of

PLACES, IMAGES, STEPS = range(2), [4, 9, 5], range(2)
SHAPES = [(16, 16), (20, 33), (5, 300), (1, 1)]  # blocks hold whole lines, parts of lines, parts of one line


def made(cell, words: int, bits: int) -> LinePulses:
    draw = torch.Generator().manual_seed(0)
    low = 0 if cell.one_sided else -cell.n_max
    table = torch.randint(low, cell.n_max + 1, (7, 9), generator=draw).float() / 2
    lines = (
        torch.randint(0, size, (len(PLACES), len(IMAGES), len(STEPS), many), generator=draw).float()
        for size, many in ((7, words), (9, bits))
    )
    return LinePulses(table, *lines)


@pytest.mark.parametrize("shape", SHAPES)
def test_cells_are_looked_up_by_the_counts_of_their_lines(shape):
    pulses = made(devices.get("reram-om"), *shape)
    cells = pulses.table[pulses.word_lines.long()[..., None], pulses.bit_lines.long()[..., None, :]]
    assert pulses.shape == cells.shape == (len(PLACES), len(IMAGES), len(STEPS), *shape)
    assert torch.equal(pulses.cells(), cells)
    assert torch.equal((-pulses).clamp(min=0).cells(), (-cells).clamp(min=0))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("shape", SHAPES[1:3])
def test_a_kernel_takes_them_as_pulses_of_cells(name, shape):
    cell = cell_of(name)
    fabric = cell.fabricate(shape, rng=stream(0, PLACES, "spread"))
    pulses, how = made(cell, *shape), {"rng": stream(1, PLACES, "noise"), "image": IMAGES, "step": STEPS}
    by_lines = cell.rewrite(fabric, pulses, **how)
    assert torch.equal(by_lines, cell.rewrite(fabric, pulses.cells(), **how))
    assert not torch.equal(by_lines, cell.rewrite(fabric, pulses.cells().flip(-1), **how))


def test_several_devices_share_the_pulses_of_their_lines():
    cell = synapse(devices.get("reram-es"), 3, "counter")
    fabric = cell.fabricate((12, 30), rng=stream(0, PLACES, "spread"))
    pulses, how = made(cell, 12, 30), {"rng": stream(1, PLACES, "noise"), "image": IMAGES, "step": STEPS}
    assert torch.equal(cell.rewrite(fabric, pulses, **how), cell.rewrite(fabric, pulses.cells(), **how))


@pytest.mark.parametrize("wrong", [7, -1, 1e6])
def test_counts_without_an_entry_are_refused(wrong):
    cell = devices.get("reram-om")
    fabric = cell.fabricate((8, 8), rng=stream(0, PLACES, "spread"))
    pulses = made(cell, 8, 8)
    pulses.word_lines[0, 0, 0, 3] = wrong
    for take in (
        pulses.cells,
        lambda: cell.rewrite(fabric, pulses, rng=stream(1, PLACES), image=IMAGES, step=STEPS),
    ):
        with pytest.raises(ValueError, match=r"word_lines: counts must lie in 0 \.\. 6"):
            take()
    pulses = made(cell, 8, 8)
    pulses.bit_lines[1, 2, 1, 0] = 9
    with pytest.raises(ValueError, match=r"bit_lines: counts must lie in 0 \.\. 8"):
        pulses.cells()


def test_lines_of_other_writes_are_refused():
    one = made(devices.get("reram-om"), 8, 8)
    with pytest.raises(ValueError, match="must be alike"):
        LinePulses(one.table, one.word_lines, one.bit_lines[:, :1])


def test_a_cell_that_moves_up_only_takes_no_table_that_goes_down():
    cell = devices.get("pcm-nandakumar2020")
    fabric = cell.fabricate((8, 8), rng=stream(0, PLACES, "spread"))
    pulses = -made(cell, 8, 8)
    with pytest.raises(devices.Unsupported, match="no pulses down"):
        cell.rewrite(fabric, pulses, rng=stream(1, PLACES), image=IMAGES, step=STEPS)
