"""Faults of attention arrays: of devices, by row and column, whatever is written; open lines; spares."""

import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch

import memsim
from memsim import CardError, ChipCard, models
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.corrupt import Corrupt, corrupt
from memsim.devices.pulses.stuck import STUCK
from memsim.engines.aihwkit import tile_attention
from memsim.run import Run
from tests.memsim.test_attention_array import asked, held, make
from tests.statistics import assert_mean

HEADS, WIDTH, CHIPS = 2, 8, (0, 3)
CELLS: dict[str, dict[str, Any]] = {
    "plain": {"cell": "reram-om"},
    "pairs": {"cell": "pcm-nandakumar2018"},
    "parallel": {"cell": "reram-om", "devices_per_synapse": 3},
    "measured": {"cell": "reram-om", "row_gain": True, "verify_rounds": 1},
    "own counts": {"cell": "reram-om", "coding": "per-device"},
}


def card(faults: dict[str, Any], **attention: Any) -> ChipCard:
    plain = ChipCard.load("default").replace(attention=attention or CELLS["plain"])
    return plain.replace(attention_faults=faults).without("adc", "wires")


def written(chosen: ChipCard, tokens: int = 8, chips=CHIPS) -> WrittenDevices:
    """The devices of an array."""
    return WrittenDevices(make(chosen).design, 5, chips, HEADS, tokens)


def stuck(devices: WrittenDevices) -> torch.Tensor:
    """Levels (sides, S, H, [K], N, N), NaN where a device is free."""
    return torch.stack([fabric[STUCK] for fabric in devices.fabrics()])


@pytest.mark.parametrize("kind", ["plain", "pairs", "parallel"])
@pytest.mark.parametrize(("fault", "share"), [("stuck_on", 0.1), ("stuck_off", 0.3), ("stuck_random", 0.2)])
def test_a_share_of_devices_is_stuck_on_each_side(kind, fault, share):
    chosen = card({fault: share}, **CELLS[kind])
    made = written(chosen, 450)
    levels, about = stuck(made), made.fabrics() and chosen.attention_cell.describe()
    sigma = math.sqrt(share * (1 - share))
    assert_mean((~levels.isnan()).double(), share, sigma=sigma)
    for wrong in (0.97, 1.03):
        with pytest.raises(AssertionError):
            assert_mean((~levels.isnan()).double(), wrong * share, sigma=sigma)
    expected = {"stuck_on": about.high, "stuck_off": about.low}.get(fault)
    found = levels[~levels.isnan()]
    if expected is not None:
        assert found.unique().tolist() == pytest.approx([expected])
    else:
        span = about.high - about.low
        assert_mean((found - about.low) / span, 0.5, sigma=1 / math.sqrt(12))
    assert made.defects is not None
    assert float(made.defects.before_S.mean()) == pytest.approx(float((~levels.isnan()).double().mean()))


FAULTS = {
    "stuck": {"stuck_on": 0.1, "stuck_off": 0.1, "stuck_random": 0.1},
    "corrupt": {"corrupt_devices": True},
    "lines": {"dead_word_lines": 0.3, "dead_bit_lines": 0.3},
}


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("fault", ["stuck", "lines"])
def test_fewer_tokens_use_the_corner_and_a_chip_is_the_same_alone(kind, fault):
    chosen = card(FAULTS[fault], **CELLS[kind])
    small, large, alone = written(chosen, 6), written(chosen, 8), written(chosen, 8, CHIPS[1:])
    for one, other, third in zip(small.fabrics(), large.fabrics(), alone.fabrics(), strict=True):
        for name, value in one.values.items():
            assert torch.equal(value.nan_to_num(7.0), other[name][..., :6, :6].nan_to_num(7.0)), name
            assert torch.equal(other[name][1:].nan_to_num(7.0), third[name].nan_to_num(7.0)), name
    places = stuck(large).isnan()
    assert not torch.equal(places[:, 0, 0], places[:, 1, 0]) and not torch.equal(
        places[:, 0, 0], places[:, 0, 1]
    )


