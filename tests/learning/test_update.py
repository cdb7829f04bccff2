"""Arrays that learn: wanted changes become pulses, pulses become states, and all of it is billed."""

import copy

import pytest
import torch

from memsim.devices.pulses.wear import pulse_wear
from memsim.learning.learning_array import LearningDesign
from memsim.learning.wear import wear
from memsim.learning.writing import Accumulated, Direct
from tests.learning.made import DEFAULT, array, card, read
from tests.statistics import assert_mean

PCM, ECRAM, RERAM = "pcm-nandakumar2020", "ecram-li", "reram-om"
SPREADS = ("device-spread", "cycle-noise", "write-noise")


def blocks(rows: int = 12, columns: int = 10) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(rows, columns) - 0.5


@pytest.mark.parametrize("cell", [ECRAM, PCM])
def test_a_programmed_array_holds_its_matrix_to_a_step(cell: str) -> None:
    made = array(cell, blocks(), chips=(0, 1, 2))
    off = (made.weights() - made.blocks) / made.range
    assert off.shape == (3, 12, 10)
    assert float(off.abs().median()) < max(made.plan.steps)
    x = torch.rand(2, 3, 4, 1, 12)  # steps, chips, images, positions, rows
    wanted = torch.einsum("tsbpr,src->tsbpc", x, made.weights())
    assert torch.allclose(read(made, x), wanted, atol=1e-5)


@pytest.mark.parametrize("cell", [ECRAM, RERAM, PCM])
def test_a_chip_alone_has_the_bits_it_has_beside_others(cell: str) -> None:
    together, alone = array(cell, blocks(), chips=(4, 2, 7)), array(cell, blocks(), chips=(2,))
    for number in range(3):
        change = 0.2 * torch.randn(3, 12, 10, generator=torch.Generator().manual_seed(number))
        for made, part in ((together, change), (alone, change[1:2])):
            made.time = float(number)
            made.update(part)
    assert torch.equal(together.weights()[1:2], alone.weights())
    assert torch.equal(together.conductance()[1:2], alone.conductance())
    assert torch.equal(together.volt_SRC[1:2], alone.volt_SRC)
    assert not torch.equal(together.weights()[0], together.weights()[1])
    again = array(cell, blocks(), chips=(2,), seed=1)
    assert not torch.equal(again.weights(), array(cell, blocks(), chips=(2,)).weights())


def test_many_pulses_at_once_are_the_law_of_the_device() -> None:
    made = array(card(ECRAM, *SPREADS, "reset-noise"), torch.zeros(1, 1), chips=(0,))
    made.range, cell = 1.0, made.plan.cell
    share = torch.full((1, 1, 1), 0.3)
    sent = made.update(share, rounding="nearest")
    n = round(float(0.3 / made.plan.steps[0]))
    assert float(sent) == pytest.approx(n * made.plan.steps[0])
    table = cell.response(n).double()
    wanted = (table[2 * n] - made.plan.rest) / made.plan.span_w
    assert float(made.weights()) == pytest.approx(float(wanted), abs=2e-4)
    assert abs(float(made.weights()) * 1.03 - float(wanted)) > 1e-3  # a device 3 % off is told apart


def test_stochastic_rounding_is_right_in_the_mean_and_nearest_is_not() -> None:
    made = array(ECRAM, torch.zeros(400, 400), chips=(0,))
    made.range, step = 1.0, made.plan.steps[0]
    for wanted in (0.3 * step, 1.7 * step):
        sent = made.update(torch.full((1, 400, 400), wanted)) / step
        assert set(sent.round(decimals=3).unique().tolist()) <= {0.0, 1.0, 2.0}
        assert_mean(sent, wanted / step)
        with pytest.raises(AssertionError):
            assert_mean(sent * 1.03, wanted / step)
    assert not made.update(torch.full((1, 400, 400), 0.3 * step), rounding="nearest").any()
    down = made.update(torch.full((1, 400, 400), -1.7 * made.plan.steps[1]), rounding="down")
    assert torch.allclose(down, torch.tensor(-made.plan.steps[1]))


