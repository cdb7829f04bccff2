"""An attention array: pulse tables, lasting devices, pairs; judged array by array by aihwkit's own tiles."""

import pytest
import torch

from memsim import ChipCard, Ledger, models
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.card.fields import ARRAY_EFFECTS
from memsim.engines.aihwkit import tile_attention
from memsim.run import Address, Run
from tests.statistics import assert_same_mean, assert_same_std

HEADS, TOKENS, HEAD_DIM, STEPS = 4, 40, 16, 16  # 4 x 16 x 40 x 40: 1e5 cells
PRESETS = ("reram-om", "reram-es", "ecram-li", "pcm-nandakumar2020", "pcm-nandakumar2018")
JUDGED = PRESETS[:4]  # aihwkit has no tile for the last


def card(cell: str, **fields) -> ChipCard:
    return ChipCard.load("default").replace(attention={"cell": cell, **fields}).without("adc")


def quiet(chosen: ChipCard) -> ChipCard:
    """The card with reads that add nothing."""
    fresh = {"thermal-noise", "shot-noise", "read-noise"}
    return chosen.without(*fresh & {*ARRAY_EFFECTS, *chosen.attention_cell.effects})


def make(chosen: ChipCard, build=AttentionArray, images=(0,), chips=(0,)) -> AttentionArray:
    run = Run(card=chosen, chips=tuple(chips), seed=5, ledger=Ledger(chosen))
    run.begin(len(images), images)
    return build("layer", models.STDPAttention(heads=HEADS, head_dim=HEAD_DIM), run)


def spikes(p: float, seed: int, images: int = 1, chips: int = 1) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    one = (torch.rand(STEPS, images, HEADS, TOKENS, HEAD_DIM, generator=draw) < p).float()
    return one.repeat(1, chips, 1, 1, 1)


Q, K, V = spikes(0.15, 0), spikes(0.3, 1), spikes(0.2, 2)


def held(array: AttentionArray, q: torch.Tensor = Q, k: torch.Tensor = K) -> torch.Tensor:
    """Weights A - offset that a write of these spikes leaves, (S, H, B, T, N, N)."""
    with torch.no_grad():
        counts = (array.by_array(s.sum(-1)) for s in (q, k))
        return array.write(*counts, Address(array.run.images, range(len(q))))[0]


def asked(array: AttentionArray) -> torch.Tensor:
    """Weights A - offset that Q and K ask for."""
    q, k = (array.by_array(s.sum(-1)).long() for s in (Q, K))
    return array.design.wanted[q[..., :, None], k[..., None, :]].float()


@pytest.mark.parametrize("cell", JUDGED)
def test_written_attention_follows_aihwkits_tiles_and_a_three_percent_wrong_device_does_not(cell):
    """Same devices, same windows, same pulses; means within max(5 standard errors, 0.2 % of range), spreads
    within 5 standard errors + 1 %."""
    ours, other = held(make(card(cell))), held(make(card(cell), tile_attention))
    wide = float(other.quantile(0.999) - other.quantile(0.001))
    assert ours.numel() >= 1e5
    assert_same_mean(ours, other, floor=0.002 * wide)
    assert_same_std(ours, other, rel=0.01)
    wrong = 1.03 * ours
    with pytest.raises(AssertionError):
        assert_same_mean(wrong, other, floor=0.002 * wide)
        assert_same_std(wrong, other, rel=0.01)


@pytest.mark.parametrize("cell", PRESETS)
def test_the_mean_written_weight_is_the_wanted_one(cell):
    """Calibrated coding: over devices and noise, each window's weight is met to half a pulse's worth.

    Device spread is on, so the mean over one array scatters; it is taken by pairs of counts with many
    cells."""
    array = make(card(cell))
    got = held(array)
    wanted = asked(array)
    for value in wanted.unique():
        here = got[wanted == value]
        if len(here) > 3000:
            error = float(here.std()) / 400**0.5  # cells of one array share 6,400 devices
            assert abs(float(here.mean() - value)) < 5 * error + 0.02 * array.design.amplitude


