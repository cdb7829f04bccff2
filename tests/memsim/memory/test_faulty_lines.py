"""Faults of line arrays: devices keep their level in every context, and an open line carries nothing."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from memsim import ChipCard
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.line_design import LineDesign
from memsim.memory.ranges import LineRanges

S, B, H, D, T = 2, 2, 2, 8, 6
QUIET = ChipCard.load("default").only()
K, V, Q = torch.randn(3, B, H, T, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
RANGES = LineRanges.of(Q, K, V, Q @ K.mT, V)


def lines(
    faults: dict[str, float], *, write: Any = "verify", chips: Any = range(S), images: Any = range(B),
    capacity: int = T, tokens: int = T,
) -> CrossbarLines:  # fmt: skip
    """Lines that hold these tokens, with faults alone on."""
    section = "weight_faults" if write == "verify" else "attention_faults"
    card = QUIET.replace(**{section: faults}) if faults else QUIET
    design = LineDesign(
        name="memory", card=card, heads=H, keys=D, values=D, capacity=capacity, write=write, full="ring"
    )
    made = CrossbarLines(design, RANGES, chips=chips, images=images)
    for t in range(tokens):
        made.append(*(x[list(images), :, t].repeat(len(chips), 1, 1) for x in (K, V)), float(t))
    return made


def shares(made: CrossbarLines) -> torch.Tensor:
    """Numbers that the lines hold, in shares of their range (S, H, B, N, C)."""
    return made.cells.show(made._rows(), made.ages(float(T)).numpy()).share


def levels(made: CrossbarLines) -> torch.Tensor:
    """Levels of faulty devices, NaN of others (S, H, lines, 2, C) [S]."""
    shares(made)
    return made.cells.levels  # type: ignore[attr-defined]


def test_every_device_stuck_at_one_level_holds_nothing() -> None:
    for kind in ("stuck_on", "stuck_off", "dead_word_lines", "dead_bit_lines"):
        assert not shares(lines({kind: 1.0})).any(), kind  # G+ = G-: the difference is 0
    assert not lines({"dead_word_lines": 1.0}).match(Q[:, :, -1].repeat(S, 1, 1), float(T)).any()


def test_shares_of_faulty_devices_are_the_cards() -> None:
    free, many = shares(lines({})), {}
    for kind in ("stuck_on", "stuck_off", "stuck_random"):
        made = lines({kind: 0.2})
        many[kind] = shares(made)
        held = levels(made)
        assert held.shape == (S, H, T, 2, 2 * D)
        found, count = float((~held.isnan()).double().mean()), held.numel()
        assert abs(found - 0.2) < 4 * (0.2 * 0.8 / count) ** 0.5
        whole = held.isnan().all(-2)[:, :, None].expand_as(free)
        assert torch.equal(many[kind][whole], free[whole])
    assert float((many["stuck_on"] - free).abs().max()) > 0.9


def test_an_open_line_is_one_token_on_every_column_and_a_bit_line_one_device_of_all_tokens() -> None:
    dead = levels(lines({"dead_word_lines": 0.5})) == 0
    assert torch.equal(dead, dead[..., :1, :1].expand_as(dead)) and 0 < float(dead.double().mean()) < 1
    dead = levels(lines({"dead_bit_lines": 0.5})) == 0
    assert torch.equal(dead, dead[:, :, :1].expand_as(dead)) and 0 < float(dead.double().mean()) < 1


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_faults_are_those_of_the_chip_and_line(write: Any) -> None:
    faults = {"stuck_on": 0.1, "stuck_random": 0.1}
    both = shares(lines(faults, write=write))
    assert_close(shares(lines(faults, write=write, chips=[1], images=[1])), both[1:, :, 1:], rtol=0, atol=0)
    longer = shares(lines(faults, write=write, capacity=9))
    assert torch.equal(longer, both)
    assert not torch.equal(both, shares(lines({}, write=write)))


def test_a_ring_meets_its_faults_again() -> None:
    made = lines({"stuck_on": 0.2}, capacity=4)  # lines 0 and 1 hold tokens 4 and 5
    bad = ~levels(made).isnan()
    free, found = (shares(one) for one in (lines({}, capacity=4), made))
    stuck = bad.any(-2)
    rows = stuck[:, :, made._rows()][:, :, None].expand_as(found)
    assert torch.equal((found != free) & ~rows, torch.zeros_like(rows))
    assert (found != free)[rows].double().mean() > 0.9
    made.begin(range(B), call=1)
    made.append(*(x[:, :, 0].repeat(S, 1, 1) for x in (K, V)), 0.0)
    assert torch.equal(~levels(made).isnan(), bad)


def test_pulses_do_not_move_a_stuck_device() -> None:
    free, on = (shares(lines(faults, write="pulses")) for faults in ({}, {"stuck_on": 1.0}))
    assert float(free.std()) > 0.1
    assert torch.equal(on, on[..., :1].expand_as(on))  # all at the top of their range, beside one reference


def test_a_state_refuses_open_lines() -> None:
    card = QUIET.replace(weight_faults={"dead_bit_lines": 0.1})
    with pytest.raises(
        ValueError, match=r"do not simulate weight_faults.dead_bit_lines = 0.1; use card.with"
    ):
        LeakyDesign(name="state", card=card, heads=1, rows=2, columns=2)


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_stuck_devices_of_a_state_keep_their_level(write: Any) -> None:
    cell = {} if write == "verify" else {"attention": {"cell": "ecram-li"}}
    section = "weight_faults" if write == "verify" else "attention_faults"
    one, read = torch.ones(1, 1), {}
    x, b, c = torch.rand(3, S * B, H, 4, generator=torch.Generator().manual_seed(1)) / 2
    for share in (0.0, 0.3):
        card = QUIET.replace(**cell, **({section: {"stuck_on": share}} if share else {}))
        state = CrossbarLeaky(
            LeakyDesign(name="state", card=card, heads=H, rows=4, columns=4, write=write), one, one, 4 * one,
            chips=range(S), images=range(B),
        )  # fmt: skip
        state.add(x, b)
        first = state._shown().share
        state.add(x, b)
        read[share] = first, state._shown().share
        assert_close(state.read(c), _by_hand(read[share][1], c), rtol=0, atol=1e-5)
    free, stuck = read[0.0], read[0.3]
    same = stuck[0] == stuck[1]  # what two writes leave where it was
    assert not (free[0] == free[1]).any()
    assert torch.equal(same, same[:, :, :1].expand_as(same))  # the same devices in every sequence
    # numbers here are positive: writing moves the plus device alone; a number stays where that one is stuck
    wanted, count = 0.3, same[:, :, 0].numel()
    assert abs(float(same[:, :, 0].double().mean()) - wanted) < 4 * (wanted * (1 - wanted) / count) ** 0.5


def _by_hand(share: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """What a state of these shares (S, H, B, P N) reads."""
    return (share.transpose(1, 2).unflatten(-1, (4, 4)).flatten(0, 1) @ c[..., None])[..., 0]