def test_what_is_not_due_yet_is_kept_and_nothing_is_lost() -> None:
    made, way = array(ECRAM, blocks()), Accumulated(rate=1.0)
    before, total = made.weights(), torch.zeros(2, 12, 10)
    small = 0.1 * made.plan.steps[0] * made.range * torch.ones(2, 12, 10)
    pulses = made.run.ledger.number("pulse-ecram", "layer")
    for _ in range(9):
        way.write(made, -small, vectors=4)
        total += small
    assert torch.equal(made.weights(), before)
    assert made.run.ledger.number("pulse-ecram", "layer") == pulses
    for _ in range(3):
        way.write(made, -small, vectors=4)
        total += small
    step = made.plan.steps[0] * made.range
    assert torch.allclose(way.due["layer"], total - step, atol=1e-6)
    assert (made.pulsed.pulses > 0).all() and not torch.equal(made.weights(), before)  # type: ignore[union-attr]


def test_pulses_energy_and_time_are_those_counted_by_hand() -> None:
    made = array(ECRAM, blocks(), chips=(0, 1))
    ledger, step = made.run.ledger, made.plan.steps[0] * made.range
    ledger.clear()
    change = torch.zeros(2, 12, 10)
    change[0, 3, 2], change[0, 3, 5], change[1, 7, 0] = (
        3.0 * step,
        -2.0 * made.plan.steps[1] * made.range,
        step,
    )
    made.update(change * 1.0001, rounding="down")
    assert ledger.counts["layer", "pulse-ecram"] == 6
    assert ledger.shares["layer", "pulse-ecram"].tolist() == [5.0, 1.0]
    assert ledger.page.seconds["layer"] == pytest.approx(6 * made.run.card.pulse_drive[1])  # 3 up, 2 down; 1
    assert ledger.notes["layer", "updates"] == 2
    assert not ledger.counts.get(("layer", "digital-mac"))
    way = Accumulated(rate=1.0)
    way.write(made, torch.zeros(2, 12, 10), vectors=5)
    assert ledger.counts["layer", "digital-mac"] == 2 * 120 * 5
    Direct(rate=1.0).write(made, torch.zeros(2, 12, 10), vectors=5)
    assert ledger.counts["layer", "digital-mac"] == 2 * 120 * 5


def test_wear_counts_resets_and_pulses_against_what_a_technology_lives() -> None:
    made = array(RERAM, blocks())
    start = wear(made)
    assert start.endurance == 1e4 and start.cycles >= 1.0
    moved = torch.zeros(2, 12, 10)
    moved[1, 0, 0] = 40 * made.plan.steps[0] * made.range
    most = float(made.pulsed.pulses[1, 0, 0, 0])  # type: ignore[union-attr]
    made.update(moved, rounding="nearest")
    one = pulse_wear(made.plan.cell, round(1 / made.plan.steps[0]), 1.0)
    now = wear(made)
    assert now.pulses == pytest.approx(start.pulses + 40 / 240)
    assert now.most_cycles == pytest.approx(max(start.most_cycles, 1 + one * (most + 40)))
    assert now.spent == now.most_cycles / 1e4
    assert wear(array("ideal", blocks())).spent is None


def test_a_pair_moves_one_cell_a_direction_and_is_refreshed_before_it_is_full() -> None:
    made = array(PCM, 0.1 * blocks(), room=4.0)
    devices = made.pulsed
    assert devices is not None
    held, step = devices.held.clone(), made.plan.steps[0] * made.range
    change = torch.zeros(2, 12, 10)
    change[0, 0, 0], change[0, 1, 1] = step, -step
    made.update(change, rounding="nearest")
    moved = (devices.held != held).nonzero().tolist()
    assert moved == [[0, 0, 0, 0], [0, 1, 1, 1]]  # plus for up, minus for down
    resets = devices.resets.clone()
    for _ in range(12):  # up and down in turn: both cells fill
        for sign in (1, -1):
            made.update(torch.full((2, 12, 10), sign * 1.01 * step), rounding="down")
    again = devices.resets - resets
    assert (again > 0).any() and torch.equal(again[:, 0], again[:, 1])
    top = made.plan.cell.describe().high
    assert float((devices.held / top > 0.8).any(1).double().mean()) < 0.1
    assert made.run.ledger.number("reset-pcm", "layer") == float(devices.resets.sum())


