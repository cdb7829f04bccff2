"""Wear of written memory: devices of lines and states fail by Weibull's law, and stay so.

    p = 1 - exp(-(cycles / endurance)^shape)

A failed device is stuck at the top with probability h, else at the bottom, on both sides of a pair; so the
number that a pair holds is (1 - p) times the wanted one in the mean, whatever h.
"""

import math
from typing import Any

import pytest
import torch

from memsim import ChipCard
from memsim.memory.crossbar_leaky import CrossbarLeaky
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.leaky_design import LeakyDesign
from memsim.memory.line_design import LineDesign
from memsim.memory.ranges import LineRanges
from tests.statistics import assert_mean

S, H, D, T = 200, 2, 8, 6
QUIET = ChipCard.load("default").only()
WEAR = {"cycles_before": 8e5, "endurance": 1e6, "shape": 2.0, "stuck_high": 0.5}
FAILED = 1 - math.exp(-(0.8**2))
ONE = torch.ones(1, H)
RANGES = LineRanges(query=ONE, key=ONE, value=ONE, score=8 * ONE, out=2 * ONE)


def lines(
    share: float = 0.5, chips: Any = range(S), write: Any = "verify", card: ChipCard = QUIET, **wear: Any
):
    """Lines that hold one number everywhere."""
    worn = card.replace(wear=WEAR | wear)
    design = LineDesign(name="memory", card=worn, heads=H, keys=D, values=D, capacity=T, write=write)
    made = CrossbarLines(design, RANGES, chips=chips)
    return filled(made, share)


def filled(made: CrossbarLines, share: float = 0.5) -> CrossbarLines:
    one = torch.full((len(made.chips), H, D), share)
    for t in range(T):
        made.append(one, one, float(t))
    return made


def shares(made: CrossbarLines) -> torch.Tensor:
    return made.cells.show(made._rows(), made.ages(float(T)).numpy()).share


def failed(made: CrossbarLines) -> torch.Tensor:
    """Which devices of verified lines are stuck (S, H, lines, 2, C)."""
    shares(made)
    return ~made.cells.levels.isnan()  # type: ignore[attr-defined]


def test_the_failed_share_is_weibulls_and_three_per_cent_more_cycles_are_not() -> None:
    sigma = math.sqrt(FAILED * (1 - FAILED))
    assert_mean(failed(lines()).double(), FAILED, sigma=sigma)
    with pytest.raises(AssertionError):
        assert_mean(failed(lines(cycles_before=1.03 * 8e5)).double(), FAILED, sigma=sigma)


@pytest.mark.parametrize("high", [0.2, 0.5])
def test_a_pair_holds_the_share_of_its_number_that_still_works(high: float) -> None:
    made = lines(stuck_high=high)
    assert_mean(shares(made).double(), 0.5 * (1 - FAILED))
    with pytest.raises(AssertionError):
        assert_mean(shares(lines(stuck_high=high, cycles_before=1.06 * 8e5)).double(), 0.5 * (1 - FAILED))
    w = torch.full((S, H, T), 1 / T)
    by_array = shares(made)[..., D:].mean(-2).flatten(0, 2).view(S, H, D)
    torch.testing.assert_close(made.blend(w, float(T)), by_array, rtol=0, atol=1e-5)


def test_failed_devices_stand_at_the_ends_of_the_range() -> None:
    made = lines(chips=range(50), stuck_high=0.2)
    bad = failed(made)
    levels, cell = made.cells.levels[bad], made.design.card.weight_cell  # type: ignore[attr-defined]
    assert set(levels.unique().tolist()) == {float(torch.tensor(g)) for g in (cell.g_min, cell.g_max)}
    assert_mean((levels > cell.g_min).double(), 0.2)


def test_what_failed_stays_failed_in_every_context_and_beside_any_chip() -> None:
    before = torch.zeros(3, H, T, 2, 2 * D, dtype=torch.bool)
    for cycles in (1e3, 3e5, 1e6, 1e8):
        now = failed(lines(chips=range(3), cycles_before=cycles))
        assert bool((now | ~before).all())
        before = now
    assert bool(before.all())
    made = lines(chips=range(3))
    first = failed(made)
    made.begin([0], call=1)
    assert torch.equal(failed(filled(made)), first)
    assert torch.equal(failed(lines(chips=[1])), first[1:2])


