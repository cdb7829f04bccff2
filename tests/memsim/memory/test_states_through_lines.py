"""States behind resistive lines: reads and rewritings against the exact network."""

from typing import Any

import pytest
import torch
from torch import Tensor

import memsim
from memsim import ChipCard
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.leaky_design import LeakyDesign

P, N, OHM = 48, 16, 10.0
CARD = ChipCard.load("default").only("wires").replace(wire_resistance=OHM)
ONE = torch.ones(1, 1, dtype=torch.float64)
X, ADD, READ = (
    2 * torch.rand(1, 1, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    for seed, n in enumerate((P, N, N))
)


def held(card: ChipCard, **settings: Any) -> CrossbarLeaky:
    """A state after one token."""
    design = LeakyDesign(name="state", card=card, heads=1, rows=P, columns=N, **settings)
    pulsed = design.write == "pulses"  # in float32
    state = CrossbarLeaky(design, ONE, ONE, 10 * ONE, dtype=None if pulsed else torch.float64)
    state.add(X, ADD)
    return state


def devices_of(state: CrossbarLeaky) -> Tensor:
    """The two devices of every number (2, P, N) [S]."""
    shown = state._shown().each(lambda x: x.view(P, N))
    difference = state.cells.one * shown.share
    return torch.stack([(shown.siemens + sign * difference) / 2 for sign in (1, -1)]).double()


def exact(drive: Tensor, devices: Tensor, ohm: float = OHM) -> Tensor:
    """Currents of rows (R, P) for drives of columns (R, N), pairs (2, P, N) [S]."""
    both = torch.stack([drive, -drive], -1).flatten(-2)
    of = torch.stack(list(devices), -1).flatten(-2).mT
    return memsim.nodal_read(both.flip(-1), of.flip(0), r_word=ohm, r_bit=ohm)


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize(("write", "ohm"), [("verify", OHM), ("pulses", 0.5)])
def test_a_read_is_that_of_the_exact_network_and_one_of_other_lines_is_not(write: Any, ohm: float) -> None:
    card = CARD.replace(wire_resistance=ohm, weights={"wires": "grounded"}, attention={"cell": "ecram-li"})
    state = held(card, write=write)
    devices, one = devices_of(state), state.cells.one
    wanted, other = (exact(READ[0], devices, each)[0] / one for each in (ohm, 1.03 * ohm))
    plain = (devices[0] - devices[1]) @ READ[0, 0] / one
    out = state.read(READ)[0, 0].double()
    assert apart(plain, wanted) > 0.02
    assert apart(out, wanted) < 1e-3
    assert apart(out, wanted) < 0.7 * apart(out, other)


@pytest.mark.parametrize("how", ["grounded", "off"])
def test_a_rewriting_writes_back_what_the_exact_network_leaves_of_each_cell(how: str) -> None:
    state = held(CARD.replace(weights={"wires": how}))
    devices = devices_of(state)
    columns = []
    for n in range(N):  # one column is driven, the others are grounded or off
        alone = torch.eye(N, dtype=torch.float64)[n]
        there = devices if how == "grounded" else devices * alone
        columns.append(exact(alone[None], there)[0] / state.cells.one)
    wanted, before = torch.stack(columns, -1), state._shown().share.view(P, N)
    state.add(0 * X, ADD)
    after = state._shown().share.view(P, N)
    assert apart(before, wanted) > 5e-3
    assert apart(after, wanted) < 0.02 * apart(before, wanted)


def test_what_rewriting_loses_grows_and_nothing_is_lost_where_nothing_is_read() -> None:
    kept = held(CARD)
    lost, start = [], kept._shown().share
    for _ in range(3):
        kept.add(0 * X, ADD)
        lost.append(apart(kept._shown().share, start))
    assert 0 < lost[0] < lost[1] < lost[2]
    pulsed = held(CARD.replace(attention={"cell": "ecram-li"}), write="pulses")
    start = pulsed._shown().share
    pulsed.add(0 * X, ADD)
    assert torch.equal(pulsed._shown().share, start)


@pytest.mark.parametrize(("write", "taken"), [("verify", 0.0034), ("pulses", 0.0355)])
def test_lines_of_the_default_card_change_a_read_by_the_shares_in_written_memory_md(
    write: Any, taken: float
) -> None:
    card = ChipCard.load("default").only("wires").replace(attention={"cell": "ecram-li"})
    state = held(card, write=write)
    devices, one = devices_of(state), state.cells.one
    wanted = exact(READ[0], devices, card.segment(card.attention.scheme).resistance)[0] / one
    assert apart((devices[0] - devices[1]) @ READ[0, 0] / one, wanted) == pytest.approx(taken, rel=0.02)
    assert apart(state.read(READ)[0, 0].double(), wanted) < (2e-6 if write == "verify" else 5e-4)
    if write == "verify":
        start = state._shown().share
        for _ in range(32):
            state.add(0 * X, ADD)
        assert float(state._shown().share.norm() / start.norm()) == pytest.approx(0.936, abs=2e-3)
