"""What drives rows with numbers: voltages, lengths, passes of bits, passes of spikes; what each costs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import memsim
from memsim import CardError, ChipCard
from memsim.converters.kinds import DAC
from memsim.devices.numerics.operation import plain
from tests.statistics import assert_std

DEFAULT = ChipCard.load("default")
KINDS = ("amplitude", "pulse-width", "bit-serial", "unary")
COUNTED = KINDS[1:]
with torch.random.fork_rng():
    torch.manual_seed(0)
    NET = nn.Linear(40, 12, bias=False)
    WHOLE = torch.randint(0, 6, (30, 40)).float()
    SIGNED = torch.randint(-6, 7, (30, 40)).float()
    REAL = torch.randn(30, 40)
    SPIKES = (torch.rand(30, 40) < 0.3).float()


def by(kind: str, cell: str = "ideal", **weights) -> ChipCard:
    """Weights on a cell, attention on real ones, so that converters are there; no effect but the DAC."""
    card = DEFAULT.replace(weights={"cell": cell, "dac": {"kind": kind}} | weights)
    return card.only("dac")


def made(card: ChipCard, x: torch.Tensor, net: nn.Module = NET, chips=1) -> memsim.Chip:
    return memsim.to_crossbar(net, card, chips=chips, seed=2, calibration=x).program()


def run(card: ChipCard, x: torch.Tensor, net: nn.Module = NET, chips=1) -> torch.Tensor:
    with torch.no_grad():
        return made(card, x, net, chips)(x)


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("x", [WHOLE, SIGNED], ids=["0 to 5", "-6 to 6"])
def test_whole_numbers_are_exact_with_ideal_cells(kind, x):
    for rows in (256, 16):
        y = run(by(kind, tile_rows=rows), x)[0]
        assert (y - x @ NET.weight.T).abs().max() < 1e-6 * y.abs().max()


@pytest.mark.parametrize("kind", ["bit-serial", "unary"])
def test_an_adc_of_many_bits_takes_nothing_from_whole_numbers(kind):
    """Weights of -1 and 1 have whole sums in every pass: those that the ADC resolves come out exact."""
    net = nn.Linear(40, 12, bias=False)
    net.weight.data = torch.where(NET.weight > 0, 1.0, -1.0)
    card = DEFAULT.replace(weights={"cell": "ideal", "adc_bits": 16, "dac": {"kind": kind}}).only(
        "dac", "adc"
    )
    y = run(card, WHOLE, net)[0]
    assert (y - WHOLE @ net.weight.T).abs().max() < 5e-3


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_rounded_to_the_bits_of_the_card(kind):
    """Largest error of an input: half a step of 2^(bits - 1) - 1."""
    bits = 5
    net = nn.Linear(40, 40, bias=False)
    net.weight.data = torch.eye(40)
    y = run(by(kind, dac_bits=bits), REAL, net)[0]
    step = REAL.abs().max() / 15
    assert (y - REAL).abs().max() <= step / 2 * 1.001
    assert torch.allclose(y / step, (y / step).round(), atol=1e-4)


def test_passes_are_those_of_the_largest_number():
    assert [DAC.get("bit-serial").passes(k) for k in (1, 2, 3, 4, 7, 8, 255)] == [1, 2, 2, 3, 3, 4, 8]
    assert [DAC.get("unary").passes(k) for k in (1, 2, 7)] == [1, 2, 7]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "steps"),
    [(WHOLE, 5), (REAL, 127), (REAL.abs(), 255), (SPIKES, 1)],
    ids=["5", "127", "255", "spikes"],
)
def test_events_latency_and_energy_are_those_of_the_drives(kind, x, steps):
    """Counted by hand for two row tiles: drives, conversions, additions, time, V^2 G t."""
    chip = made(by(kind, tile_rows=20), x)
    with torch.no_grad():
        chip(x)
    section, images = chip.card.weights, len(x)
    spikes = steps == 1
    passes = {"bit-serial": steps.bit_length(), "unary": steps}.get(kind, 1)
    read = steps * 1e-9 if kind == "pulse-width" and not spikes else section.read_time
    ledger, name = chip.ledger, next(iter(chip.weight_arrays))
    assert ledger.number("adc-8b") == 12 * 2 * passes
    shifted = 12 * 2 * (passes - 1) if kind == "bit-serial" else 0
    assert ledger.number("shift-add", name) == shifted
    assert ledger.number("digital-add", name) == 12 * (2 * passes - 1) - shifted
    assert ledger.number("dac-conversion") == (40 if kind in KINDS[:2] and not spikes else 0)
    assert ledger.latency == pytest.approx(passes * (read + section.conversion_time))
    codes = (x / x.abs().max() * steps).round()
    planes = list(DAC.get(kind).planes(codes, passes)) if passes > 1 else [(1.0, codes)]
    driven = sum(float((plane != 0).sum()) for _, plane in planes)
    assert ledger.number("row-drive") == pytest.approx(driven / images)
    (array,) = chip.weight_arrays.values()
    siemens = array.row_siemens_SR[0]
    if kind == "pulse-width" and not spikes:
        met = (codes.abs().double() / steps @ siemens).sum()
    else:
        scale = steps if passes == 1 else 1
        met = sum(((plane / scale).double() ** 2 @ siemens).sum() for _, plane in planes)
    assert ledger.breakdown()["array reads"] == pytest.approx(float(met) * 0.2**2 * read / images, rel=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_pulses_of_a_convolution_dissipate_by_their_length(stride):
    """A linear layer that holds the unrolled convolution meets the same conductance for as long."""
    net = nn.Conv2d(2, 3, 3, padding=1, stride=stride, bias=False)
    x = torch.rand(5, 2, 6, 6)
    patches = nn.functional.unfold(x, 3, padding=1, stride=stride)  # (B, R, P)
    flat = nn.Linear(18, 3, bias=False)
    flat.weight.data = net.weight.data.flatten(1)
    rows = patches.transpose(1, 2).flatten(0, 1)
    a, b = made(by("pulse-width"), x, net), made(by("pulse-width"), rows, flat)
    with torch.no_grad():
        a(x), b(rows)
    positions = patches.shape[-1]
    assert a.ledger.breakdown()["array reads"] == pytest.approx(
        positions * b.ledger.breakdown()["array reads"], rel=1e-5
    )


@pytest.mark.parametrize("kind", ["bit-serial", "unary"])
def test_each_pass_has_noise_of_its_own(kind):
    """Output noise sigma of a conversion: sqrt(sum w_n^2) sigma after the passes are added."""
    zero = torch.zeros(400, 40)
    x = torch.cat([zero, torch.full((1, 40), 7.0)])
    card = DEFAULT.replace(weights={"output_noise": 0.1, "dac": {"kind": kind}}).only("dac", "output-noise")
    y = run(card, x)[0][:-1].double()
    weights = [1, 2, 4] if kind == "bit-serial" else [1] * 7
    sigma = 0.1 * NET.weight.abs().amax(1).double() * sum(w * w for w in weights) ** 0.5
    assert_std((y / sigma).detach(), 1.0)


@pytest.mark.parametrize("kind", COUNTED)
def test_a_chip_alone_or_beside_others_and_an_image_alone_or_in_a_batch(kind):
    card = DEFAULT.replace(weights={"dac": {"kind": kind}, "adc": {"offset": 0.02}})
    chip = made(card, WHOLE, chips=[3, 5])
    with torch.no_grad():
        both = chip(WHOLE)
        assert torch.equal(run(card, WHOLE, chips=[5])[0], both[1])
        assert torch.equal(chip(WHOLE[7:9], image=[7, 8]), both[:, 7:9])
        assert torch.equal(copy.deepcopy(chip)(WHOLE, image=range(30)), both)
        with plain():
            slow = chip(WHOLE, image=range(30))
    assert ((slow - both).abs() > 1e-3 * both.abs().max()).float().mean() < 5e-3


@pytest.mark.parametrize("kind", COUNTED)
def test_save_and_load(kind, tmp_path):
    chip = made(by(kind, "pcm-joshi2020"), WHOLE, chips=2)
    chip.save(tmp_path / "chip")
    with torch.no_grad():
        assert torch.equal(memsim.Chip.load(tmp_path / "chip", NET)(WHOLE), chip(WHOLE))


def test_ranges_hold_for_what_was_seen_and_clip_the_rest():
    chip = made(by("bit-serial"), WHOLE)
    with torch.no_grad():
        y = chip(WHOLE + 5)[0]
    assert torch.allclose(y, (WHOLE + 5).clamp(max=5) @ NET.weight.T, atol=1e-5)
    assert chip.ledger.noted("clipped inputs") == pytest.approx(float((WHOLE > 0).sum()) / len(WHOLE))
    with pytest.raises(RuntimeError, match="whole ones alone"):
        chip(WHOLE + 0.5)


def test_spikes_take_one_pulse_whatever_drives_numbers():
    outputs = [run(DEFAULT.replace(weights={"dac": {"kind": kind}}), SPIKES) for kind in KINDS]
    assert all(torch.equal(one, outputs[0]) for one in outputs)


def test_chips_that_see_other_numbers_have_passes_of_their_own():
    """The second layer's inputs are whole and differ by chip: each is billed for its own largest number."""

    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(40, 30, bias=False), nn.Linear(30, 4, bias=False)

        def forward(self, x):
            return self.last((40 * self.first(x)).round().clamp(min=0))

    torch.manual_seed(1)
    net = Counts()
    card = DEFAULT.replace(weights={"dac": {"kind": "unary"}}).only("dac", "programming")
    chip = made(card, SPIKES, net, chips=6)
    with torch.no_grad():
        chip(SPIKES)
    (drives,) = chip.weight_arrays["last"].ranges.of(0)
    levels = drives.levels(chip.card.design.dac)
    assert len(set(levels)) > 1
    assert chip.ledger.number("adc-8b", "last") == pytest.approx(4 * sum(levels) / 6)
    shares = chip.ledger.shares["last", "adc-8b"]
    assert torch.allclose(shares, 4 * len(SPIKES) * torch.tensor(levels).double())


