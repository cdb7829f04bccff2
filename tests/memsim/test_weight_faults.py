"""Faults of weight arrays: shares that mean what they say, on devices that stay; lines; spares; off."""

import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch

import memsim
from memsim import CardError, ChipCard, devices
from memsim.arrays.faults.harm import Asked
from memsim.arrays.faults.weight_faults import FaultMap, faults_of
from memsim.energy.area import areas
from memsim.energy.work import Matrix
from memsim.engines.aihwkit import TileWeights
from memsim.run import Run
from tests.memsim.made import array, card
from tests.statistics import assert_mean, assert_same_law

CELL = devices.get("pcm-joshi2020")
YEAR = 3.15e7


def matrix(rows: int = 61, columns: int = 43) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


def faulty(faults: dict[str, Any], **weights: Any) -> ChipCard:
    return card(**weights).replace(weight_faults=faults)


def drawn(
    chosen: ChipCard, rows: int, columns: int, chips: range, tiles: tuple[int, int] = (1, 1)
) -> FaultMap:
    """The faults of arrays that hold nothing."""
    many = 2 * chosen.weights.devices_per_weight
    asked = Asked(torch.zeros(1, many, rows, columns), (1.0,), True, torch.ones(1, 1, columns))
    return faults_of(chosen, asked, None, rng=devices.stream(7, chips, "layer"), tiles=tiles)


def levels(made: Any) -> torch.Tensor:
    """Levels of faulty devices, (S G, 2 n, R, C), NaN of others."""
    return made._matrix.faults.levels[0]


@pytest.mark.parametrize(
    ("kind", "level"), [("stuck_on", CELL.g_max), ("stuck_off", CELL.g_min), ("stuck_random", None)]
)
@pytest.mark.parametrize("share", [0.01, 0.3])
def test_a_share_of_devices_is_stuck_each_by_itself(kind, level, share):
    """Both devices of a pair, and all in parallel, at the stated share; 3 % less or more is found."""
    chosen = faulty({kind: share}, devices_per_weight=2)
    found = drawn(chosen, 1000, 500, range(4)).levels[0]
    stuck, sigma = ~found.isnan(), math.sqrt(share * (1 - share))
    assert_mean(stuck.double(), share, sigma=sigma)
    for wrong in (0.97, 1.03):
        with pytest.raises(AssertionError):
            assert_mean(stuck.double(), wrong * share, sigma=sigma)
    for device in range(4):
        assert_mean(stuck[:, device].double(), share, sigma=sigma)
    both = (stuck[:, 0] & stuck[:, 1]).double()
    assert_mean(both, share**2, sigma=math.sqrt(share**2 * (1 - share**2)))
    if level is None:
        other = torch.rand(80_000, generator=torch.Generator().manual_seed(1)) * CELL.g_max
        assert_same_law(found[stuck][:80_000], other)
    else:
        assert (found[stuck] == torch.tensor(level)).all()


def test_kinds_are_disjoint_and_add_up():
    shares = {"stuck_on": 0.25, "stuck_off": 0.25, "stuck_random": 0.5}
    found = drawn(faulty(shares), 300, 200, range(2)).levels[0]
    assert not found.isnan().any()
    assert_mean((found == torch.tensor(CELL.g_max)).double(), 0.25)
    assert_mean((found == torch.tensor(CELL.g_min)).double(), 0.25)


@pytest.mark.parametrize(
    ("kind", "lines"), [("dead_word_lines", 300 * 4 * 64), ("dead_bit_lines", 2 * 200 * 6 * 64)]
)
def test_a_share_of_lines_is_open_over_a_tile(kind, lines):
    """Tiles of 50 x 50: a word line crosses 50 columns and both sides, a bit line 50 rows on one side."""
    chosen = faulty({kind: 0.2}, tile_rows=50, tile_columns=50)
    made = drawn(chosen, 300, 200, range(64), (6, 4))
    assert set(made.levels[0].nan_to_num(1.0).unique().tolist()) == {0.0, 1.0}
    cut = (~made.levels[0].isnan()).unflatten(3, (4, 50)).unflatten(2, (6, 50))  # (S, D, 6, 50, 4, 50)
    whole = (1, 5) if kind == "dead_word_lines" else (3,)
    assert torch.equal(cut.float().amin(whole), cut.float().amax(whole))
    share = made.defects.word_lines_S if kind == "dead_word_lines" else made.defects.bit_lines_S
    error = math.sqrt(0.2 * 0.8 / lines)
    assert abs(float(share.mean()) - 0.2) < 5 * error < 0.03 * 0.2 * 5
    assert float(share.mean()) == pytest.approx(float(cut.double().mean()), abs=1e-12)


