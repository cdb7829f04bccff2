"""Codings of weights: ideal cells make each the digital matrix; what it takes is counted; slips refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import memsim
from memsim import CardError, ChipCard
from memsim.arrays.coded_devices import planes
from memsim.arrays.one_sided import bits_of, by_sign
from memsim.arrays.ranges import Drives
from memsim.arrays.reading.line_read import LineRead
from memsim.card.exchange_report import LossyExchange
from memsim.coding.coding import Coding
from memsim.coding.lines import Lines
from memsim.coding.named import find, names
from memsim.coding.registry import KINDS, coding
from memsim.energy.area import areas, utilisation
from memsim.energy.work import Matrix
from memsim.run import Run
from tests.memsim.made import array, card, numbers

CODINGS: dict[str, Any] = {
    "pair": "pair",
    "offset": "offset",
    "single": "single",
    "slices": "slices",
    "uneven": {"kind": "slices", "slice_bits": [3, 1, 4]},
    "slices-offset": {"kind": "slices", "slice_bits": [2, 3], "sign": "offset"},
    "one-slice": {"kind": "slices", "slice_bits": [6]},
}
OTHERS = [key for key in CODINGS if key != "pair"]
DRAW = torch.Generator().manual_seed(5)
MATRIX = torch.randn(11, 7, generator=DRAW)
X = torch.rand(2, 3, 2, 6, 6, generator=DRAW) - 0.4


def ideal(**weights: Any) -> ChipCard:
    """A card of ideal cells: float64, converters off."""
    return ChipCard.load("default").replace(weights={"cell": "ideal", **weights}, attention={"cell": "ideal"})


def network() -> nn.Module:
    """Grouped and plain convolutions, a linear layer and a transposed convolution."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1, groups=2),
            nn.Conv2d(6, 4, 3),
            nn.ConvTranspose2d(4, 3, 2),
            nn.Flatten(),
            nn.Linear(75, 5),
        )
    return net.double().eval()


@pytest.mark.parametrize("key", CODINGS)
@pytest.mark.parametrize(
    "tiles",
    [
        {},
        {"tile_rows": 5, "tile_columns": 4, "devices_per_weight": 3},
        {"tile_rows": 7, "tile_columns": 6, "scaling": "layer"},
    ],
)
@torch.no_grad()
def test_ideal_cells_are_the_digital_network(key, tiles):
    net = network()
    chip = memsim.to_crossbar(net, ideal(coding=CODINGS[key], **tiles), chips=2, calibration=X[0]).program()
    for images in X:
        assert float((chip(images.double()) - net(images.double())).abs().max()) < 1e-10


@pytest.mark.parametrize("key", CODINGS)
def test_transposing_the_matrix_transposes_what_is_read(key):
    unit = torch.eye(11, dtype=torch.float64)[None, None, None]
    other = torch.eye(7, dtype=torch.float64)[None, None, None]
    chosen = ideal(coding=CODINGS[key], scaling="layer")
    there = array(MATRIX.double(), chosen).read(unit)[0, 0, 0]
    back = array(MATRIX.double().T, chosen).read(other)[0, 0, 0]
    assert torch.allclose(there, MATRIX.double(), atol=1e-12)
    assert torch.allclose(back, there.T, atol=1e-12)


@pytest.mark.parametrize(
    ("bits", "sign", "most"), [([2, 2, 2, 2], "pair", 255), ([3, 1], "pair", 15), ([1, 2, 3], "offset", 31)]
)
def test_slices_hold_whole_numbers_exactly(bits, sign, most):
    """Digits are whole, and shifted and added they are the number."""
    chosen = find({"kind": "slices", "slice_bits": bits, "sign": sign})
    whole = torch.arange(-most, most + 1, dtype=torch.float64).view(1, 1, -1)
    shares = chosen.shares(whole / most, True)
    tops = torch.tensor([2**b - 1 for b in bits]).view(-1, 1, 1, 1)
    digits = shares * tops
    assert torch.equal(digits, digits.round())
    assert (digits.abs() <= tops).all()
    places = torch.tensor([2 ** sum(bits[n + 1 :]) for n in range(len(bits))]).view(-1, 1, 1, 1)
    code = (digits * places).sum(0)
    assert torch.equal(code, whole if sign == "pair" else whole + most + 1)
    factors = torch.tensor(chosen.factors, dtype=torch.float64)
    back = torch.einsum("p,pgrc->grc", factors, shares - chosen.zero_shares(True).view(-1, 1, 1, 1))
    assert torch.allclose(back * most, whole, atol=1e-9)


