"""ADCs with errors: laws of each kind, calibration, sharing, and what they do to the reads of arrays."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import memsim
from memsim import CardError, ChipCard, devices, models
from memsim.converters.adc import Adc
from memsim.converters.adc_kind import AdcErrors
from memsim.converters.curve import Row, converted
from memsim.converters.kinds import ADC
from tests.statistics import assert_mean, assert_std

DEFAULT = ChipCard.load("default")
EFFECTS = {
    "adc-offset": {"offset": 0.1},
    "adc-gain": {"gain": 0.1},
    "adc-inl": {"inl": 0.1},
    "adc-mismatch": {"kind": "sar", "capacitor_mismatch": 0.1},
}
ZERO = {"offset": 0.0, "gain": 0.0, "inl": 0.0, "capacitor_mismatch": 0.0}
with torch.random.fork_rng():
    torch.manual_seed(0)
    NET = nn.Linear(48, 40, bias=False)
    NUMBERS, SPIKES = torch.randn(60, 48), (torch.rand(60, 48) < 0.3).float()


def rng(*chips: int) -> devices.Stream:
    return devices.stream(7, list(chips or range(4)), "layer")


def adc(kind: str = "uniform", bits: int = 8, **how) -> Adc:
    errors = {key: how.pop(key) for key in list(how) if key in AdcErrors.__dataclass_fields__}
    return Adc(kind=kind, bits=bits, errors=AdcErrors(**errors), **how)


def with_adc(card: ChipCard = DEFAULT, bits: int = 8, **table) -> ChipCard:
    return card.replace(weights={"adc_bits": bits, "adc": table}, attention={"adc_bits": bits, "adc": table})


def outputs(card: ChipCard, x=NUMBERS, net: nn.Module = NET, chips=2) -> torch.Tensor:
    with torch.no_grad():
        return memsim.to_crossbar(net, card, chips=chips, seed=3, calibration=x).program()(x)


class Core(nn.Module):
    """Attention alone: numbers above three bounds are its spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.core = models.STDPAttention(heads=2, head_dim=6)

    def forward(self, x):
        q, k, v = ((x > bound).float().view(1, len(x), 2, 5, 6) for bound in (0.3, 0.0, -0.2))
        return self.core(q, k, v).flatten(2).sum(0)


CORE, TOKENS = Core().eval(), torch.randn(12, 60, generator=torch.Generator().manual_seed(5))
READS = {"numbers": (NET, NUMBERS), "spikes": (NET, SPIKES), "attention": (CORE, TOKENS)}


@pytest.mark.parametrize("middle", [False, True])
def test_levels_of_a_sar_err_as_the_closed_form_says(middle):
    """sd of level c = sigma sqrt(c (2^b - c) / 2^b) steps, its mean 0; 3 % more is refused."""
    bits, sigma = 8, 0.01
    curve = adc("sar", bits, mismatch=sigma).fabricate(rng(*range(160)), 1, 256)
    capacitors = curve[..., Row.CAPACITORS :, :].double()
    code = 2 ** (bits - 1) if middle else 0b01011010
    taken = torch.tensor([float(bit) for bit in f"{code:0{bits}b}"], dtype=torch.float64).view(-1, 1)
    inl = (capacitors * taken).sum(-2) - code
    expected = sigma * (code * (2**bits - code) / 2**bits) ** 0.5
    assert_mean(inl, 0.0)
    assert_std(inl, expected)
    with pytest.raises(AssertionError):
        assert_std(inl, 1.03 * expected)


def test_the_step_of_a_sar_at_its_largest_capacitor_spreads_as_dnl_says():
    """level(2^(b-1)) - level(2^(b-1) - 1) - 1 has sd sigma sqrt(2^b - 1) steps, to first order."""
    bits, sigma = 6, 0.01
    curve = adc("sar", bits, mismatch=sigma).fabricate(rng(*range(60)), 1, 256)
    capacitors = curve[..., Row.CAPACITORS :, :].double()
    dnl = capacitors[..., 0, :] - capacitors[..., 1:, :].sum(-2) - 1
    assert_std(dnl, sigma * (2**bits - 1) ** 0.5)


def test_a_sar_switches_where_its_levels_are():
    """Codes of a slow ramp of currents change at the levels that the capacitors add up to."""
    bits = 5
    curve = adc("sar", bits, mismatch=0.05).fabricate(rng(0), 1, 3)[0, 0]
    x = torch.linspace(-15, 15, 60_001, dtype=torch.float64).view(-1, 1)
    codes, _ = converted(x, curve.double(), 15, rounds=True)
    capacitors = curve[Row.CAPACITORS :].double()
    for code in (-6, 0, 9):
        bit = torch.tensor([float(b) for b in f"{code + 16:0{bits}b}"]).double().view(-1, 1)
        level = (capacitors * bit).sum(0) - 16 - 0.5
        reached = [float(x[codes[:, c] >= code].min()) for c in range(3)]
        assert torch.allclose(torch.tensor(reached).double(), level, atol=2e-3)