def test_what_is_stuck_stays_so_over_time_and_writing_and_beside_other_chips():
    chosen = faulty(
        {"stuck_on": 0.1, "stuck_random": 0.1, "dead_bit_lines": 0.05}, **{"reprogram_every [s]": 1e4}
    )
    made = array(matrix(), chosen, chips=3)
    before, at = levels(made), []
    for time in (0.0, 100.0, 2.5e4, 1e6):
        made.advance_to(time)
        assert torch.equal(levels(made), before) or (levels(made).isnan() == before.isnan()).all()
        at.append(made.conductance())
    stuck = torch.cat([~before[:, 0::2].isnan(), ~before[:, 1::2].isnan()], 1)
    for later in at[1:]:
        assert torch.equal(later[stuck], at[0][stuck])
        assert not torch.equal(later[~stuck], at[0][~stuck])
    run = Run(card=chosen, chips=(2,), seed=11, ledger=memsim.Ledger(chosen))
    run.begin(1)
    alone = memsim.arrays.weight_array.WeightArray("layer", matrix(), run)
    alone.program()
    alone.advance_to(1e6)
    assert torch.equal(alone.conductance()[0], at[-1][2])
    other = array(matrix(), chosen, chips=1, seed=12)
    assert not torch.equal(levels(other).isnan(), before[:1].isnan())


@pytest.mark.parametrize(
    "weights", [{}, {"devices_per_weight": 3}, {"cell": "reram-milo2021"}, {"cell": "ideal"}]
)
def test_none_faulty_is_off_bit_for_bit(weights):
    off, on = array(matrix(), card(**weights)), array(matrix(), faulty({"stuck_on": 1e-12}, **weights))
    switched = array(matrix(), faulty({"stuck_on": 0.5}, **weights).without("faults"))
    zero = array(matrix(), card(**weights).replace(weight_faults={"stuck_on": 0.0}))
    assert off.defects is None and switched.defects is None and zero.defects is None
    for made in (on, switched, zero):
        for time in (0.0, YEAR):
            made.advance_to(time)
            off.advance_to(time)
            assert torch.equal(made.volt_SRC, off.volt_SRC)
            assert torch.equal(made.row_siemens_SR, off.row_siemens_SR)
            assert torch.equal(made.gain_SC, off.gain_SC)


@pytest.mark.parametrize(
    "kind", ["stuck_on", "stuck_off", "stuck_random", "dead_word_lines", "dead_bit_lines"]
)
def test_alone_a_kind_grows_from_nothing_to_everything(kind):
    """Rms error of the weights, all else ideal; from 0 to 1 it only grows."""
    w, errors = matrix(80, 50), []
    for share in (0.0, 0.01, 0.05, 0.2, 0.5, 1.0):
        made = array(w, faulty({kind: share}).only("faults") if share else card().only())
        errors.append(remaining(w, made) ** 0.5)
    assert errors[0] < 1e-5
    rising = errors[:-1] if kind == "stuck_on" else errors  # on everywhere, both devices of a pair cancel
    assert all(a < b for a, b in pairwise(rising))
    if kind != "stuck_random":
        assert errors[-1] == pytest.approx(float(w.square().mean().sqrt()), rel=1e-5)  # nothing is left of w