@pytest.mark.parametrize("kind", COUNTED)
def test_gradients_are_those_of_an_exact_product(kind):
    chip = made(by(kind), WHOLE)
    (array,) = chip.weight_arrays.values()
    x = WHOLE.clone().requires_grad_()
    blocks = NET.weight.detach().T[None].clone().requires_grad_()
    at = memsim.run.Address(torch.arange(30).numpy(), range(1))
    y = array.read(x.view(1, 1, 30, 40), at, blocks=blocks)
    y.sum().backward()
    assert torch.allclose(x.grad, NET.weight.sum(0).expand(30, 40), atol=1e-4)
    assert torch.allclose(blocks.grad[0], WHOLE.sum(0)[:, None].expand(40, 12), rtol=1e-4)


def test_what_cannot_be_is_refused_by_name():
    refusals = {
        "did you mean 'bit-serial'": {"dac": {"kind": "bitserial"}},
        "did you mean 'pulse-width'": {"dac": {"kind": "pulse_width"}},
        "unit_pulse.*no effect": {"dac": {"unit_pulse [s]": 2e-9}},
        "unary.*255|unary.*65535": {"dac_bits": 16, "dac": {"kind": "unary"}},
    }
    for words, table in refusals.items():
        with pytest.raises(CardError, match=words):
            DEFAULT.replace(weights=table)
    price = {"dac-conversion": {"energy [J]": 1e-12, "source": "a paper of ours"}}
    with pytest.raises(CardError, match=r"dac-conversion has no effect.*row drives alone"):
        DEFAULT.replace(prices=price, weights={"dac": {"kind": "unary"}})