def test_drift_starts_anew_for_devices_that_are_written() -> None:
    made = array(PCM, blocks(), chips=(0,), room=4.0)  # far from a refresh
    fresh = made.conductance()
    made.advance_to(1e4, "none")
    aged = made.conductance()
    driven = fresh > 1e-6
    assert (aged[driven] < fresh[driven]).all()
    change = torch.zeros(1, 12, 10)
    change[0, 2, 3] = made.plan.steps[0] * made.range
    made.update(change, rounding="nearest")
    now = made.conductance()
    touched = torch.zeros_like(now, dtype=torch.bool)
    touched[0, 0, 2, 3] = True
    assert torch.equal(now[~touched], aged[~touched]) and now[touched] > aged[touched]
    made.advance_to(1e4 + 1.0, "none")
    later, devices = made.conductance(), made.pulsed
    assert devices is not None and devices.ageing is not None
    law = devices.ageing
    nu = law.law.exponent(fresh / law.g_scale, law.xi)
    old = fresh * (1 + (1e4 + 1) / law.law.t_0) ** -nu
    assert torch.allclose(later[~touched], old[~touched], rtol=1e-4)
    young = now * (1 + 1 / law.law.t_0) ** -law.law.exponent(now / law.g_scale, law.xi)
    assert torch.allclose(later[touched], young[touched], rtol=1e-4)


def test_compensation_goes_by_the_last_write() -> None:
    made = array(PCM, blocks(), chips=(0, 1))
    x = torch.rand(1, 2, 8, 1, 12)
    fresh = read(made, x)
    off = {}
    for how in ("none", "global"):
        made.advance_to(86400.0, how)  # type: ignore[arg-type]
        off[how] = float((read(made, x) - fresh).square().mean())
    assert off["global"] < 0.6 * off["none"]
    made.update(torch.zeros(2, 12, 10))
    assert torch.equal(made.compensation_SC, torch.ones_like(made.compensation_SC))


@pytest.mark.parametrize("cell", [ECRAM, RERAM])
def test_cells_without_a_law_of_time_keep_their_states(cell: str) -> None:
    made = array(cell, blocks())
    before = made.weights()
    made.advance_to(86400.0)
    assert torch.equal(made.weights(), before)


def test_a_bound_stops_pulses_and_ideal_cells_take_any_number() -> None:
    made = array(card(ECRAM, *SPREADS), blocks(), chips=(0,))
    made.update(torch.full((1, 12, 10), 100.0 * made.range))
    told = made.plan.cell.describe()
    assert torch.allclose(made.pulsed.held, torch.tensor(told.high), atol=1e-5)  # type: ignore[union-attr]
    exact = array("ideal", blocks())
    change = 100 * torch.randn(2, 12, 10)
    assert torch.equal(exact.update(change), change)
    assert torch.allclose(exact.weights(), exact.blocks + change)
    assert exact.run.ledger.number("pulse", "layer") == 0


def test_what_was_learned_is_in_the_state_and_goes_on_with_the_same_bits() -> None:
    made, change = array(PCM, blocks()), 0.1 * torch.randn(2, 12, 10)
    made.update(change)
    other = array(PCM, blocks())
    other.load_state_dict(copy.deepcopy(made.state_dict()))
    copied = copy.deepcopy(made)
    assert torch.equal(other.volt_SRC, made.volt_SRC)
    for one in (made, other, copied):
        one.update(-change)
    assert torch.equal(other.weights(), made.weights()) and torch.equal(copied.weights(), made.weights())


def test_what_cannot_be_is_refused_by_name() -> None:
    made = array(ECRAM, blocks())
    with pytest.raises(
        ValueError, match=r"layer: the change has shape \(12, 10\); \(chips, rows, columns\) = \(2, 12, 10\)"
    ):
        made.update(torch.zeros(12, 10))
    with pytest.raises(ValueError, match="NaN or infinity; is the learning rate too large"):
        made.update(torch.full((2, 12, 10), torch.nan))
    with pytest.raises(ValueError, match="rounding = 'up'"):
        made.update(torch.zeros(2, 12, 10), rounding="up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="span = 0"):
        array(ECRAM, blocks(), span=0.0)
    with pytest.raises(ValueError, match=r"room = 0\.5: 1 to 100"):
        LearningDesign(room=0.5)
    with pytest.raises(ValueError, match="rate = 0"):
        Direct(0)
    with pytest.raises(ValueError, match="momentum = 1"):
        Accumulated(1.0, momentum=1)
    for section, field in (
        ({"coding": "offset"}, "weights.coding = 'offset'"),
        ({"devices_per_weight": 2}, "weights.devices_per_weight = 2"),
        ({"reference": "weights"}, "weights.reference = 'weights'"),
    ):
        with pytest.raises(ValueError, match=field):
            array(card(ECRAM).replace(weights=section), blocks())
    with pytest.raises(ValueError, match="wires"):
        array(DEFAULT, blocks())
    with pytest.raises(ValueError, match="grouped convolutions"):
        array(ECRAM, torch.rand(2, 3, 4))