@pytest.mark.parametrize("cell", PRESETS)
def test_reading_is_the_transposed_product_plus_the_digital_offset(cell):
    array = make(quiet(card(cell)))
    array.recording = True
    with torch.no_grad():
        out = array(Q, K, V)
    weight = array.recorded[0].permute(2, 0, 1, 3, 4)  # (T, B, H, N, N)
    assert torch.allclose(out, weight @ V, atol=1e-4)


def test_devices_persist_over_images_and_only_their_noise_is_new():
    chosen = card("reram-om")
    still = make(chosen.without("cycle-noise", "write-noise", "reset-noise"), images=(3, 9))
    lively = make(chosen, images=(3, 9))
    q, k = spikes(0.15, 0, images=1).repeat(1, 2, 1, 1, 1), spikes(0.3, 1, images=1).repeat(1, 2, 1, 1, 1)
    for array, same in ((still, True), (lively, False)):
        both = held(array, q, k)
        assert torch.equal(both[:, :, 0], both[:, :, 1]) == same


def test_every_chip_layer_and_head_has_devices_of_its_own():
    array = make(card("reram-om").only("device-spread"), chips=(0, 1))
    q, k = spikes(0.15, 0, chips=2), spikes(0.3, 1, chips=2)
    got = held(array, q, k)
    assert not torch.equal(got[0], got[1])
    bounds = array.written.devices(HEADS, TOKENS).fabrics()[0]["max_bound"]
    assert len({float(b) for b in bounds[..., 0, 0].flatten()}) == 2 * HEADS


@pytest.mark.parametrize("cell", PRESETS)
def test_without_any_effect_the_wanted_weight_is_written(cell):
    array = make(card(cell).only())
    got = held(array)
    wanted = asked(array)
    assert (got - wanted).abs().max() < 0.03 * array.design.amplitude


def test_linear_coding_counts_as_the_window_says():
    chosen = card("reram-om", coding="linear", n_max=8)
    wanted = torch.tensor([[-0.45, 0.45 * torch.tensor(-1.0).exp()], [0.45, -0.2]], dtype=torch.float64)
    assert PulseTable(wanted, 0.45, chosen).counts.tolist() == [[-8, 3], [8, -4]]


def test_calibrated_coding_takes_the_count_with_the_nearest_mean():
    chosen = card("reram-om", n_max=12)
    wanted = torch.linspace(-0.45, 0.45, 25, dtype=torch.float64).view(5, 5)
    table = PulseTable(wanted, 0.45, chosen)
    response = chosen.attention_cell.response(12).double()
    goal = wanted * table.w_span / 0.45 + table.w_rest
    nearest = (response[:, None] - goal.flatten()).abs().argmin(0) - 12
    assert table.counts.flatten().tolist() == nearest.tolist()


def test_silence_is_the_busiest_write_unless_it_is_no_pulse():
    quiet = torch.zeros(1, 1, HEADS, TOKENS, HEAD_DIM)
    pulses = {}
    for silent in ("pulse", "no-pulse"):
        chosen = card("reram-om")
        run = Run(card=chosen, chips=(0,), seed=0, ledger=Ledger(chosen))
        run.begin(1)
        leaf = models.STDPAttention(heads=HEADS, head_dim=HEAD_DIM, silent=silent)
        AttentionArray("layer", leaf, run)(quiet, quiet, quiet)
        run.ledger.images = 1
        pulses[silent] = run.ledger.number("pulse")
    table = make(card("reram-om")).design.table.counts
    assert pulses == {"pulse": -float(table[0, 0]) * HEADS * TOKENS**2, "no-pulse": 0.0}


def test_a_pair_pays_for_two_resets():
    numbers = {}
    for cell in ("reram-om", "pcm-nandakumar2018"):
        array = make(card(cell))
        with torch.no_grad():
            array(Q, K, V)
        array.run.ledger.images = 1
        numbers[cell] = array.run.ledger.number("reset") / (HEADS * STEPS * TOKENS**2)
    assert numbers == {"reram-om": 1.0, "pcm-nandakumar2018": 2.0}