@pytest.mark.parametrize("sign", ["pair", "offset"])
def test_slices_with_error_free_cells_multiply_whole_numbers_exactly(sign):
    """In float32, converters off: the products of a matrix of 5-bit numbers are whole again."""
    most = 31 if sign == "pair" else 15
    whole = torch.randint(-most, most + 1, (40, 6), generator=torch.Generator().manual_seed(0)).float()
    whole[0] = most
    spikes = (torch.rand(1, 1, 1, 8, 40, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    chosen = card(coding={"kind": "slices", "slice_bits": [2, 3], "sign": sign}, tile_rows=16)
    made = array(whole, chosen.only("weight-rounding"))
    read = made.read(spikes)
    assert float((read - read.round()).abs().max()) < 1e-3
    assert torch.equal(read.round(), spikes @ whole)


def test_rounding_is_an_effect_that_more_bits_make_small():
    spikes = torch.ones(1, 1, 1, 1, 11)
    off = []
    for bits in ([1], [2], [2, 2], [4, 4], [8, 8]):
        chosen = card(coding={"kind": "slices", "slice_bits": bits})
        free = array(MATRIX, chosen.only()).read(spikes)
        assert torch.allclose(free, spikes @ MATRIX, atol=1e-5)
        off.append(float((array(MATRIX, chosen.only("weight-rounding")).read(spikes) - free).abs().mean()))
    assert off == sorted(off, reverse=True)
    assert off[0] > 1
    assert off[-1] < 1e-3
    assert "weight-rounding" not in ChipCard.load("default").effects


@pytest.mark.parametrize("key", OTHERS)
@torch.no_grad()
def test_a_chip_alone_is_the_same_as_beside_others(key):
    net = network().float()
    chosen = ChipCard.load("default").replace(weights={"coding": CODINGS[key], "tile_rows": 8})
    all_chips = memsim.to_crossbar(net, chosen, chips=3, calibration=X[0]).program().advance_to(1e4)
    alone = memsim.to_crossbar(net, chosen, chips=(2,), calibration=X[0]).program().advance_to(1e4)
    together = all_chips(X[1], image=range(3))
    assert torch.equal(together[2:], alone(X[1], image=range(3)))
    assert torch.equal(together[:, 1:2], all_chips(X[1][1:2], image=[1]))
    assert together[0].std() > 0
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize("key", OTHERS)
@torch.no_grad()
def test_kernels_and_plain_torch_agree(key):
    """With and without gradients: the first goes through plain torch."""
    made = array(MATRIX, card(coding=CODINGS[key], tile_rows=4, tile_columns=5), chips=2)
    spikes = (torch.rand(1, 2, 3, 2, 11, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    at = made.run.begin(3).address("layer", 1)
    fast = made.read(spikes, at)
    with torch.enable_grad():
        plain = made.read(spikes.requires_grad_(), at)
    assert torch.allclose(fast, plain, atol=1e-4)


@pytest.mark.parametrize("key", CODINGS)
def test_gradients_are_those_of_the_digital_product(key):
    """Of the matrix, straight through its devices; of the drives, with the weights that devices hold."""
    made = array(MATRIX, card(coding=CODINGS[key], tile_rows=4).only())
    weights, spikes = MATRIX.clone()[None].requires_grad_(), torch.rand(1, 1, 1, 3, 11).requires_grad_()
    towards = torch.randn(1, 1, 1, 3, 7)
    read = made.read(spikes, blocks=weights)
    found = torch.autograd.grad((read * towards).sum(), (weights, spikes))
    wanted = torch.autograd.grad(((spikes @ weights) * towards).sum(), (weights, spikes))
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("key", OTHERS)
@torch.no_grad()
def test_saved_copied_and_loaded_chips_read_the_same(key, tmp_path):
    net = network().float()
    chosen = ChipCard.load("default").replace(weights={"coding": CODINGS[key]})
    chip = memsim.to_crossbar(net, chosen, chips=2, calibration=X[0]).program().advance_to(1e4)
    before = chip(X[1], image=range(3))
    loaded = memsim.Chip.load(chip.save(tmp_path / "chip.safetensors"), net, calibration=X[0])
    for other in (loaded, copy.deepcopy(chip)):
        assert torch.equal(other(X[1], image=range(3)), before)
    assert loaded.card == chip.card


SHAPE = {
    # for one read of 11 x 7, row tiles of 6 and tiles of 4 lines: devices, conversions, additions, shifts,
    # whether drives are summed, multiplications of what is taken off
    "pair": (2 * 77, 2 * 7, 7, 0, 0, 0),
    "offset": (77 + 3 * 11, 2 * (7 + 3), 7 + 3, 0, 0, 7),
    "single": (77, 2 * 7, 7, 0, 1, 7),
    "slices": (4 * 2 * 77, 2 * 28, 28, 21, 0, 0),
    "uneven": (3 * 2 * 77, 2 * 21, 21, 14, 0, 0),
    "slices-offset": (2 * 77, 2 * 14, 14, 7, 1, 7),
    "one-slice": (2 * 77, 2 * 7, 7, 0, 0, 0),
}
COLUMN_TILES = {
    "pair": 2,
    "offset": 3,
    "single": 2,
    "slices": 7,
    "uneven": 7,
    "slices-offset": 4,
    "one-slice": 2,
}


@pytest.mark.parametrize("key", CODINGS)
def test_everything_that_is_counted_follows_the_coding(key):
    devices, conversions, additions, shifts, sums, macs = SHAPE[key]
    chosen = ChipCard.load("default").replace(
        weights={"coding": CODINGS[key], "tile_rows": 6, "tile_columns": 4, "devices_per_weight": 2,
                 "reprogram_every [s]": 100.0}
    )  # fmt: skip
    made = array(MATRIX, chosen)
    spikes = torch.zeros(1, 1, 1, 3, 11)
    spikes[..., :2, :5] = 1  # three vectors, ten drives
    made.run.now = made.run.begin(1, calibrating=True)
    made.read(spikes)
    made.run.begin(1)
    made.run.ledger.open = True
    made.read(spikes)
    found = {event: number for (_, event), number in made.run.ledger.counts.items()}
    assert made.column_tiles == COLUMN_TILES[key]
    assert found["row-drive"] == 10 * made.column_tiles
    assert found["adc-8b"] == 3 * conversions
    assert found["digital-add"] == 3 * additions + 10 * sums
    assert found.get("digital-mac", 0) == 3 * macs
    assert found.get("shift-add", 0) == 3 * shifts
    held = made.conductance()
    references = made.reference_conductance()
    assert held[0].numel() + (0 if references is None else references.numel()) == 2 * devices
    siemens = held.double().sum((0, 1, 3)) + (0 if references is None else references.double().sum((0, 1, 3)))
    joule = made.run.ledger.joules["layer", "array-read"]
    assert joule == pytest.approx(2 * float(siemens[:5].sum()) * 0.2**2 * 10e-9, rel=1e-5)
    made.advance_to(250.0)
    upkeep = made.upkeep
    assert upkeep["writes"] == 2 * 2 * devices
    assert upkeep["reads"] == 3 * 11 * conversions / 2
    work = Matrix(name="layer", rows=11, columns=7, positions=3, passes=1, inputs=11, ones=10, drives=10)
    one = (
        areas([work], chosen)["weight cells"]
        / areas([work], chosen.replace(weights={"coding": "single"}))["weight cells"]
    )
    assert one == pytest.approx(devices / 77)
    whole = 2 * 6 * made.column_tiles * 4
    assert utilisation([work], chosen)["layer"] == pytest.approx(11 * conversions / 2 / whole)


def test_kappa_and_the_mapping_follow_the_coding():
    chosen = ChipCard.load("default").replace(weights={"coding": "slices"})
    made = array(MATRIX, chosen)
    assert made.kappa == pytest.approx(chosen.segment().resistance * 25e-6 * 28**2)
    chip = memsim.to_crossbar(network().float(), chosen, calibration=X[0])
    assert "18 x 3" not in chip.mapping[0].reason
    assert chip.mapping[0].reason == "2 blocks of 9 x 3 pairs in 4 slices of 2, 2, 2, 2 bits"


def test_estimate_counts_what_a_read_enters():
    from memsim.energy.estimate import Held, crossbar

    for key in CODINGS:
        chosen = ChipCard.load("default").replace(
            weights={"coding": CODINGS[key], "tile_rows": 6, "tile_columns": 4}
        )
        work = Matrix(name="layer", rows=11, columns=7, positions=3, passes=1, inputs=11, ones=10, drives=10)
        found = numbers(crossbar([work], chosen, Held(pulses=1.0, weight=1e-6, attention=1e-6)))
        _, conversions, additions, shifts, sums, macs = SHAPE[key]
        assert found["adc-8b"] == 3 * conversions
        assert found["digital-add"] == 3 * additions + 10 * sums
        assert found.get("shift-add", 0) == 3 * shifts
        assert found["digital-mac"] == 3 * (7 + macs)
        assert found["row-drive"] == 10 * COLUMN_TILES[key]


def test_currents_of_one_sign_use_all_codes_of_the_adc():
    """255 steps instead of 127; with drives of both signs, 127 again, chip by chip."""
    sort = Drives(
        False,
        None,
        torch.tensor([True, False, False]),
        torch.ones(3),
        torch.zeros(3).bool(),
        torch.ones(3, 1),
    )
    parts = list(by_sign([sort]))
    assert [one.chips for one in parts] == [(0,), (1, 2)]
    assert [bits_of(8, one, False) for one in parts] == [8, 9]
    assert [bits_of(8, one, True) for one in parts] == [8, 8]
    chosen = ChipCard.load("default").replace(weights={"coding": "single"}).only("adc")
    made = array(torch.rand(30, 4, generator=torch.Generator().manual_seed(2)), chosen)
    for low, steps in ((0.0, 255), (-1.0, 127)):
        x = torch.empty(1, 1, 1, 400, 30).uniform_(low, 1, generator=torch.Generator().manual_seed(3))
        made.program()
        made.run.begin(1, calibrating=True)
        made.read(x)
        made.run.begin(1)
        [(drives, read)] = made._prepare(0)
        assert drives is not None
        assert isinstance(read, LineRead)
        code = read.planes[0]((x / drives.peak_S).flatten(3), None, made.run.now.address("layer", 1)).numbers
        step = drives.full_scale_SK[0, 0] / steps * read.planes[0].gain_SC[0]
        assert float((code / step - (code / step).round()).abs().max()) < 2e-3


def test_a_coding_of_ones_own_is_one_class():
    @coding
    class Halves(Coding):
        kind = "halves"
        paired = True

        @property
        def factors(self):
            return (0.5, 0.5)

        def shares(self, unit_GRC, rounded):
            return torch.stack([unit_GRC, unit_GRC])

        def words(self, devices):
            return "pairs, twice"

    try:
        assert "halves" in names()
        made = array(MATRIX.double(), ideal(coding="halves"))
        x = torch.rand(1, 1, 1, 4, 11).double()
        assert torch.allclose(made.read(x), x @ MATRIX.double(), atol=1e-12)
        with pytest.raises(ValueError, match="'halves' is registered already"):

            @coding
            class Again(Coding):
                kind = "halves"
    finally:
        del KINDS["halves"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "pairs",
            r"weights.coding = 'pairs': kind = .pairs. is no coding .*; did you mean .pair.",
        ),
        ({"kind": "slices", "slice_bit": [2]}, "unknown key 'slice_bit'.*did you mean 'slice_bits'"),
        ({"kind": "slices", "slice_bits": [9]}, "slice_bits.0 = 9: .*less than or equal to 8"),
        ({"kind": "slices", "slice_bits": [8, 8, 1]}, "17 bits in all; 1 to 16 are allowed"),
        ({"kind": "slices", "slice_bits": [1], "sign": "offset"}, "1 bits in all; 2 to 16"),
        ({"kind": "slices", "slice_bits": "2"}, "a number is needed, not text"),
        ({"kind": "slices", "sign": "twos"}, "sign = 'twos': .*'pair' or 'offset'"),
        ({"kind": "pair", "slice_bits": [2]}, "unknown key 'slice_bits'"),
        ({"kind": "single", "zero_at": "top"}, "zero_at = 'top': .*'middle' or 'bottom'"),
        ({"slice_bits": [2]}, "kind = None is no coding"),
        (3, "kind = 3 is no coding"),
    ],
)
def test_slips_in_a_card_are_refused_by_name(given, words):
    with pytest.raises(CardError, match=words):
        ChipCard.load("default").replace(weights={"coding": given})


def test_what_does_not_go_together_is_refused_by_name():
    default = ChipCard.load("default")
    with pytest.raises(
        CardError, match=r"tile_columns = 1: a column of the coding offset takes 2 lines.* take that or more"
    ):
        default.replace(weights={"coding": "offset", "tile_columns": 1})
    with pytest.raises(CardError, match=r"'weight-rounding' is no effect"):
        default.without("weight-rounding")
    bottom = default.replace(weights={"coding": {"kind": "single", "zero_at": "bottom"}}).without(
        "adc", "dac"
    )
    with pytest.raises(
        ValueError, match=r"layer: weights.coding.zero_at = 'bottom' .* 7 of 7 columns have both"
    ):
        array(MATRIX, bottom)
    with pytest.raises(ValueError, match=r"engine aihwkit: weights.coding = slices .* take \"pair\""):
        from memsim.engines.aihwkit import TileWeights

        run = Run(card=default.replace(weights={"coding": "slices"}), chips=(0,), seed=0, ledger=None)  # type: ignore[arg-type]
        TileWeights("layer", torch.ones(2, 2), run)


def test_columns_of_one_sign_take_the_whole_range_of_single_devices():
    signs = torch.tensor([1.0, -1, 1, -1, 1, -1, 1])
    matrix = MATRIX.abs() * signs
    made = array(matrix, card(coding={"kind": "single", "zero_at": "bottom"}).only())
    spikes = torch.ones(1, 1, 1, 1, 11)
    assert torch.allclose(made.read(spikes), spikes @ matrix, atol=1e-5)
    held = made.conductance()[0, 0]
    assert float(held.min()) >= 0
    assert torch.allclose(held.max(0).values, torch.full((7,), 25e-6))


def test_a_card_says_its_coding_again():
    default = ChipCard.load("default")
    assert default.model_dump(mode="json")["weights"]["coding"] == "pair"
    for given in CODINGS.values():
        chosen = default.replace(weights={"coding": given})
        assert ChipCard.parse(chosen.model_dump(mode="json", by_alias=True)) == chosen
        assert ChipCard.model_validate_json(chosen.model_dump_json(by_alias=True)) == chosen


def test_aihwkits_configuration_is_told_to_know_pairs_alone():
    for weights, field in (({"coding": "offset"}, "coding"), ({"bias_rows": 2}, "bias_rows")):
        with pytest.warns(LossyExchange):
            _, report = ChipCard.load("default").replace(weights=weights).to_rpu_config()
        [line] = [one for one in report if one.field == f"weights.{field}"]
        assert line.verdict == "not expressible"


def test_a_matrix_of_zeros_reads_zero_in_every_coding():
    for given in CODINGS.values():
        made = array(torch.zeros(5, 3), card(coding=given).only())
        assert float(made.read(torch.ones(1, 1, 1, 1, 5)).abs().max()) < 1e-6


def test_references_stand_in_every_tile_of_columns():
    lines = Lines(find("offset"), 7, 3)
    assert lines.tile_of_column.tolist() == [0, 0, 0, 1, 1, 1, 2]
    cell = ChipCard.load("default").weight_cell
    parts = planes(lines, torch.zeros(1, 4, 7), cell, False, memsim.devices.stream(0, [0], "x"))
    assert [tuple(part.goal_GRC.shape) for part in parts] == [(1, 4, 7), (1, 4, 3)]
    assert torch.allclose(parts[1].goal_GRC, torch.tensor(12.5e-6))
