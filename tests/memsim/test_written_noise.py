"""Fresh noise of reads of attention arrays, of verifying reads and of verified resets, by their equations."""

import math
from itertools import pairwise

import pytest
import torch

from memsim import ChipCard
from memsim.devices.numerics.operation import plain
from tests.memsim.test_attention_array import K, Q, V, asked, card, held, make
from tests.statistics import assert_mean, assert_std

BOLTZMANN, CHARGE, VOLT, TIME, AMPLIFIER = 1.380649e-23, 1.602176634e-19, 0.2, 10e-9, 2e-11
THERMAL, SHOT = 2 * BOLTZMANN * 300.0 / TIME, CHARGE * VOLT / TIME  # [A^2/S]
LOUD = {"amplifier_noise [A/Hz^.5]": AMPLIFIER}
EFFECTS = ("thermal-noise", "shot-noise", "amplifier-noise")


def read(chosen: ChipCard, v: torch.Tensor = V, chips=(0,), images=(0,)) -> torch.Tensor:
    """Numbers (S, H, B, T, N, D)."""
    many = len(images)
    array = make(chosen, chips=chips, images=images)
    with torch.no_grad():
        out = array(*(x.repeat(1, many * len(chips), 1, 1, 1) for x in (Q, K, v)))
    return array.by_array(out)


def noise(chosen: ChipCard, *effects: str, v: torch.Tensor = V) -> torch.Tensor:
    """What these effects alone add to the numbers."""
    return read(chosen.only(*effects), v) - read(chosen.only(), v)


def spread(chosen: ChipCard, driven=THERMAL + SHOT, idle=0.0, amplifier=0.0, devices=1) -> torch.Tensor:
    """Standard deviation of the numbers: of the current, over current for a weight of one."""
    array = make(chosen.only())
    design, sides = array.design, []
    rest, unit, reference = design.conductance
    reader = design.reader(*(torch.ones(1, array.leaf.heads, 1),) * 2)
    with torch.no_grad():
        weight = held(array)  # A - offset of cells that moved as the mean cell, or of a pair's difference
    if design.cell.one_sided:
        counts = (array.by_array(s.sum(-1)) for s in (Q, K))
        states = make(chosen.only()).written.write(*counts, _at(array), array.costs)
        sides = [rest + unit * w.clamp(min=reader.floor) for w in states]
    else:
        sides = [rest + unit * (weight / reader.scale + reader.rest)]
    values = array.by_array(V)
    siemens = sum(g + reference for g in sides) * devices
    k = reader.scale / (VOLT * unit * devices)
    variance = driven * (siemens @ values) + idle * siemens.sum(-1, keepdim=True) + amplifier
    return k * variance.sqrt()


def _at(array):
    from memsim.run import Address

    return Address(array.run.images, range(len(Q)))


@pytest.mark.parametrize("cell", ["reram-om", "ecram-li", "reram-wu2018", "pcm-nandakumar2020"])
def test_devices_that_carry_current_are_noisy(cell):
    """Plastic devices and their references, both sides of a pair."""
    chosen = card(cell)
    share = noise(chosen, "thermal-noise", "shot-noise") / spread(chosen)
    share = share[share.isfinite()]
    assert_mean(share, 0.0)
    assert_std(share, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * share, 1.0)


def test_parts_add_up_and_devices_in_parallel_average():
    chosen = card("reram-om", devices_per_synapse=3, **LOUD)
    wanted = spread(chosen, amplifier=AMPLIFIER**2 / (2 * TIME), devices=3)
    share = noise(chosen, *EFFECTS) / wanted
    assert_std(share, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * share, 1.0)


@pytest.mark.parametrize("cell", ["reram-om", "pcm-nandakumar2020"])
def test_in_passive_arrays_all_devices_of_a_word_line_are_noisy(cell):
    chosen = card(cell, scheme="passive")
    share = noise(chosen, "thermal-noise", "shot-noise") / spread(chosen, driven=SHOT, idle=THERMAL)
    assert_std(share, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * share, 1.0)