def test_an_ideal_cell_with_a_stuck_device_by_hand():
    """W = [[1, -0.5]]: G+ of the first stuck off, G- of the second stuck on, and so read."""
    w = torch.tensor([[1.0, -0.5]])
    chosen = faulty({"stuck_on": 0.5, "stuck_off": 0.5}, cell="ideal", scaling="layer")
    made = array(w, chosen, chips=50)
    held = made.conductance() / 25e-6
    assert set(held.unique().tolist()) == {0.0, 1.0}
    got = made.read(torch.ones(1, 50, 1, 1, 1)).view(50, 2)
    assert torch.allclose(got, (held[:, 0] - held[:, 1]).view(50, 2), atol=1e-6)
    assert made.row_siemens_SR.flatten().tolist() == pytest.approx((held.sum((1, 2, 3)) * 25e-6).tolist())


def test_energy_and_compensation_see_them_as_they_are():
    made = array(matrix(), faulty({"stuck_on": 0.3}))
    made.advance_to(YEAR)
    g = made.conductance()
    assert torch.allclose(made.row_siemens_SR, g.double().sum((1, 3)), rtol=1e-5)
    difference = (g[:, 0] - g[:, 1]).abs().double().mean()
    assert float(made.mean["global"]) == pytest.approx(float(difference), rel=1e-5)
    whole = array(matrix(), card())
    whole.advance_to(YEAR)
    assert 1.0 < float(made.compensation_SC) < float(whole.compensation_SC)  # stuck devices do not drift


def test_groups_and_row_and_column_tiles_have_lines_and_devices_of_their_own():
    blocks = torch.stack([matrix(40, 30), matrix(40, 30)])
    chosen = faulty(
        {"stuck_off": 0.3, "dead_word_lines": 0.3, "spare_rows": 2, "spare_columns": 1},
        tile_rows=16,
        tile_columns=11,
    )
    made = array(blocks, chosen, chips=2)
    found = levels(made)
    assert found.shape == (4, 2, 40, 30) and made.conductance().shape == (4, 2, 40, 30)
    assert not torch.equal(found[0].isnan(), found[1].isnan())
    assert not torch.equal(found[0, :, :14, :10].isnan(), found[0, :, 14:28, :10].isnan())


HARM = ("stuck_on", "stuck_off", "stuck_random", "dead_word_lines", "dead_bit_lines")


def remaining(w: torch.Tensor, made: Any) -> float:
    """Mean squared error of the weights, read one row after the other."""
    rows = torch.eye(len(w)).expand(1, len(made.run.chips), 1, -1, -1)
    return float((made.read(rows) - w).square().mean())


@pytest.mark.parametrize("kind", HARM)
@pytest.mark.parametrize("spare", ["spare_rows", "spare_columns"])
def test_spares_leave_less_harm_the_more_there_are(kind, spare):
    w, harm = matrix(96, 64), []
    for count in (0, 1, 4, 16):
        chosen = faulty({kind: 0.05, spare: count}, tile_rows=48, tile_columns=32).only("faults")
        made = array(w, chosen, chips=4)
        harm.append(remaining(w, made))
        taken = made.defects.rows_S if spare == "spare_rows" else made.defects.columns_S
        assert float(taken.max()) <= 4 * count
    if (kind, spare) in (("dead_bit_lines", "spare_rows"), ("dead_word_lines", "spare_columns")):
        assert harm == harm[:1] * 4  # an open line crosses the spares, too
    else:
        assert all(a >= b for a, b in pairwise(harm)) and harm[-1] < 0.9 * harm[0]


def test_open_lines_are_replaced_first_and_wholly():
    """One tile with fewer open rows than spares: nothing is left of them."""
    w = matrix(100, 50)
    made = array(w, faulty({"dead_word_lines": 0.05, "spare_rows": 20}).only("faults"), chips=8)
    count = made.defects.word_lines_S * 100
    assert torch.allclose(made.defects.rows_S, count) and float(count.mean()) > 0
    assert float(made.defects.after_S.max()) == 0.0 and remaining(w, made) < 1e-9
    columns = array(w, faulty({"dead_bit_lines": 0.05, "spare_columns": 20}).only("faults"), chips=8)
    assert float(columns.defects.after_S.max()) == 0.0 < float(columns.defects.before_S.mean())