@pytest.mark.parametrize("kind", ["uniform", "ramp", "sar", "oscillator"])
def test_offset_and_gain_have_the_stated_spread(kind):
    curve = adc(kind, offset=0.02, gain=0.03).fabricate(rng(*range(400)), 8, 16)
    offset, slope = curve[..., Row.OFFSET, :], curve[..., Row.SLOPE, :]
    slope = slope[..., 0] if kind == "ramp" else slope
    for found, mean, spread in ((offset, 0.0, 0.02 * 127), (slope, 1.0, 0.03)):
        assert_mean(found, mean)
        assert_std(found, spread)
    with pytest.raises(AssertionError):
        assert_std(offset, 1.03 * 0.02 * 127)


def test_a_ramp_has_one_slope_for_a_tile_and_an_offset_for_each_column():
    curve = adc("ramp", offset=0.1, gain=0.1, inl=0.1).fabricate(rng(), 2, 10, width=5)
    for row in (Row.SLOPE, Row.BOW, Row.SKEW):
        values = curve[..., row, :].unflatten(-1, (2, 5))
        assert torch.equal(values, values[..., :1].expand_as(values))
        assert len(values[..., 0].unique()) == values[..., 0].numel()
    assert len(curve[..., Row.OFFSET, :].unique()) == 4 * 2 * 10


def test_columns_that_share_an_adc_have_its_errors():
    curve = adc(offset=0.1, shared=3).fabricate(rng(), 1, 16, width=8)[:, 0, Row.OFFSET]
    groups = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5]
    for one in curve:
        assert len(one.unique()) == 6
        assert all((one[a] == one[b]) == (x == y) for a, x in enumerate(groups) for b, y in enumerate(groups))


def test_an_oscillator_counts_whole_periods_and_saturates():
    curve = adc("oscillator").fabricate(rng(0), 1, 1)[0, 0]
    codes, _ = converted(torch.tensor([-2.9, -0.9, 0.9, 2.9, 126.99]).view(-1, 1), curve, 127, rounds=True)
    assert codes.flatten().tolist() == [-2, 0, 0, 2, 126]
    bent = adc("oscillator", curvature=0.5).fabricate(rng(0), 1, 1)[0, 0]
    x = torch.tensor([-127.0, 0.127, 63.5, 127.0]).view(-1, 1)
    y, _ = converted(x, bent, 127, rounds=False)
    expected = x * 1.5 / (1 + 0.5 * (x / 127).abs())
    assert torch.allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["uniform", "ramp", "sar", "oscillator"])
@pytest.mark.parametrize("bits", [6, 10])
def test_calibration_leaves_half_a_step(kind, bits):
    """With two points the codes at both are right to half a step (a period), offset and gain both gone."""
    levels, m = 2 ** (bits - 1) - 1, round(0.75 * (2 ** (bits - 1) - 1))
    made = {
        how: adc(kind, bits, offset=0.1, gain=0.1, calibration=how) for how in ("none", "offset", "two-point")
    }
    curves = {how: one.fabricate(rng(*range(8)), 1, 64) for how, one in made.items()}

    def error(how: str, x: float) -> torch.Tensor:
        """What is left without rounding the reading itself."""
        curve = curves[how].double()
        y, _ = converted(torch.full_like(curve[..., 0, :], x), curve, levels, rounds=False)
        return (y - x).abs()

    lost = 1.0 if kind == "oscillator" else 0.5
    assert error("none", 0.0).max() > 3 * lost
    assert error("offset", 0.0).max() <= lost + 1e-3
    fits = curves["two-point"][..., Row.OFFSET, :].abs() + m * curves["two-point"][..., Row.SLOPE, :] < levels
    for x in (-m, m):
        left = error("two-point", x) / curves["two-point"][..., Row.SCALE, :]  # in steps of the ADC itself
        assert left[fits].max() <= lost + 1e-3
        assert left[fits].max() < error("none", x)[fits].max() / 2
    assert torch.equal(curves["none"][..., Row.OFFSET, :], curves["two-point"][..., Row.OFFSET, :])


def test_a_curve_that_is_nearly_ideal_is_not_moved_by_its_calibration():
    curve = adc(gain=1e-5, calibration="two-point").fabricate(rng(), 1, 8)
    assert (curve[..., Row.ZERO, :] == 0).all() and (curve[..., Row.SCALE, :] == 1).all()


@pytest.mark.parametrize("read", list(READS))
@pytest.mark.parametrize("effect", list(EFFECTS))
def test_zero_and_off_are_bit_equal_to_no_error(effect, read):
    net, x = READS[read]
    plain = outputs(DEFAULT, x, net)
    kind = {"kind": EFFECTS[effect].get("kind", "uniform")}
    assert torch.equal(outputs(with_adc(**kind, **ZERO), x, net), plain)
    off = with_adc(**EFFECTS[effect]).without(effect)
    assert torch.equal(outputs(off, x, net), plain)
    assert not torch.equal(outputs(with_adc(**EFFECTS[effect]), x, net), plain)


