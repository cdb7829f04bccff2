"""Many tokens at once are the same as one after another; aged lines are those of their devices' laws."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim import ChipCard
from memsim.devices.numerics.operation import plain
from memsim.energy.ledger import Ledger
from memsim.memory import cells, line_array
from memsim.memory.clock import Clock
from memsim.memory.line_array import LineArray
from memsim.memory.line_design import LineDesign
from memsim.memory.line_options import Settings
from memsim.memory.verified_cells import STEP, VerifiedCells
from memsim.models.mixers.line_memory import LineMemory
from memsim.models.mixers.rules.softmax import BEFORE, SOFTMAX
from memsim.models.mixers.rules.stick_breaking import STICK_BREAKING, STOPPED
from memsim.models.mixers.rules.two_level import landmarks
from memsim.run import Run

S, B, H, D, T = 2, 3, 2, 4, 11
DEFAULT = ChipCard.load("default").without("wires")
WIRED = ChipCard.load("default").replace(wire_resistance=20.0)


def normals(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


Q, K, V = (normals(B, H, T, D, seed=seed).repeat(S, 1, 1, 1) for seed in range(3))
GATE = -normals(B, H, T, T, seed=3).abs().repeat(S, 1, 1, 1)


def array(memory: LineMemory, card: ChipCard = DEFAULT, **settings: Any) -> LineArray:
    run = Run(card=card, chips=tuple(range(S)), seed=0, ledger=Ledger(card))
    made = LineArray("memory", memory, run, Settings(**settings))
    run.begin(B, calibrating=True)
    made(Q, K, V, GATE)
    run.ledger.clear()
    run.begin(B)
    return made


CASES: list[tuple[Any, dict[str, Any]]] = [
    (SOFTMAX, {}), (BEFORE, {}), (STICK_BREAKING, {"correct": True}), (SOFTMAX, {"ones": True}),
    (SOFTMAX, {"retention": 5e-3, "ones": True}), (STOPPED, {"tile": 4}), (SOFTMAX, {"write": "pulses"}),
    (landmarks(4, 1), {"tile": 4, "selectors": True}), (BEFORE, {"capacity": 6, "full": "ring"}),
    (SOFTMAX, {"capacity": 6, "full": "ring"}), (BEFORE, {"clock": Clock(0.9)}),
]  # fmt: skip


@pytest.mark.parametrize("card", [DEFAULT, WIRED], ids=["", "wires"])
@pytest.mark.parametrize(("rule", "settings"), CASES)
def test_tokens_at_once_are_tokens_one_by_one(
    rule: Any, settings: dict[str, Any], card: ChipCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, found = LineMemory(rule, 0.5), []
    for most in (1, 4, 64):
        monkeypatch.setattr(line_array, "MOST", most)
        made = array(memory, card, **settings)
        found.append((made(Q, K, V, GATE), made.run.ledger))
    (one, counted), *others = found
    for out, ledger in others:
        # between steps of ageing a device is where its line's mean drift puts it
        assert_close(out, one, rtol=0, atol=2e-3 * float(one.abs().max()))
        assert ledger.counts == pytest.approx(counted.counts, rel=2e-2)
        assert ledger.notes["memory", "lines written"] == counted.notes["memory", "lines written"]
        assert ledger.joules == pytest.approx(counted.joules, rel=2e-2)
        assert ledger.page.seconds == pytest.approx(counted.page.seconds, rel=1e-6)


@pytest.mark.parametrize("card", [DEFAULT, WIRED], ids=["", "wires"])
def test_without_ageing_they_are_the_same_to_rounding(
    card: ChipCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for most in (1, 64):
        monkeypatch.setattr(line_array, "MOST", most)
        made = array(LineMemory(BEFORE, 0.5), card.without("drift", "flicker-noise", "adc", "dac"))
        found.append((made(Q, K, V, GATE), dict(made.run.ledger.counts)))
    assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("settings", [{}, {"write": "pulses"}, {"capacity": 6, "full": "ring", "ones": True}])
def test_kernels_read_what_the_torch_forms_read(settings: dict[str, Any]) -> None:
    made = array(LineMemory(SOFTMAX, 0.5), **settings)
    found = made(Q, K, V, GATE), made.run.ledger.notes["memory", "clipped numbers"]
    made.run.begin(B)
    made.run.ledger.clear()
    with plain():
        other = made(Q, K, V, GATE), made.run.ledger.notes["memory", "clipped numbers"]
    assert found[1] == other[1] > 0
    # a number on the edge of a code may fall to its neighbour
    assert float((found[0] - other[0]).norm() / other[0].norm()) < 2e-3


@pytest.mark.parametrize("card", [DEFAULT, WIRED], ids=["", "wires"])
def test_chips_read_in_groups_are_the_same_chips(card: ChipCard, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for numbers in (1, 2**19):
        monkeypatch.setattr(cells, "AT_ONCE", numbers)
        made = array(LineMemory(SOFTMAX, 0.5), card.replace(weights={"adc": {"gain": 0.05}}))
        found.append((made(Q, K, V, GATE), made.run.ledger.notes["memory", "clipped numbers"]))
    assert_close(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    assert found[0][1] == found[1][1]


def test_lines_with_a_resistance_are_loaded_by_older_ones_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = array(LineMemory(SOFTMAX, 0.5), WIRED)
    whole = made(Q, K, V, GATE)
    made.run.begin(B)
    first = made(*(x[:, :, :7] for x in (Q, K, V)), GATE[:, :, :7, :7])
    assert_close(first, whole[:, :, :7], rtol=0, atol=0)
    bare = array(LineMemory(SOFTMAX, 0.5))(Q, K, V, GATE)
    assert float((whole - bare).norm() / bare.norm()) > 0.01


def cells_of(card: ChipCard, chips: int = 40, images: int = 25) -> VerifiedCells:
    """Cells of three lines whose shares are all .5, on some chips and sequences."""
    design = LineDesign(name="m", card=card, heads=1, keys=8, values=8, capacity=3)
    cells = VerifiedCells(design, 0, range(chips), 3)
    cells.begin(np.arange(images), 0)
    cells.write([0, 1, 2], torch.full((chips, 1, images, 3, 16), 0.5), [0, 1, 2])
    return cells


@pytest.mark.parametrize("age", [3.0, 1e3, 1e6])
def test_a_line_ages_as_its_devices_do(age: float) -> None:
    """Each pair within STEP / 2 times what its exponent is apart from the mean; the mean exact."""
    quiet = DEFAULT.without(*(effect for effect in DEFAULT.effects if effect != "drift"))
    cells = cells_of(quiet)
    ages = np.array([age, age / 7, 0.0])
    share = cells.show([0, 1, 2], ages).share
    since = cells.since([0, 1, 2], torch.from_numpy(ages)[None])
    assert since is not None
    got = (share * since[0, :, None])[:, :, :, 0].double()
    drift, nu = cells.cell.drift, cells.written["exponent"][:, :, :, 0, 0].double()
    wanted = 0.5 * (-nu * math.log1p(age / drift.t_0)).exp()
    apart = (nu - 0.07).abs().clamp(min=0.05)
    assert bool(((got - wanted).abs() <= apart * STEP / 2 * wanted * 1.1).all())
    assert abs(float(got.mean() - wanted.mean())) < 1e-3 * float(wanted.mean())
    assert float((got - wanted).abs().max()) > 0


def test_noise_faster_than_ten_seconds_is_new_in_every_read() -> None:
    """Variance of a pair of devices, from the law of 1/f noise: 3 % off is seen."""
    card = DEFAULT.without(*(effect for effect in DEFAULT.effects if effect != "flicker-noise"))
    cells = cells_of(card)
    shown = cells.show([0, 1, 2], np.zeros(3))
    drive = torch.ones(*shown.share.shape[:3], 1, 3) * torch.tensor([0.5, 0.0, 0.0])
    variance = cells.variance(drive, shown)
    assert variance is not None
    cell = cells.cell
    amplitude = float(cell.flicker.amplitude(*[torch.tensor(0.5 * cell.g_max)] * 2, cell.g_scale))
    fast = cell.flicker.fast_variance(0.0)
    slow = cell.flicker.time(0.0) - fast
    still = shown.share.double()
    assert float(still.std()) == pytest.approx(0.5 * amplitude * math.sqrt(slow), rel=0.02)
    wanted = 0.25 * amplitude**2 * fast * float(still[:, :, :, 0].square().mean())
    assert float(variance.double().mean()) == pytest.approx(wanted, rel=0.01)