@pytest.mark.parametrize("kind", CELLS)
def test_none_faulty_is_off_bit_for_bit(kind):
    off = held(make(card({}, **CELLS[kind])))
    for faults in (
        {"stuck_on": 1e-12},
        {"stuck_on": 1e-12, "spare_rows": 2, "spare_columns": 1},
        {"dead_bit_lines": 1e-12},
    ):
        assert torch.equal(held(make(card(faults, **CELLS[kind]))), off)
    assert torch.equal(held(make(card(FAULTS["stuck"], **CELLS[kind]).without("faults"))), off)


def test_a_stuck_device_holds_its_weight_in_every_image_and_step():
    """Weights A - offset of stuck places: scale (level - rest) in all writes; the others as without."""
    array = make(card(FAULTS["stuck"]))
    weights = held(array)  # (S, H, B, T, N, N)
    free = held(make(card({})))
    size = next(iter(array.written.sizes.values()))
    levels = stuck(size)[0]
    table, amplitude = array.design.table, array.design.amplitude
    expected = (levels - table.w_rest) * amplitude / table.w_span
    places = ~levels.isnan()[:, :, None, None].expand_as(weights)
    assert torch.allclose(weights[places], expected[:, :, None, None].expand_as(weights)[places], atol=1e-6)
    assert torch.equal(weights[~places], free[~places])


def test_open_lines_by_hand():
    """A bit line (key) that is open adds nothing; a word line (query) lacks its plastic devices' current."""
    array = make(card(FAULTS["lines"]))
    weights = held(array)
    (size,) = array.written.sizes.values()
    levels, rest, unit = stuck(size)[0], *array.design.conductance[:2]
    nothing = levels == torch.tensor(-rest / unit)
    bit = levels == torch.tensor(array.design.table.w_rest, dtype=torch.float32)
    assert torch.equal(bit.any(-2), bit.all(-2)) and bit.any() and not bit.all()
    word = (nothing | bit).all(-1)
    assert word.any() and not word.all()
    assert weights[bit[:, :, None, None].expand_as(weights)].abs().max() < 1e-6
    gone = weights[(word[..., None] & ~bit)[:, :, None, None].expand_as(weights)]
    table, amplitude = array.design.table, array.design.amplitude
    assert torch.allclose(
        gone, torch.tensor((-rest / unit - table.w_rest) * amplitude / table.w_span).float()
    )


def test_the_bit_line_of_a_pair_is_one_and_its_word_lines_are_two():
    size = written(card(FAULTS["lines"], **CELLS["pairs"]), 40)
    dead = ~stuck(size).isnan()
    bit, word = dead.all(-2), dead.all(-1)
    assert torch.equal(bit[0], bit[1]) and not torch.equal(word[0], word[1])


@pytest.mark.parametrize(
    "fault", ["stuck_on", "stuck_off", "stuck_random", "dead_word_lines", "dead_bit_lines"]
)
def test_alone_a_kind_grows_from_nothing_to_everything(fault):
    errors = []
    for share in (0.0, 0.02, 0.1, 0.4, 1.0):
        chosen = card({fault: share}).only("faults") if share else card({}).only()
        array = make(chosen)
        errors.append(float((held(array) - asked(array)).square().mean()))
    assert all(a < b for a, b in pairwise(errors)) or fault == "dead_bit_lines"
    assert errors[0] < errors[-1]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *((kind, fault) for kind in ("plain", "pairs", "parallel") for fault in ("stuck", "lines")),
        ("plain", "corrupt"),
    ],
)
def test_spares_take_the_place_of_the_worst_lines(kind, fault):
    left = []
    for n in (0, 1, 4):
        size = written(card({**FAULTS[fault], "spare_rows": n, "spare_columns": n}, **CELLS[kind]), 24)
        assert size.defects is not None
        left.append(float(size.defects.after_S.mean()))
        faulty = [~f[STUCK].isnan() if STUCK in f.values else corrupt(f) for f in size.fabrics()]
        assert float(torch.stack(faulty).double().mean()) == pytest.approx(left[-1])
        assert size.fabrics()[0].cells[-2:] == (24, 24)
        assert float(size.defects.rows_S.max()) <= HEADS * n
    assert left[0] > left[1] > left[2]