def test_a_cell_with_a_read_noise_has_it_new_in_every_read():
    """pcm-nandakumar2018: .03 G + .13 uS, G near its lowest everywhere where every effect is off but this."""
    chosen = card("pcm-nandakumar2018")
    one = V[..., :1].expand(V.shape).contiguous()  # the same spikes in every feature
    found = noise(chosen, "read-noise", v=one)
    array = make(chosen.only())
    counts = (array.by_array(s.sum(-1)) for s in (Q, K))
    states = array.written.write(*counts, _at(array), array.costs)
    scale = array.design.reader(*(torch.ones(1, array.leaf.heads, 1),) * 2).scale
    variance = sum((0.03 * w + 0.13e-6).square() for w in states) @ array.by_array(one)
    share = found / (scale * variance.sqrt())
    share = share[share.isfinite()].view(-1, V.shape[-1])
    assert_std(share, 1.0)
    with pytest.raises(AssertionError):
        assert_std(1.03 * share, 1.0)
    assert_mean(share[:, 0] * share[:, 1], 0.0)  # reads of one column differ


def test_half_the_voltage_doubles_thermal_noise_over_signal():
    usual = card("reram-om")
    half = usual.replace(attention={"read_voltage [V]": VOLT / 2})
    for effect, factor in (("thermal-noise", 2.0), ("shot-noise", math.sqrt(2))):
        one, two = noise(usual, effect), noise(half, effect)
        assert torch.allclose(two, factor * one, rtol=1e-3, atol=1e-4)


def test_off_is_zero_and_more_is_worse_to_the_absurd():
    usual = card("reram-om")
    cold = usual.replace(**{"temperature [K]": 1e-30})
    assert torch.equal(read(cold.only("thermal-noise")), read(usual.only()))
    for effect in ("thermal-noise", "shot-noise"):
        errors = [
            float(noise(usual.replace(attention={"read_time [s]": t}), effect).std())
            for t in (1e-6, 1e-8, 1e-10, 2e-12)
        ]
        assert all(a < b for a, b in pairwise(errors))


def test_kernels_torch_and_gradients_agree():
    for cell in ("reram-om", "pcm-nandakumar2018"):
        for scheme in ("1T1R", "passive"):
            chosen = card(cell, scheme=scheme, **LOUD)
            fast = read(chosen)
            with plain():
                assert torch.allclose(read(chosen), fast, rtol=1e-4, atol=1e-4)
            array = make(chosen)
            out = array(Q, K, V.clone().requires_grad_())
            assert torch.allclose(array.by_array(out), fast, rtol=1e-4, atol=1e-4)


def test_a_chip_and_an_image_have_their_noise_wherever_they_stand():
    chosen = card("reram-om")
    whole = read(chosen, chips=(0, 1, 2), images=(4, 7))
    assert torch.equal(read(chosen, chips=(1,), images=(4, 7)), whole[1:2])
    assert torch.equal(read(chosen, chips=(0, 1, 2), images=(7,)), whole[:, :, 1:])
    assert not torch.equal(whole[:, :, :1], whole[:, :, 1:])


def test_verifying_reads_are_noisy():
    """Corrections after a read of 10 ps follow its noise; without noise they follow the states."""

    def error(effects=("cycle-noise",), **fields) -> float:
        array = make(card("ecram-li", verify_rounds=1, **fields).only(*effects))
        return float((held(array) - asked(array)).square().mean())

    exact = error()
    assert error(("cycle-noise", "thermal-noise")) > exact
    errors = [error(("cycle-noise", "thermal-noise"), **{"read_time [s]": t}) for t in (1e-6, 1e-8, 1e-10)]
    assert all(a < b for a, b in pairwise(errors))


def test_verified_resets_see_through_the_noise_of_their_read():
    """ecram-li: spread .01 of a reset; a read of 40 uS, device and reference, errs by .00635 at 10 ns."""
    read_error = math.sqrt((THERMAL + SHOT) * 40e-6) / (VOLT * 10e-6)
    assert read_error == pytest.approx(0.00635, abs=1e-5)
    usual = card("ecram-li", reset="verified")
    noise = (read_error / 0.01) ** 2
    bound = 0.5 / math.sqrt(1 + noise)
    assert usual.reset_tries == pytest.approx(1 / math.erf(bound / math.sqrt(2)), rel=1e-6)
    assert usual.without("thermal-noise", "shot-noise").reset_tries == pytest.approx(2.6115, abs=1e-4)
    slow = usual.replace(attention={"read_time [s]": 1e-4})
    assert slow.reset_tries == pytest.approx(2.6115, abs=1e-3)
