"""Attention arrays with resistive lines, against the exact network of each array."""

import pytest
import torch

from memsim.wires.crosspoints import Crossing
from memsim.wires.crosspoints import seen_states as found_states
from memsim.wires.lines import Lines
from memsim.wires.nodal import nodal_read
from tests.wires.test_nodal import uniform

REST, UNIT, REFERENCE = LAW = (2e-5, 1e-5, 1.8e-5)


def seen_states(held, lines: Lines, activity: float) -> list[torch.Tensor]:
    """States that a read finds, one side or both."""
    share = activity if lines.idle == "off" else 1.0
    minus = held[1] if len(held) == 2 else held[0][:0]
    found = found_states(held[0], minus, Crossing(*LAW, lines.r_word, lines.r_bit, share))
    kept = [w.clamp(min=-REST / UNIT) for w in held]
    torch.testing.assert_close(found.column, torch.stack(kept).sum((0, -2)))
    assert found.floors == sum(int((w < -REST / UNIT).sum()) for w in held)
    return list(found[: len(held)])


def currents(held, spikes, lines: Lines) -> torch.Tensor:
    """Exact currents (B, N) of sensed lines less their partners', 1 V spikes (B, N) on the driven lines."""
    plus = REST + UNIT * held[0].T
    minus = REST + UNIT * held[1].T if len(held) == 2 else torch.full_like(plus, REFERENCE)
    g = torch.stack([plus, minus], -1).flatten(-2).flip(0)
    found = nodal_read(spikes.flip(1), g, r_word=lines.r_word, r_bit=lines.r_bit, idle=lines.idle)
    return found[:, 0::2] - found[:, 1::2]


def seen_currents(seen, spikes) -> torch.Tensor:
    """The same from the states that devices seem to have."""
    siemens = UNIT * seen[0] + REST - REFERENCE if len(seen) == 1 else UNIT * (seen[0] - seen[1])
    return spikes @ siemens.T


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("idle", ["grounded", "off"])
def test_states_are_what_the_exact_network_shows(sides, idle):
    """40 tokens, 300 patterns of spikes: what is left is under a fifth of what wires cost."""
    held = [2 * uniform(1, 40, 40, seed=s) - 1 for s in range(sides)]
    lines, activity = Lines(5.0, 5.0, idle), 0.2
    spikes = (uniform(300, 40, seed=9) < activity).double()
    exact = currents([w[0] for w in held], spikes, lines)
    wires = exact - seen_currents([w[0] for w in held], spikes)
    seen = seen_states(held, lines, activity)
    wrong = exact - seen_currents([w[0] for w in seen], spikes)
    assert wrong.square().mean() < (0.2**2) * wires.square().mean()
    assert wrong.mean(0).abs().mean() < 0.1 * wires.mean(0).abs().mean()


@pytest.mark.parametrize("sides", [1, 2])
def test_one_driven_line_is_a_read_of_single_cells(sides):
    """No other line is driven: activity 0 is the exact network but for what neighbours take of the drive."""
    held = [2 * uniform(1, 24, 24, seed=s) - 1 for s in range(sides)]
    lines, spikes = Lines(20.0, 20.0, "off"), torch.eye(24, dtype=torch.float64)
    exact = currents([w[0] for w in held], spikes, lines)
    wires = exact - seen_currents([w[0] for w in held], spikes)
    seen = seen_states(held, lines, 0.0)
    wrong = exact - seen_currents([w[0] for w in seen], spikes)
    assert wrong.square().mean() < (0.02**2) * wires.square().mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sides", [1, 2])
def test_no_resistance_changes_nothing_but_the_floor(sides, dtype):
    held = [(6 * uniform(2, 3, 9, 9, seed=s) - 3).to(dtype) for s in range(sides)]
    seen = seen_states(held, Lines(idle="off"), 0.2)
    for found, w in zip(seen, held, strict=True):
        floored = w.clamp(min=-REST / UNIT)
        torch.testing.assert_close(found, floored, rtol=0.0, atol=1e-12 if dtype == torch.float64 else 5e-7)


def test_more_resistance_takes_more():
    held = [torch.ones(1, 32, 32)]
    sums = [float(seen_states(held, Lines(r, r, "off"), 0.2)[0].mean()) for r in (0.0, 1.0, 10.0, 100.0, 1e4)]
    assert sums == sorted(sums, reverse=True) and sums[-1] < 0.1 * sums[0]


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("tokens", [1, 7, 8, 9, 33])
def test_an_array_gives_the_same_bits_alone_and_beside_others(sides, tokens):
    held = [(4 * uniform(5, tokens, tokens, seed=s) - 2).float() for s in range(sides)]
    lines = Lines(50.0, 30.0, "off")
    together = seen_states(held, lines, 0.2)
    for a in (0, 3):
        alone = seen_states([w[a : a + 1].clone() for w in held], lines, 0.2)
        for one, all_of in zip(alone, together, strict=True):
            assert torch.equal(one[0], all_of[a])


@pytest.mark.parametrize("ohm", [1e-9, 1e3, 1e6, 1e12])
def test_the_kernel_is_the_torch_form_however_long_the_lines(ohm):
    """From lines without a drop to lines whose far end sees nothing, where float64 has no number for the
    ratio.
    """
    held = (3 * uniform(2, 48, 48, seed=1) - 1).float()
    crossing = Crossing(*LAW, ohm, ohm, 0.2)
    kernel, form = found_states(held, held[:0], crossing), found_states.meaning(held, held[:0], crossing)
    torch.testing.assert_close(kernel.plus, form.plus, rtol=1e-6, atol=1e-6)
    assert kernel.floors == form.floors