def test_lines_that_stay_have_the_devices_they_had_and_the_kernel_gets_those_in_use():
    cell = card({"corrupt_devices": True}).attention_cell
    plain, spared = (written(card({"corrupt_devices": True, "spare_rows": n}), 24) for n in (0, 3))
    one, other = (size.fabrics()[0] for size in (plain, spared))
    same = (one["max_bound"] == other["max_bound"]).all(-1)
    assert 4 * 21 <= int(same.sum()) < 4 * 24
    assert isinstance(cell, Corrupt) and isinstance(cell.device, AffineCell)
    assert torch.equal(other.packed, cell.device.assemble(other.values, other.places).packed)


def test_wear_is_repaired_by_the_same_spares():
    worn = ChipCard.load("default").replace(wear={"cycles_before": 3e5, "endurance": 1e6})
    spared = worn.replace(attention_faults={"spare_rows": 3})
    before, after = (written(one, 24).defects for one in (worn, spared))
    assert before is not None and after is not None
    expected = 1 - math.exp(-(0.3**1.5))
    assert float(before.after_S.mean()) == pytest.approx(expected, abs=0.03)
    assert float(after.after_S.mean()) < float(before.after_S.mean())
    assert written(worn.without("wear"), 24).defects is None


def test_a_chip_reports_them_and_copies_and_files_keep_them(tmp_path):
    torch.manual_seed(0)
    net = models.build("s2tdpt-1-8", in_shape=(1, 8, 8), num_classes=2, steps=2).eval()
    x = torch.rand(3, 1, 8, 8)
    chosen = ChipCard.load("default").replace(
        attention_faults={**FAULTS["stuck"], **FAULTS["lines"], **FAULTS["corrupt"], "spare_rows": 1}
    )
    chip = memsim.to_crossbar(net, chosen, chips=2, calibration=x).program()
    expected = chip(x, image=range(3))
    assert list(chip.faults) == ["blocks.0.attention.core"]
    found = chip.faults["blocks.0.attention.core"].summary
    assert 0.3 < found["faulty after repair [1]"] < found["faulty [1]"] and found["replaced rows"] == 1.0
    assert torch.equal(copy.deepcopy(chip)(x, image=range(3)), expected)
    loaded = memsim.Chip.load(chip.save(tmp_path / "chip"), net, calibration=x)
    assert torch.equal(loaded(x, image=range(3)), expected)
    assert torch.equal(chip(x[1:2], image=[1])[:, 0], expected[:, 1])


@pytest.mark.parametrize(
    ("faults", "attention", "words"),
    [
        ({"corrupt_devices": True}, {"cell": "ecram-li"}, r"corrupt_devices has no effect: only .*reram-om"),
        ({"spare_rows": 2}, {}, r"attention_faults.spare_rows has no effect"),
        ({"stuck_on": 0.1}, {"cell": "ideal"}, r"attention_faults.stuck_on has no effect: its cell is ideal"),
        ({"stuck_on": 0.9, "stuck_off": 0.2}, {}, r"attention_faults: .*add up to 1.1"),
        ({"corrupt_devices": 0.1}, {}, r"attention_faults.corrupt_devices"),
    ],
)
def test_what_cannot_be_is_refused(faults, attention, words):
    with pytest.raises(CardError, match=words):
        ChipCard.load("default").replace(attention_faults=faults, attention=attention)


def test_another_cell_leaves_behind_what_it_has_not():
    chosen = ChipCard.load("default").replace(attention_faults={"corrupt_devices": True, "stuck_on": 0.1})
    other = chosen.replace(attention={"cell": "ecram-li"})
    assert other.attention_faults.stuck_on == 0.1 and not other.attention_faults.corrupt_devices


def test_engine_aihwkit_knows_corrupt_devices_alone():
    torch.manual_seed(0)
    leaf = models.STDPAttention(heads=1, head_dim=8)
    for faults in ({"stuck_on": 0.1}, {"dead_bit_lines": 0.1}, {"corrupt_devices": True, "spare_rows": 1}):
        run = Run(card=card(faults), chips=(0,), seed=0, ledger=None)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="engine aihwkit: attention_faults"):
            tile_attention("layer", leaf, run)
    chosen = card({"corrupt_devices": True})
    tile_attention("layer", leaf, Run(card=chosen, chips=(0,), seed=0, ledger=None))  # type: ignore[arg-type]