def test_a_spare_is_faulty_as_all_others_and_the_faults_of_the_rest_are_as_without():
    without, spared = ({"stuck_on": 0.1, "spare_rows": n} for n in (0, 8))
    a, b = (levels(array(matrix(), faulty(one))) for one in (without, spared))
    same = (a.isnan() == b.isnan()).all(1).all(-1)  # rows
    assert 61 - 8 <= int(same.sum()) < 61
    every = array(matrix(), faulty({"stuck_on": 1.0, "spare_rows": 8}))
    assert float(every.defects.after_S) == 1.0 and float(every.defects.rows_S) == 0.0


def test_spares_are_counted_in_area_and_in_what_is_written_again():
    plain = card(**{"reprogram_every [s]": 1e3}, tile_rows=32, tile_columns=32)
    spared = plain.replace(weight_faults={"stuck_on": 0.1, "spare_rows": 2, "spare_columns": 3})
    writes = []
    for chosen in (plain, spared):
        made = array(matrix(64, 96), chosen)
        made.advance_to(5.5e3)
        writes.append(made.upkeep["writes"])
    assert writes[1] / writes[0] == pytest.approx((64 + 2 * 2) * (96 + 3 * 3) / (64 * 96))
    layer = Matrix(
        name="layer", rows=64, columns=96, positions=1.0, passes=1.0, inputs=64.0, ones=1.0, drives=1.0
    )
    cells = [areas([layer], one)["weight cells"] for one in (plain, spared)]
    assert cells[1] / cells[0] == pytest.approx(writes[1] / writes[0])


def test_copies_and_a_saved_chip_have_the_same_faults(tmp_path):
    torch.manual_seed(0)
    net, x = (
        torch.nn.Sequential(torch.nn.Linear(12, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)).eval(),
        torch.rand(5, 12),
    )
    chosen = ChipCard.load("default").replace(
        weight_faults={"stuck_on": 0.1, "dead_word_lines": 0.1, "spare_rows": 1}
    )
    chip = memsim.to_crossbar(net, chosen, chips=3, calibration=x).program().advance_to(1e5)
    expected = chip(x, image=range(5))
    assert torch.equal(copy.deepcopy(chip)(x, image=range(5)), expected)
    loaded = memsim.Chip.load(chip.save(tmp_path / "chip"), net, calibration=x)
    assert torch.equal(loaded(x, image=range(5)), expected)
    assert list(chip.faults) == ["0", "2"]
    for name, one in chip.faults.items():
        assert one.summary == loaded.faults[name].summary
    assert torch.equal(chip(x[2:3], image=[2])[:, 0], expected[:, 2])


def test_gradients_pass_and_every_batch_meets_other_faults():
    torch.manual_seed(0)
    net, x = torch.nn.Linear(12, 9).eval(), torch.rand(5, 12)
    chosen = ChipCard.load("default").replace(weight_faults={"stuck_on": 0.2})
    chip = memsim.to_crossbar(net, chosen, chips=2, calibration=x).train()
    seen = []
    for _ in range(2):
        out = chip(x)
        out.sum().backward()
        seen.append(out.detach())
    assert not torch.equal(*seen)
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in chip.parameters())


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (
            {"stuck_on": 0.6, "stuck_off": 0.3, "stuck_random": 0.2},
            r"stuck_on = 0.6.*add up to 1.1.*1 % is 0.01",
        ),
        ({"stuck_on": 5}, r"weight_faults.stuck_on = 5: 0 to 1, a share; 5 % is 0.05"),
        ({"stuck_off": -0.1}, r"weight_faults.stuck_off = -0.1.*greater than or equal to 0"),
        ({"dead_bit_lines": "many"}, r"weight_faults.dead_bit_lines"),
        ({"stuck_high": 0.1}, r"unknown key 'weight_faults.stuck_high'"),
        ({"spare_rows": 2}, r"weight_faults.spare_rows has no effect.*no share is above 0"),
        ({"stuck_on": 0.1, "spare_rows": 1.5}, r"weight_faults.spare_rows"),
        ({"corrupt_devices": True}, r"unknown key 'weight_faults.corrupt_devices'"),
    ],
)
def test_what_cannot_be_is_refused(faults, words):
    with pytest.raises(CardError, match=words):
        ChipCard.load("default").replace(weight_faults=faults)


