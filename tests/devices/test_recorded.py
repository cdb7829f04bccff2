"""Laws written down and run in blocks: to the bit what they are on whole tensors."""

from typing import Any

import pytest
import torch

from memsim import devices
from memsim.devices.numerics import stable
from memsim.devices.stuck import held
from memsim.devices.weights.block_kernel import CHUNK, Op, pair_sums
from memsim.devices.weights.effects import draw
from memsim.devices.weights.recorded import Unrecorded, record

WEIGHTS = 2 * CHUNK + 300
X = torch.rand(WEIGHTS, generator=torch.Generator().manual_seed(0)) + 0.01

LAWS = {
    "arithmetic": lambda x: (2.0 - x) * (x + 3.0) / (x - 7.0) - 0.1 / x + (-x) * 1.3,
    "in place": lambda x: (x * 3.0).add_(x).mul_(0.7).sub_(x * x).div_(x).abs_().clamp_(0.1, 2.0),
    "functions": lambda x: stable.log(x) + stable.exp(-x) * stable.power(x, 0.65) + stable.sqrt(x),
    "bounds": lambda x: x.clamp(min=0.3) + x.clamp(max=0.6) + (x - 0.5).abs() + x.clamp(0.2, 0.4).square(),
    "a constant": lambda x: torch.full_like(x, 0.3) * x,
    "a choice": lambda x: torch.where(x < 0.5, x * x, 1.0 - x),
}


@pytest.mark.parametrize("name", LAWS)
def test_blocks_give_the_bits_of_whole_tensors(name):
    """G- has a target of 0 and G+ all of it: their sums hold both."""
    law = LAWS[name]
    other = torch.zeros_like(X)
    program = record(law)
    difference, total = pair_sums(X.numpy()[None], 1, 0.25, 1, program)
    plus, minus = law(X + 0.25), law(other + 0.25)
    assert torch.equal(torch.from_numpy(difference[0]), plus - minus)
    assert torch.equal(torch.from_numpy(total[0]), plus + minus)


def test_normals_are_those_of_each_device_on_each_chip():
    rng = devices.stream(1, [0, 3], "layer")
    zero = torch.zeros(2, 4, WEIGHTS)
    every = draw(rng, zero, 2) * 0.5 + draw(rng.child("other"), zero)
    program = record(lambda x: draw(rng, x, 2) * 0.5 + draw(rng.child("other"), x))
    difference, _ = pair_sums(X.numpy()[None], 2, 0.0, 2, program)
    plus, minus = every[:, 0] + every[:, 2], every[:, 1] + every[:, 3]
    assert torch.equal(torch.from_numpy(difference), plus - minus)


@pytest.mark.parametrize("pairs", [1, 2])
def test_stuck_devices_show_their_level_and_others_the_bits_they_had(pairs):
    """Two arrays; levels of 0, of others, and of none; a law before the level and one after it."""
    levels = torch.rand(2, 2 * pairs, WEIGHTS, generator=torch.Generator().manual_seed(1))
    levels = torch.where(levels < 0.1, 0.0, torch.where(levels < 0.3, levels, torch.nan))
    stuck = levels.numpy()
    program = record(lambda x: (x * x + 0.1).stuck() * 3.0)
    difference, total = pair_sums(X.numpy()[None], 2, 0.25, pairs, program, stuck)
    targets = torch.stack([X + 0.25, torch.zeros_like(X) + 0.25] * pairs)
    now = held(levels, targets * targets + 0.1) * 3.0
    plus, minus = now[:, 0::2].sum(1), now[:, 1::2].sum(1)
    assert torch.equal(torch.from_numpy(difference), plus - minus)
    assert torch.equal(torch.from_numpy(total), plus + minus)


def test_a_step_is_written_once_and_registers_are_used_again():
    program = record(lambda x: (x * 2.0 + 1.0) * (x * 2.0 - 3.0) / (x * 2.0))
    doubled = (program.steps[:, 0] == Op.MULTIPLY_NUMBER).sum()
    assert doubled == 1
    assert program.registers <= 5
    for _, out, *operands in program.steps.tolist():
        assert out not in operands[:2]


@pytest.mark.parametrize(
    "law",
    [torch.sin, lambda x: x.tanh(), lambda x: x + torch.ones(3), lambda x: torch.ones(3), lambda x: x.shape],
)
def test_what_blocks_do_not_know_is_said(law):
    with pytest.raises(Unrecorded):
        record(law)


@pytest.mark.parametrize("name", [n for n in devices.names() if "weight" in devices.get(n).describe().kind])
def test_every_preset_runs_in_blocks(name):
    cell: Any = devices.get(name)
    rng = devices.stream(0, [0], "layer")
    for age in (0.0, 86400.0):
        assert len(record(lambda x, t=age: cell.chord(cell.aged(x, t, rng=rng), 0.2)).keys) <= 6


@pytest.mark.parametrize("function", [stable.log, stable.exp, lambda x: stable.power(x, 0.65), stable.sqrt])
def test_functions_are_near_their_exact_values_wherever_an_element_stands(function):
    exact, got = function(X.double()), function(X)
    torch.testing.assert_close(got.double(), exact, rtol=1e-6, atol=3e-7)
    assert torch.equal(function(X[7:]), got[7:])