def test_new_devices_and_wear_switched_off_hold_every_number() -> None:
    for card in (QUIET.replace(wear=WEAR).without("wear"), QUIET):
        design = LineDesign(name="memory", card=card, heads=H, keys=D, values=D, capacity=T)
        made = filled(CrossbarLines(design, RANGES))
        torch.testing.assert_close(shares(made), torch.full_like(shares(made), 0.5), rtol=0, atol=1e-6)


def test_worn_and_faulty_devices_are_one_map() -> None:
    made = lines(card=QUIET.replace(weight_faults={"stuck_off": 0.3}))
    wanted = 1 - (1 - FAILED) * 0.7
    assert_mean(failed(made).double(), wanted, sigma=math.sqrt(wanted * (1 - wanted)))


def test_pulsed_lines_wear_by_the_same_law() -> None:
    held = shares(lines(write="pulses", chips=range(100)))
    assert_mean(((held - 0.5).abs() > 0.1).double(), FAILED)  # a working device holds it, but for rounding


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_a_state_wears_as_lines_do(write: Any) -> None:
    card = QUIET.replace(wear=WEAR, **({} if write == "verify" else {"attention": {"cell": "ecram-li"}}))
    state = CrossbarLeaky(
        LeakyDesign(name="state", card=card, heads=H, rows=8, columns=8, write=write), ONE, ONE, 8 * ONE,
        chips=range(S),
    )  # fmt: skip
    x = torch.full((S, H, 8), 0.7)
    state.add(x, x)
    held = state._shown().share.double()
    if write == "verify":
        # added to what was read: where the minus device is stuck high, the plus one is not written up
        assert_mean(held, 0.49 * (1 - FAILED) * (1 - FAILED / 2))
    else:
        assert_mean(((held - 0.49).abs() > 0.1).double(), FAILED)


def test_the_endurance_of_another_cell_is_refused() -> None:
    measured = {
        "name": "mine", "technology": "ReRAM", "source": "made for a test", "endurance [cycles]": 1e6,
        "pulsed": {
            "law": "linear", "n_max": 16, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
            "step_down [S]": 1e-6, "reset [S]": 25e-6, "nonlinearity_up": 0.3, "nonlinearity_down": 0.4,
        },
    }  # fmt: skip
    card = ChipCard.load("default").replace(attention={"cell": measured}, wear={"cycles_before": 1e5})
    with pytest.raises(ValueError, match=r"endurance of \[wear\] is that of mine.*set wear.endurance"):
        LineDesign(name="memory", card=card, heads=1, keys=1, values=1, capacity=1)
    read = ChipCard.parse(card.model_dump(mode="json"))  # as a study's task has it: every field is set
    with pytest.raises(ValueError, match=r"endurance of \[wear\] is that of mine.*set wear.endurance"):
        LineDesign(name="memory", card=read, heads=1, keys=1, values=1, capacity=1)
    LineDesign(name="memory", card=card, heads=1, keys=1, values=1, capacity=1, write="pulses")
    named = card.replace(wear={"cycles_before": 1e5, "endurance": 1e7})
    LineDesign(name="memory", card=named, heads=1, keys=1, values=1, capacity=1)
    LineDesign(name="memory", card=card.without("wear"), heads=1, keys=1, values=1, capacity=1)


def test_spares_for_worn_devices_are_refused() -> None:
    card = QUIET.replace(wear=WEAR, attention_faults={"spare_rows": 2})
    with pytest.raises(ValueError, match=r"do not simulate attention_faults.spare_rows = 2; use its default"):
        LineDesign(name="memory", card=card, heads=1, keys=1, values=1, capacity=1, write="pulses")


def test_ideal_cells_do_not_wear_and_volatile_ones_with_stuck_devices_are_refused() -> None:
    ideal = QUIET.replace(weights={"cell": "ideal"}, wear=WEAR)
    assert not LineDesign(name="memory", card=ideal, heads=1, keys=1, values=1, capacity=1).worn
    for card in (QUIET.replace(wear=WEAR), QUIET.replace(weight_faults={"stuck_on": 0.1})):
        LeakyDesign(name="state", card=card, heads=1, rows=2, columns=2)
        with pytest.raises(ValueError, match=r"retention = 5 s: all cells decay alike"):
            LeakyDesign(name="state", card=card, heads=1, rows=2, columns=2, retention=5)
