"""Arrays as modules: devices by row and column, state in buffers, calls and ranges by name, doors."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from memsim import ChipCard, Ledger, models
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.writing.written_devices import WrittenDevices
from memsim.devices import stream
from memsim.run import Address, Run
from memsim.written_attention import attention_layers

CHIPS, IMAGES, HEADS, TOKENS, WIDTH, STEPS = (0, 3), (4, 9), 2, 6, 8, 3
KINDS = {
    "plain": {"cell": "reram-om"},
    "pairs": {"cell": "pcm-nandakumar2018"},
    "measured": {"cell": "reram-om", "row_gain": True, "verify_rounds": 1, "devices_per_synapse": 2},
    "own counts": {"cell": "reram-om", "coding": "per-device"},
}


def spikes(rate: float, seed: int, tokens: int = TOKENS) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    one = (torch.rand(STEPS, len(IMAGES), HEADS, 8, WIDTH, generator=draw) < rate).float()
    return one[:, :, :, :tokens].repeat(1, len(CHIPS), 1, 1, 1)


Q, K, V = (spikes(rate, seed) for seed, rate in enumerate((0.2, 0.3, 0.2)))


def make(adc: bool = False, quiet: bool = False, **fields) -> AttentionArray:
    card = ChipCard.load("default").replace(attention=fields or KINDS["plain"])
    card = card.without("thermal-noise", "shot-noise") if quiet else card
    card = card if adc else card.without("adc")
    run = Run(card=card, chips=CHIPS, seed=5, ledger=Ledger(card))
    array = AttentionArray("layer", models.STDPAttention(heads=HEADS, head_dim=WIDTH), run)
    array.program()
    if adc:
        calibrate(array, (Q, K, V))
    return array


def calibrate(array: AttentionArray, *calls: tuple[Tensor, Tensor, Tensor]) -> None:
    array.run.begin(len(IMAGES), IMAGES, calibrating=True)
    for call in calls:
        array(*call)


@torch.no_grad()
def read(array: AttentionArray, q: Tensor = Q, k: Tensor = K, v: Tensor = V) -> Tensor:
    array.run.begin(len(IMAGES), IMAGES)
    return array(q, k, v)


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_tokens_use_the_corner_of_the_same_devices(kind):
    design = make(**KINDS[kind]).design
    small, large = (WrittenDevices(design, 5, CHIPS, HEADS, n) for n in (6, 8))
    for one, other in zip(small.fabrics(), large.fabrics(), strict=True):
        for name, value in one.values.items():
            assert torch.equal(value, other[name][..., :6, :6]), name
    assert len(large.fabrics()[0].values["max_bound"].unique()) > 2 * HEADS * 60  # each device its own


def test_rows_number_a_matrix_by_row_and_column_and_its_leading_axes():
    rng = stream(1, range(2), "x")
    drawn = rng.by_row().child("y").normal((2, 3, 300))
    assert torch.equal(drawn, rng.child("y").normal((300,), image=range(2), step=range(3)))
    assert torch.equal(rng.by_row().normal((5,)), rng.normal((5,)))


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_that_come_in_turn_change_nothing_of_each_other(kind):
    array, alone = make(adc=True, **KINDS[kind]), make(adc=True, **KINDS[kind])
    longer = [spikes(rate, seed, 8) for seed, rate in enumerate((0.2, 0.3, 0.2))]
    expected = read(alone)
    first = read(array, *longer)
    assert torch.equal(read(array), expected)
    assert torch.equal(read(array, *longer), first)
    assert array.written.largest == (HEADS, 8)


def copies(array: AttentionArray, adc: bool, fields: dict) -> dict[str, AttentionArray]:
    loaded = make(**fields).train(False) if not adc else AttentionArray("layer", array.leaf, array.run)
    loaded.load_state_dict(array.state_dict())
    return {"deepcopy": copy.deepcopy(array), "pickle": pickle.loads(pickle.dumps(array)), "state": loaded}


@pytest.mark.parametrize("adc", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_a_programmed_and_used_array_gives_the_same_bits(kind, adc):
    array = make(adc=adc, **KINDS[kind])
    expected = read(array)
    for how, other in copies(array, adc, KINDS[kind]).items():
        assert torch.equal(read(other), expected), how
        assert torch.equal(other.written.full_scale, array.written.full_scale)
        assert other.measured == array.measured
    assert torch.equal(read(array), expected)


def test_a_copy_measures_and_draws_nothing_again():
    array = make(**KINDS["measured"])
    read(array)
    with torch.no_grad():
        array.written.devices(HEADS, TOKENS).gain.mul_(2.0)
    assert not torch.equal(read(array), read(make(**KINDS["measured"])))
    for how, other in copies(array, False, KINDS["measured"]).items():
        assert torch.equal(read(other), read(array)), how


def test_two_calls_in_a_pass_share_devices_and_no_noise():
    array, quiet = make(), make()
    with torch.no_grad():
        array.run.begin(len(IMAGES), IMAGES)
        first, second = array(Q, K, V), array(Q, K, V)
    assert torch.equal(first, read(array)) and not torch.equal(first, second)
    card = ChipCard.load("default").only("device-spread").replace(attention=KINDS["plain"])
    quiet = AttentionArray("layer", quiet.leaf, Run(card=card, chips=CHIPS, seed=5, ledger=Ledger(card)))
    with torch.no_grad():
        quiet.run.begin(len(IMAGES), IMAGES)
        assert torch.equal(quiet(Q, K, V), quiet(Q, K, V))


def test_a_call_beyond_what_random_numbers_can_name_is_refused():
    array = make()
    array.run.begin(len(IMAGES), IMAGES)
    counts = array.by_array(Q.sum(-1))
    with pytest.raises(ValueError, match="at most 65536 calls"):
        array.write(counts, counts, Address(np.array(IMAGES), range(STEPS), call=65536))


def test_the_range_is_the_largest_over_all_calls_of_calibration():
    weak, strong = (Q, K, V * (spikes(0.1, 7) > 0)), (Q, K, torch.ones_like(V))
    scales = []
    for calls in ((strong,), (strong, weak), (weak, strong), (weak,)):
        array = make(adc=True)
        array.program()
        calibrate(array, *calls)
        scales.append(array.written.full_scale)
    assert bool((scales[3] < scales[0]).all())
    assert torch.equal(scales[1], scales[0])
    assert bool((scales[2] >= 0.5 * scales[0]).all() and (scales[2] > scales[3]).all())


def test_an_array_without_a_range_is_refused_and_nothing_is_counted():
    array = make(adc=True)
    array.program()
    array.run.begin(len(IMAGES), IMAGES)
    with pytest.raises(RuntimeError, match="not calibrated"):
        array(Q, K, V)
    assert not array.run.ledger.lines() and not array.run.now.calls and not array.written.sizes


@pytest.mark.parametrize("adc", [False, True])
def test_gradients_go_straight_through_the_write_and_the_converters(adc):
    """The range frozen: those of the digital leaf in q and k, of the written weights in v."""
    array = make(adc=adc)
    inputs = [x.clone().requires_grad_() for x in (Q, K, V)]
    digital = [x.clone().requires_grad_() for x in (Q, K, V)]
    scale = array.written.full_scale.clone()
    array.recording = True
    array.run.begin(len(IMAGES), IMAGES)
    out = array(*inputs)
    out.sum().backward()
    array.leaf(*digital).sum().backward()
    assert torch.equal(array.written.full_scale, scale)
    if not adc:
        for own, other in zip(inputs[:2], digital[:2], strict=True):
            assert torch.allclose(own.grad, other.grad, atol=1e-5)
        weight = array.recorded.permute(3, 0, 1, 2, 4, 5).flatten(1, 2)  # (T, S B, H, N, N)
        sums = weight.sum(-2).unsqueeze(-1).expand_as(V)
        assert torch.allclose(inputs[2].grad, sums, atol=1e-5)
    assert all(float(x.grad.abs().sum()) > 0 for x in inputs)
    assert torch.allclose(out.detach(), read(array), atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        (Q[:, :3], K[:, :3], V[:, :3]),
        (Q, K, V[..., :5]),
        (Q, K[:, :, :, :4], V),
        (Q[0], K[0], V[0]),
        (Q.transpose(0, 1), K.transpose(0, 1), V.transpose(0, 1)),
        (Q[..., :4], K[..., :4], V[..., :4]),
    ],
)
def test_another_layout_is_refused_by_name(wrong):
    array = make()
    with pytest.raises(
        ValueError, match=r"layer: q .* must be \(steps, 2 chips x 2 images, heads, tokens, 8"
    ):
        read(array, *wrong)
    assert not array.run.now.calls and not array.written.sizes


@pytest.mark.parametrize("wrong", [0.5 * Q, 3 * Q, -Q])
def test_what_are_no_spikes_is_refused(wrong):
    with pytest.raises(ValueError, match=r"layer: q holds .* spikes are 0 or 1"):
        read(make(), wrong)


def test_a_read_refuses_states_and_lines_that_do_not_go_together():
    array = make()
    reader, states = array.written.reader(HEADS, TOKENS), torch.zeros(2, HEADS, 2, STEPS, TOKENS, TOKENS)
    for held, v in (([states], V[:, :2]), ([states[..., :4]], V), ([states, states[:1]], V)):
        with pytest.raises(ValueError, match="arrays are N x N"):
            reader(held, v)
    with pytest.raises(ValueError, match="gains"):
        array.written.reader(HEADS, 8)([states], V)


class Swin(nn.Module):
    """A module whose window is something else."""

    def __init__(self) -> None:
        super().__init__()
        self.window = 7


def test_only_a_leaf_that_keeps_the_contract_is_attention():
    net = nn.ModuleDict({"swin": Swin(), "core": models.STDPAttention(heads=2, head_dim=4)})
    assert [name for name, _ in attention_layers(net)] == ["core"]


def test_a_window_that_does_not_fit_the_head_is_refused():
    leaf = models.STDPAttention(heads=2, head_dim=8)
    leaf.window = type("Short", (), {"A": 0.4, "offset": 0.5, "matrix": lambda *_: torch.zeros(5, 5)})()
    card = ChipCard.load("default")
    with pytest.raises(ValueError, match=r"core: window.matrix gives weights \(5, 5\); for head_dim = 8"):
        AttentionArray("core", leaf, Run(card=card, chips=(0,), seed=0, ledger=Ledger(card)))


def test_recorded_weights_have_chips_and_images_first():
    array = make(quiet=True)
    assert array.recorded is None
    array.recording = True
    out = read(array)
    assert array.recorded.shape == (2, 2, HEADS, STEPS, TOKENS, TOKENS)
    values = V.unflatten(1, (2, 2)).permute(1, 2, 3, 0, 4, 5)
    again = (array.recorded @ values).permute(3, 0, 1, 2, 4, 5).flatten(1, 2)
    assert torch.allclose(out, again, atol=1e-4)