@pytest.mark.parametrize("read", list(READS))
@pytest.mark.parametrize("effect", list(EFFECTS))
@pytest.mark.parametrize("rounding", [False, True])
def test_from_zero_to_absurd_an_error_alone_moves_outputs_further(effect, read, rounding):
    net, x = READS[read]
    (name,) = (key for key in EFFECTS[effect] if key != "kind")
    exact, last = outputs(DEFAULT.only(), x, net), -1.0
    for size in (1e-3, 1e-2, 0.1, 1.0):
        card = with_adc(**(EFFECTS[effect] | {name: size})).only(effect, *(["adc"] if rounding else []))
        moved = float((outputs(card, x, net) - exact).abs().mean())
        assert moved > last or (rounding and size < 0.1)
        last = moved


@pytest.mark.parametrize("read", list(READS))
def test_many_bits_are_no_adc(read):
    net, x = READS[read]
    ideal = outputs(DEFAULT.only(), x, net)
    coarse, fine = ((outputs(with_adc(bits=b).only("adc"), x, net) - ideal).abs().max() for b in (8, 16))
    assert fine < 1e-3 * ideal.abs().max() and fine < coarse / 50
    sar = outputs(with_adc(bits=14, kind="sar", capacitor_mismatch=1e-6).only("adc", "adc-mismatch"), x, net)
    assert (sar - ideal).abs().max() < 2e-3 * ideal.abs().max()


@pytest.mark.parametrize("read", list(READS))
def test_the_adcs_of_a_chip_are_its_own_and_come_back(read, tmp_path):
    net, x = READS[read]
    card = with_adc(kind="sar", capacitor_mismatch=0.05, offset=0.05, gain=0.05, inl=0.02, columns_per_adc=3)
    three = outputs(card, x, net, chips=[4, 9, 1])
    assert torch.equal(outputs(card, x, net, chips=[9]), three[1:2])
    chip = memsim.to_crossbar(net, card, chips=[4, 9, 1], seed=3, calibration=x).program()
    chip.save(tmp_path / "chip")
    with torch.no_grad():
        first = copy.deepcopy(chip)(x)
        assert torch.equal(first, three)
        assert torch.equal(pickle.loads(pickle.dumps(chip))(x), three)
        assert torch.equal(memsim.Chip.load(tmp_path / "chip", net)(x), three)


def test_a_layer_of_groups_and_tiles_has_an_adc_for_each_column_and_tile():
    net = nn.Conv2d(4, 6, 3, groups=2, bias=False)
    card = DEFAULT.replace(weights={"tile_rows": 7, "tile_columns": 2, "adc": {"offset": 0.1}})
    chip = memsim.to_crossbar(net, card, chips=2, calibration=torch.rand(3, 4, 5, 5)).program()
    (array,) = chip.weight_arrays.values()
    curve = array.curves()
    assert curve.shape[:2] == (2 * 2, array.tiles) and curve.shape[-1] == 3
    offsets = curve[:, :, Row.OFFSET]
    assert len(offsets.unique()) == offsets.numel()


@pytest.mark.parametrize("kind", list(EFFECTS))
def test_gradients_pass_through_real_adcs(kind):
    net = nn.Linear(12, 5)
    card = with_adc(**EFFECTS[kind])
    x = torch.rand(6, 12)
    chip = memsim.to_crossbar(net, card, chips=2, calibration=x).program()
    (array,) = chip.weight_arrays.values()
    y = x.clone().requires_grad_()
    array.read(y.expand(1, 2, 6, 12), memsim.run.Address(torch.arange(6).numpy(), range(1))).sum().backward()
    assert y.grad is not None and y.grad.abs().sum() > 0


def test_what_cannot_be_is_refused_by_name():
    refusals = {
        "did you mean 'sar'": {"kind": "SAR"},
        "did you mean 'oscillator'": {"kind": "oscilator"},
        "capacitor_mismatch has no effect.*kinds that have: sar": {"capacitor_mismatch": 0.1},
        "curvature has no effect.*oscillator": {"kind": "sar", "curvature": 0.1},
        "calibration has no effect": {"calibration": "offset"},
        "calibration.*'none', 'offset' or 'two-point'": {"calibration": "two-points"},
        "needs a source": {"energy [J]": 1e-12},
        "columns_per_adc.*greater than or equal to 1|columns_per_adc.*1": {"columns_per_adc": 0},
        "did you mean 'columns_per_adc'": {"columns_per_acd": 4},
        "offset": {"offset": -0.1},
    }
    for words, table in refusals.items():
        with pytest.raises(CardError, match=words):
            DEFAULT.replace(weights={"adc": table})
    with pytest.raises(CardError, match="adc-offset"):
        DEFAULT.without("adc-offset")
    with pytest.raises(CardError, match=r"set weights\.adc"):
        with_adc(offset=0.1).replace(strengths={"adc-offset": 2.0})
    assert with_adc(kind="sar", capacitor_mismatch=0.1).replace(weights={"adc": {"kind": "ramp"}})


def test_another_package_registers_a_kind():
    with pytest.raises(ValueError, match="registered already"):
        ADC.register("sar")(type(ADC.get("sar")))