def test_ideal_cells_have_no_faults_and_the_switch_is_that_of_the_card():
    chosen = ChipCard.load("default").replace(weight_faults={"stuck_on": 0.1})
    assert "faults" in chosen.effects and "faults" not in ChipCard.load("default").effects
    ideal = chosen.replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    assert not ideal.weight_faults.made
    with pytest.raises(CardError, match=r"weight_faults.stuck_on has no effect: both cells are ideal"):
        ideal.replace(weight_faults={"stuck_on": 0.1})
    with pytest.raises(CardError, match="'faults' grows with the shares"):
        chosen.replace(strengths={"faults": 2.0})
    with pytest.raises(CardError, match="'faults' is no effect"):
        ChipCard.load("default").without("faults")


def test_engine_aihwkit_refuses_them():
    chosen = faulty({"stuck_on": 0.1})
    run = Run(card=chosen, chips=(0,), seed=0, ledger=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"engine aihwkit: it does not have .*faults"):
        TileWeights("layer", torch.ones(2, 2), run)


CODINGS = {
    "offset": "offset",
    "single": "single",
    "slices": {"kind": "slices", "slice_bits": [2, 3]},
    "offset slices": {"kind": "slices", "slice_bits": [2, 2], "sign": "offset"},
}


@pytest.mark.parametrize("coding", CODINGS)
def test_every_coding_has_faults_on_all_its_devices_and_spares_for_them(coding):
    """Devices of all planes and references at the stated share; an open word line crosses them all."""
    weights = {"coding": CODINGS[coding], "devices_per_weight": 2, "tile_rows": 32, "tile_columns": 40}
    w, left = matrix(64, 48), []
    for spares in (0, 3):
        faults = {"stuck_off": 0.03, "dead_word_lines": 0.1, "spare_rows": spares, "spare_columns": spares}
        made = array(w, faulty(faults, **weights), chips=3)
        held = [made.conductance(), *([made.reference_conductance()] if made.coding.referenced else [])]
        count = sum(one[0].numel() for one in held)
        assert made.defects.devices == count
        found = sum(int((one == 0.0).sum() + (one == CELL.g_min).sum()) for one in held) / (3 * count)
        assert float(made.defects.after_S.mean()) <= found + 1e-9
        left.append(float(made.defects.after_S.mean()))
        if not spares and 48 % made.column_tiles == 0:
            word = (held[0] == 0.0).unflatten(3, (made.column_tiles, -1)).all(-1)
            assert torch.equal(word.any(1), word.all(1)) and word.any()
    assert left[0] > 0.1 and left[1] < left[0]


def test_spares_of_slices_take_the_columns_that_err_most():
    """Slices of 16 and 1: a stuck high digit harms as sixteen low ones; the more spares the less is left."""
    coding, w, harm = {"kind": "slices", "slice_bits": [4, 4]}, matrix(64, 48), []
    for spares in (0, 4, 16):
        faults = {"stuck_on": 0.01, "spare_columns": spares}
        harm.append(remaining(w, array(w, faulty(faults, coding=coding, cell="ideal"))))
    assert harm[1] < harm[0] and harm[2] < 0.8 * harm[0]


@pytest.mark.parametrize("coding", [None, *CODINGS])
def test_none_faulty_is_off_in_every_coding(coding):
    weights = {} if coding is None else {"coding": CODINGS[coding]}
    off, on = array(matrix(), card(**weights)), array(matrix(), faulty({"stuck_on": 1e-12}, **weights))
    for time in (0.0, YEAR):
        made = [one for one in (on, off) if one.advance_to(time) is None]
        assert torch.equal(made[0].volt_SRC, made[1].volt_SRC)
        assert torch.equal(made[0].row_siemens_SR, made[1].row_siemens_SR)
