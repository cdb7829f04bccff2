"""Dot-product attention on arrays, in Hebbian and in score order: equations, names, chips, doors."""

import copy
import pickle

import pytest
import torch
from torch import Tensor

import memsim
from memsim import ChipCard, Ledger
from memsim.arrays.attention_input import by_array
from memsim.arrays.products.hebbian import HebbianAttention
from memsim.arrays.products.product_attention import ProductAttentionArray
from memsim.arrays.products.score import ScoreAttention
from memsim.crossbar import attention_array
from memsim.models.parts.relatives import DotAttention
from memsim.run import Run
from memsim.wires.crosspoints import seen_states

CHIPS, IMAGES, HEADS, TOKENS, WIDTH, STEPS = (0, 3), (4, 9), 2, 6, 5, 3
GAIN = torch.tensor([1.0, 0.5])
ORDERS = {"hebbian": {"order": "hebbian"}, "score": {"order": "score"},
          "unary": {"order": "score", "score_drive": "unary"}}  # fmt: skip
CELLS = {"two ways": {"cell": "reram-om"}, "pairs": {"cell": "pcm-nandakumar2018"}}


def spikes(rate: float, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    one = (torch.rand(STEPS, len(IMAGES), HEADS, TOKENS, WIDTH, generator=draw) < rate).float()
    return one.repeat(1, len(CHIPS), 1, 1, 1)


Q, K, V = (spikes(rate, seed) for seed, rate in enumerate((0.4, 0.5, 0.5)))


def made(card: ChipCard, chips: tuple[int, ...] = CHIPS, calibrated: bool = True) -> ProductAttentionArray:
    run = Run(card=card, chips=chips, seed=5, ledger=Ledger(card))
    array = attention_array("layer", DotAttention(gain=GAIN), run)
    assert isinstance(array, ProductAttentionArray)
    array.program()
    if calibrated:
        share = len(chips) / len(CHIPS)
        run.begin(len(IMAGES), IMAGES, calibrating=True)
        array(*(x[:, : round(share * x.shape[1])] for x in (Q, K, V)))
    return array


def card(order: str = "hebbian", **fields) -> ChipCard:
    return ChipCard.load("default").replace(attention={**CELLS["two ways"], **ORDERS[order], **fields})


def steady(order: str, **fields) -> ChipCard:
    """Devices that are all the mean one, read without error."""
    chosen = card(order, **fields)
    return chosen.without(*(effect for effect in chosen.effects if effect != "pulse-rounding"))


@torch.no_grad()
def read(array: ProductAttentionArray, q: Tensor = Q, k: Tensor = K, v: Tensor = V, images=IMAGES) -> Tensor:
    array.run.begin(len(images), images)
    return array(q, k, v)


def digital(dtype: torch.dtype = torch.float32) -> Tensor:
    return DotAttention(gain=GAIN.to(dtype))(Q.to(dtype), K.to(dtype), V.to(dtype))


@pytest.mark.parametrize("order", ORDERS)
def test_ideal_cells_give_the_digital_product(order):
    ideal = ChipCard.load("default").replace(
        weights={"cell": "ideal"}, attention={**ORDERS[order], "cell": "ideal"}
    )
    array = made(ideal)
    found = array(Q.double(), K.double(), V.double())
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, digital(torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("order", ["score", "unary"])
def test_binary_cells_without_errors_give_the_digital_product(order, cell):
    found = read(made(steady(order, **CELLS[cell])))
    torch.testing.assert_close(found, digital(), rtol=0, atol=2e-3)  # w_span is a mean over 2^16 devices


@pytest.mark.parametrize("cell", CELLS)
def test_hebbian_sums_follow_the_mean_response(cell):
    """out = gain factor sum_c r(each M_dc) q_c with the factor of least squares, all worked out here."""
    chosen = steady("hebbian", n_max=9, **CELLS[cell])
    array = made(chosen)
    sums = by_array(V, 2).transpose(-1, -2) @ by_array(K, 2)
    each = (9 / sums.amax((1, 2, 3, 4, 5))).floor().clamp(min=1)
    assert torch.equal(array.pulses, each.double()) and float(each[0]) >= 1
    response = chosen.attention_cell.response(9).double()[9:]
    risen = ((response - response[0]) / (response[-1] - response[0]))[(sums * each[0]).long().clamp(max=9)]
    factor = (sums * risen).sum() / (risen**2).sum()
    wanted = (factor * risen @ by_array(Q, 2).double().transpose(-1, -2)).transpose(-1, -2)
    found = by_array(read(array).contiguous(), 2) / GAIN[:, None, None, None, None]
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=0.02)
    bent = (sums * each[0] / 9).double()  # a linear device would be another one
    assert (risen - bent).abs().max() > 0.03


def test_sums_beyond_calibration_saturate_and_are_noted():
    array = made(steady("hebbian", n_max=5))
    ones = torch.ones_like(V)
    found = read(array, ones, ones, ones)
    most = TOKENS * WIDTH * GAIN[:, None, None]
    assert (found < most).all()  # every sum is TOKENS, beyond the largest of calibration
    assert int(array.pulses[0]) * TOKENS > 5
    noted = array.run.ledger.noted("cells pulsed beyond a full write")
    assert noted == pytest.approx(ones[..., 0].numel() / TOKENS * WIDTH * WIDTH)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("order", ORDERS)
def test_chips_and_images_alone_give_the_same_bits(order, cell):
    chosen = card(order, **CELLS[cell], wires="grounded")
    whole = read(made(chosen)).unflatten(1, (2, 2))
    alone = read(made(chosen, chips=CHIPS[:1]), *(x[:, :2] for x in (Q, K, V)))
    assert torch.equal(alone, whole[:, 0])
    array = made(chosen)
    second = read(array, *(x.unflatten(1, (2, 2))[:, :, 1] for x in (Q, K, V)), images=IMAGES[1:])
    assert torch.equal(second, whole[:, :, 1])
    assert not torch.equal(whole[:, 0], whole[:, 1])
    assert (whole.flatten(1, 2) - digital()).abs().max() < digital().abs().max()


@pytest.mark.parametrize("order", ORDERS)
def test_state_lies_in_buffers(order):
    array = made(card(order))
    wanted = read(array)
    for other in (copy.deepcopy(array), pickle.loads(pickle.dumps(array))):
        assert torch.equal(read(other), wanted)
    fresh = made(card(order), calibrated=False)
    fresh.load_state_dict(array.state_dict())
    assert torch.equal(read(fresh), wanted)
    with pytest.raises(RuntimeError, match="layer: the ADC range is not calibrated"):
        read(made(card(order), calibrated=False))


@pytest.mark.parametrize("order", ORDERS)
def test_gradients_are_those_of_the_digital_leaf(order):
    array, trains = made(card(order)), [x.clone().requires_grad_() for x in (Q, K, V)]
    array.run.begin(len(IMAGES), IMAGES)
    found = array(*trains)
    torch.testing.assert_close(found.detach(), read(array), rtol=0, atol=1e-5)
    wanted = torch.autograd.grad(array.leaf(*trains).square().sum() / 2, trains[0])[0].abs().sum()
    gradients = torch.autograd.grad((found * digital()).sum(), trains)
    assert float(gradients[0].abs().sum()) == pytest.approx(float(wanted), rel=1e-5)


def test_recorded_are_scores_and_sums():
    score, sums = made(steady("score")), made(steady("hebbian", n_max=40))
    score.recording = sums.recording = True
    read(score), read(sums)
    weights = by_array(score.leaf.weights(Q, K), 2).transpose(1, 2)
    assert torch.equal(score.recorded, weights)
    wanted = (by_array(V, 2).transpose(-1, -2) @ by_array(K, 2)).transpose(1, 2)
    assert sums.recorded.shape == wanted.shape
    assert torch.corrcoef(torch.stack([sums.recorded.flatten(), wanted.flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("wrong", [0.5 * Q, 3 * Q])
def test_what_are_no_spikes_is_refused(order, wrong):
    for place in range(3):
        trains = [Q, K, V]
        trains[place] = wrong
        with pytest.raises(ValueError, match=rf"layer: {'qkv'[place]} holds .* spikes are 0 or 1"):
            read(made(card(order)), *trains)
    with pytest.raises(ValueError, match=r"layer: q .* all three must be"):
        read(made(card(order)), Q[:, :2])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coding": "per-device"}, "attention.coding = 'per-device' with attention.order = 'ORDER'"),
        ({"row_gain": True}, "attention.row_gain = True .* pulses of both signs"),
        ({"verify_rounds": 1}, "attention.verify_rounds = 1 .* sums are not known"),
    ],
)
@pytest.mark.parametrize("order", ["hebbian", "score"])
def test_settings_of_stdp_writes_are_refused(order, fields, message):
    if order == "score" and "verify_rounds" in fields:
        assert read(made(card(order, **fields))).isfinite().all()
        return
    with pytest.raises(ValueError, match=message.replace("ORDER", order)):
        made(card(order, **fields))


def test_an_order_without_such_attention_is_refused():
    net = memsim.models.load("s2tdpt-digits")
    with pytest.raises(ValueError, match=r'attention.order = "hebbian": this network has no attention by'):
        memsim.to_crossbar(net, card("hebbian"), chips=1)
    dot = memsim.models.load("s2tdpt-digits-dot")
    with pytest.raises(ValueError, match=r'attention.order = "score": this network has no'):
        memsim.to_crossbar(dot, card("score").replace(digital=["blocks.*.attention.core"]), chips=1)
    bare = card("score").without("wires", "thermal-noise", "shot-noise")
    with pytest.raises(ValueError, match=r"engine aihwkit: attention.order = 'score'"):
        memsim.to_crossbar(dot, bare, chips=1, engine="aihwkit")


@pytest.mark.parametrize("order", ["hebbian", "score"])
def test_the_mapping_says_how_and_chips_are_saved(order, tmp_path):
    net, x = memsim.models.load("s2tdpt-digits-dot"), torch.rand(2, 1, 8, 8)
    chip = memsim.to_crossbar(net, card(order), chips=1).program()
    lines = {line.layer: line for line in chip.mapping}
    found = lines["blocks.0.attention.core"]
    assert found.place == "array" and found.reason.lower().startswith(order)
    assert not any(line.kind == "DotAttention" for line in chip.mapping)
    wanted = chip(x, image=[3, 4])
    assert chip.cycles["blocks.0.attention.core"] > 1 and chip.ledger.energy > 0
    again = memsim.Chip.load(chip.save(tmp_path / "chip.safetensors"), net)
    assert torch.equal(again(x, image=[3, 4]), wanted)
    kinds = {"hebbian": HebbianAttention, "score": ScoreAttention}
    assert isinstance(chip.attention_arrays["blocks.0.attention.core"], kinds[order])


def trains(*rows: list[int]) -> Tensor:
    """Spikes of one step, image and head: a row for each token."""
    return torch.tensor(rows, dtype=torch.float32).view(1, 1, 1, len(rows), -1)


BY_HAND = trains([1, 0], [1, 1], [0, 1]), trains([1, 1], [0, 0], [1, 0]), trains([1, 0], [1, 1], [1, 1])
"""Queries, keys and values of three tokens with two features."""

WANTED = {
    # sums [[k: 2, 1], [1, 0]] of d by c; scores of queries by keys [[1, 0, 1], [2, 0, 1], [1, 0, 0]]
    "hebbian": {
        "reset-reram": 4, "pulse-reram": 4, "row-drive": 4, "adc-8b": 3 * 2, "bus-bit": 18 + 8 * 6,
        "router-bit": 18,
    },
    "score": {
        # 3 x 2 cells twice; |k| = 3 and |v| = 5 spikes of 4 pulses; 3 reads of keys, 1 + 2 + 1 passes
        "reset-reram": 12, "pulse-reram": 4 * (3 + 5), "row-drive": 4 + (2 + 2 + 1),
        "adc-8b": 3 * 3 + 4 * 2, "digital-add": 4 * 2, "router-bit": 18,
        "bus-bit": 18 + 4 * 3 + 8 * (9 + 8),
    },
    "unary": {
        # the second query's scores 2 and 1: two passes, three drives
        "reset-reram": 12, "pulse-reram": 32, "row-drive": 4 + (2 + 3 + 1), "adc-8b": 17, "digital-add": 8,
        "router-bit": 18, "bus-bit": 18 + 12 + 136,
    },
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_events_and_energy_of_pulses_by_hand(order):
    chosen = steady(order, n_max=4, **{"pulse_voltage [V]": 1.5, "scheme": "passive"})
    run = Run(card=chosen, chips=(0,), seed=5, ledger=Ledger(chosen))
    array = attention_array("layer", DotAttention(gain=torch.ones(1)), run)
    array.program()
    run.begin(1, [0])
    run.ledger.images += 1
    with torch.no_grad():
        array(*BY_HAND)
    counted = {event: float(n) for (_, event), n in run.ledger.counts.items()}
    assert counted["pulse-reram"] == WANTED[order]["pulse-reram"]
    for event, number in WANTED[order].items():
        assert counted[event] == number, event
    siemens = (
        chosen.cell_siemens.rest + chosen.cell_siemens.unit * chosen.attention_cell.response(4)[4:].double()
    )
    if order == "hebbian":  # sums 2, 1, 1; tokens 0 and 2 with k 2 and 1, v 1 and 2 spikes
        met = 3 * siemens[0] + siemens[1]
        drives, half = (2 + 1) + (1 + 2), 2 * 6 - 2 * 4
        slots = 2
    else:  # tokens' own lines cross 2 cells, features' lines 3: keys 2 x 2 + 3 x 3, values 3 x 2 + 5 x 3
        met = 8 * siemens[:4].sum()
        drives, half = 4 * (2 + 3 + 3 + 5), 4 * (13 + 21) - 2 * 32
        slots = 4 * (2 + 3)
    volt, time = 1.5, chosen.pulse_drive.time
    joules = {event: float(j) for (_, event), j in run.ledger.joules.items()}
    assert joules["pulse-reram"] == pytest.approx(float(met) * volt**2 * time, rel=1e-9)
    assert counted["half-select"] == pytest.approx(half)
    assert counted["line-charge"] == pytest.approx(drives)
    section = chosen.attention
    reads = {"hebbian": 3 * section.cycle_time(2)}.get(
        order, 3 * section.cycle_time(3) + 4 * section.cycle_time(2)
    )
    resets = section.reset_time * (1 if order == "hebbian" else 2)
    assert run.ledger.latency == pytest.approx(slots * time + resets + reads, rel=1e-9)


def test_rectangular_arrays_read_alike_by_kernel_and_in_torch():
    """Wires, noise of reads, ADC curves and pairs on M x N arrays: the kernel against plain torch."""
    draw = torch.Generator().manual_seed(2)
    for cell, wires in (("reram-om", "grounded"), ("pcm-nandakumar2018", "idle-off")):
        section = {"order": "score", "cell": cell, "wires": wires, "adc": {"offset": 0.1, "inl": 0.3}}
        array = made(ChipCard.load("default").replace(attention=section)).arrays[0]
        array.run.begin(2, IMAGES)
        sides = len(array.design.sides)
        held = [torch.rand(2, HEADS, 2, STEPS, 7, 4, generator=draw) for _ in range(sides)]
        drives = (torch.rand(STEPS, 4, HEADS, 4, 9, generator=draw) < 0.5).float()
        array.full_scale.fill_(1.0)
        at = array.run.now.address("layer", STEPS)
        reader = array.reader(HEADS, 7, at, 4)
        fused = reader([w.clone() for w in held], drives)
        plain = reader.in_torch(list(reader._seen(held)[:sides]), drives)
        assert fused.numbers.shape == (STEPS, 4, HEADS, 7, 9)
        apart = (fused.numbers - plain.numbers).abs()
        assert float((apart > 1e-4).float().mean()) < 0.01  # a code more or less where sums round otherwise
        quiet = array.reader(HEADS, 7, None, 4)
        assert not torch.equal(quiet(held, drives).numbers, fused.numbers)


def test_wires_of_no_resistance_lose_nothing_and_long_ones_something():
    array = made(card("score", wires="grounded")).arrays[0]
    crossing = array.design.lines
    assert crossing is not None
    held = torch.rand(3, 7, 4)
    lossless = seen_states(held, held[:0], crossing._replace(r_word=0.0, r_bit=0.0))
    torch.testing.assert_close(lossless.plus, held, rtol=0, atol=1e-5)
    assert lossless.column.shape == (3, 4)
    near = seen_states(held, held[:0], crossing)
    far = seen_states(held.double(), held[:0].double(), crossing)
    torch.testing.assert_close(near.plus.double(), far.plus, rtol=0, atol=1e-4)
    long = seen_states(held, held[:0], crossing._replace(r_word=100.0, r_bit=100.0)).plus
    assert float((held - long).mean()) > 0.01


@pytest.mark.parametrize("order", ["hebbian", "score"])
def test_dead_lines_and_spares_of_rectangular_arrays(order):
    base = card(order).without("device-spread", "cycle-noise", "reset-noise")
    dead = base.replace(attention_faults={"dead_word_lines": 1.0})
    array = made(dead)
    read(array)
    found = array.defects
    assert found is not None and float(found.after_S.mean()) == 1.0
    few = made(base.replace(attention_faults={"stuck_off": 0.05, "spare_rows": 2, "spare_columns": 1}))
    read(few)
    assert few.defects is not None and (few.defects.after_S <= few.defects.before_S).all()
    cells = HEADS * WIDTH * (WIDTH if order == "hebbian" else 2 * TOKENS)
    assert few.defects.devices == cells * len(few.arrays[0].design.sides)
    assert few.wear.device_count == cells


def test_the_noise_of_score_reads_has_the_variance_of_its_law():
    """Reads of one write repeated: variance in standard errors, which tells 3 % from none."""
    array = made(card("score").without("adc")).arrays[0]
    array.run.begin(2, IMAGES)
    reads, rows, columns = 20000, 3, 2
    held = [torch.full((2, HEADS, 2, 1, rows, columns), 0.2)]
    drives = torch.ones(1, 4, HEADS, columns, reads)
    at = array.run.now.address("layer", 1)
    numbers = array.reader(HEADS, rows, at, columns)(held, drives).numbers.double()
    law = array.design.noise
    assert law is not None
    driven, always = law.lines([torch.full((rows, columns), 0.2, dtype=torch.float64)])
    wanted = (driven.sum(-1) + always[:, 0]) / array.design.table.w_span**2
    ratio = numbers.var(-1).mean((0, 1, 2)) / wanted
    error = (2 / (reads * 4 * HEADS)) ** 0.5
    assert ((ratio - 1).abs() < 5 * error).all() and 0.03 > 5 * error
