"""Limits in which an effect must become nothing, or an exact law, for every kind of array and of coding.

Beside these: wires of zero ohm (tests/wires/test_nodal.py, test_wires.py), transposed matrices and whole
numbers in slices (test_coding.py), read voltage (test_circuit_noise.py, test_written_noise.py).
"""

import math
from typing import Any

import pytest
import torch

from memsim import ChipCard, devices
from memsim.arrays.reading.attention_read import AttentionRead
from memsim.devices.pulses.stuck import STUCK
from memsim.devices.weights.weight_cell import WeightCell
from tests.memsim.made import array, card
from tests.memsim.test_adc import CORE, NET, NUMBERS, READS, TOKENS, outputs
from tests.memsim.test_attention_array import make
from tests.memsim.test_coding import CODINGS
from tests.statistics import assert_mean, assert_std

DEFAULT = ChipCard.load("default")
ADCS = ("uniform", "sar", "ramp", "oscillator")
WRITTEN: dict[str, dict[str, Any]] = {
    "calibrated": {"cell": "reram-om"},
    "linear": {"cell": "reram-om", "coding": "linear"},
    "per-device": {"cell": "reram-om", "coding": "per-device"},
    "pairs": {"cell": "pcm-nandakumar2018"},
    "parallel": {"cell": "reram-om", "devices_per_synapse": 3},
}


@pytest.mark.parametrize("idle", ["off", "grounded"])
@pytest.mark.parametrize("key", [*CODINGS, "attention"])
def test_what_wires_take_falls_with_their_resistance_until_ohms_law_is_left(key, idle):
    """Errors of .02 ohm a segment are a tenth of those of .2 ohm, to 6 %: at 0 ohm Ohm's law is left."""
    name, net, x = ("attention", CORE, TOKENS) if key == "attention" else ("weights", NET, NUMBERS)
    table = {"wires": idle} | ({} if key == "attention" else {"coding": CODINGS[key]})

    def read(ohm: float) -> torch.Tensor:
        chosen = DEFAULT.replace(**{name: table, "wire_resistance [ohm]": ohm})
        return outputs(chosen.only("wires"), x, net, chips=1).double()

    ideal = read(0.0)
    small, large = ((read(ohm) - ideal) for ohm in (0.02, 0.2))
    assert float(large.norm()) > 1e-4 * float(ideal.norm())
    assert float((10 * small - large).norm()) < 0.06 * float(large.norm())


@pytest.mark.parametrize("kind", ADCS)
@pytest.mark.parametrize("read", list(READS))
def test_each_bit_of_an_adc_halves_its_error_until_none_is_left(read, kind):
    net, x = READS[read]
    free = outputs(DEFAULT.only(), x, net)

    def error(bits: int) -> float:
        table = {name: {"adc_bits": bits, "adc": {"kind": kind}} for name in ("weights", "attention")}
        return float((outputs(DEFAULT.replace(**table).only("adc"), x, net) - free).abs().mean())

    coarse, fine, finest = (error(bits) for bits in (6, 10, 14))
    assert coarse > 0.0
    assert fine / coarse == pytest.approx(2**-4, rel=0.2) and finest / fine == pytest.approx(2**-4, rel=0.2)


@pytest.mark.parametrize("key", CODINGS)
def test_many_bits_are_no_adc_in_any_coding(key):
    coded = DEFAULT.replace(weights={"coding": CODINGS[key]})
    free = outputs(coded.only(), NUMBERS, NET)
    coarse, fine = (
        float(
            (outputs(coded.replace(weights={"adc_bits": bits}).only("adc"), NUMBERS, NET) - free).abs().max()
        )
        for bits in (8, 16)
    )
    assert 0.0 < fine < coarse / 100


@pytest.mark.parametrize("sides", [1, 2])
def test_what_both_devices_of_a_pair_have_too_much_cancels(sides):
    """The same on every device: nothing in pairs, the sum of V's column times it where one device is read."""
    draw = torch.Generator().manual_seed(0)
    held = [torch.rand(1, 1, 2, 1, 7, 7, generator=draw) for _ in range(sides)]
    v = (torch.rand(1, 2, 1, 7, 5, generator=draw) < 0.5).float()
    gain, shift = torch.ones(1, 1, 7), torch.zeros(1, 1, 7)
    read = AttentionRead(
        floor=-9.0, rest=0.1 if sides == 1 else 0.0, scale=0.3, bits=0, full_scale_S=torch.ones(1),
        gain_SHN=gain, shift_SHN=shift,
    )  # fmt: skip
    moved = read([w + 0.25 for w in held], v).numbers - read(held, v).numbers
    wanted = 0.3 * 0.25 * v.sum(-2, keepdim=True) if sides == 1 else torch.zeros_like(moved)
    assert torch.allclose(moved, wanted.expand_as(moved), atol=1e-5)


@pytest.mark.parametrize("kind", ["stuck_on", "stuck_off", "stuck_random"])
@pytest.mark.parametrize("key", [*CODINGS, *WRITTEN])
def test_a_stuck_rate_of_one_percent_sticks_one_percent(key, kind):
    """Of every device that is read, reference columns included; a rate that is off by 15 % is found, by 35 %
    where each device's own counts are measured first.
    """
    if key in CODINGS:
        chosen = card(coding=CODINGS[key], tile_columns=100).replace(weight_faults={kind: 0.01})
        weights = array(torch.randn(500, 400, generator=torch.Generator().manual_seed(0)), chosen)
        levels = torch.cat([level.flatten() for level in weights._matrix.faults.levels])
    else:
        tokens = 60 if key == "per-device" else 120
        chosen = DEFAULT.replace(attention=WRITTEN[key], attention_faults={kind: 0.01}).without(
            "adc", "wires"
        )
        fabrics = make(chosen, chips=range(3)).written.devices(4, tokens).fabrics()
        levels = torch.cat([fabric[STUCK].flatten() for fabric in fabrics])
    stuck = (~levels.isnan()).double()
    assert_mean(stuck, 0.01, sigma=math.sqrt(0.01 * 0.99))
    off = 0.0035 if key == "per-device" else 0.0015
    for wrong in (0.01 - off, 0.01 + off):
        with pytest.raises(AssertionError):
            assert_mean(stuck, wrong, sigma=math.sqrt(0.01 * 0.99))


@pytest.mark.parametrize("name", ["pcm-joshi2020", "pcm-hermes2023-1", "reram-wan2022"])
@pytest.mark.parametrize("share", [1.0, 0.4, 0.2])
def test_a_lower_range_costs_products_what_the_fit_in_siemens_says(name, share):
    """Weights of the largest size are read with sd^2 = (s(g_max)^2 + (1/2 - 1/2 pi) s(0)^2) / g_max^2, s the
    fit that was measured over the whole range: the other device of a pair has no less than 0 S.
    """
    whole = devices.get(name)
    assert isinstance(whole, WeightCell)
    ends = torch.tensor([share * whole.g_max, 0.0], dtype=torch.float64)
    top, other = (float(s / ends[0]) for s in whole.programming(ends, whole.g_scale))
    said = math.sqrt(top**2 + (0.5 - 0.5 / math.pi) * other**2)
    chosen = card(cell=name, **{"g_max [S]": float(ends[0])}).only("programming")
    errors = array(torch.ones(200, 200), chosen).read(torch.eye(200)[None, None, None]) - 1.0
    assert_std(errors, said)
    with pytest.raises(AssertionError):
        assert_std(1.03 * errors, said)
