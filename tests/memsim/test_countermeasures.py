"""Counter-measures of an attention array: each lowers the error it is meant for, and is paid for."""

import pytest
import torch

import memsim
from memsim import CardError, models
from memsim.devices.pulses.resets import slowest
from memsim.engines.aihwkit import tile_attention
from tests.memsim.test_attention_array import HEADS, STEPS, TOKENS, K, Q, V, asked, card, held, make

CELLS = HEADS * STEPS * TOKENS**2


def error(cell: str = "reram-om", only: tuple[str, ...] = (), **fields) -> float:
    """Standard deviation of A_ij from the wanted weight, in units of A."""
    chosen = card(cell, **fields)
    array = make(chosen.only(*only) if only else chosen)
    error = held(array) - asked(array)
    return float(error.pow(2).mean().sqrt()) / array.design.amplitude


def spent(**fields) -> dict[str, float]:
    chosen = card("reram-om", **fields)
    array = make(chosen)
    with torch.no_grad():
        array(Q, K, V)
    ledger = array.run.ledger
    ledger.images = 1
    numbers = {e: ledger.number(e) for e in ("reset", "pulse", "adc", "row-drive", "digital-mac")}
    return (
        numbers | {"reads": ledger.joules["layer", "array-read"], "latency": ledger.latency} | array.measured
    )


def test_each_measure_lowers_the_error_it_is_meant_for():
    without = error()
    assert without == pytest.approx(0.44, abs=0.05)  # a first sketch found the same
    assert error(devices_per_synapse=4) == pytest.approx(without / 2, rel=0.15)
    assert error(devices_per_synapse=4, sharing="counter") == pytest.approx(without / 2, rel=0.2)
    assert error(verify_rounds=1) < 0.85 * without
    assert error(verify_rounds=3) < error(verify_rounds=1)
    spread = error(only=("device-spread",))
    assert error(only=("device-spread",), coding="per-device") < 0.6 * spread


def test_a_pair_is_verified_and_doubled_alike():
    without = error("pcm-nandakumar2018")
    assert error("pcm-nandakumar2018", devices_per_synapse=4) == pytest.approx(without / 2, rel=0.15)
    assert error("pcm-nandakumar2018", verify_rounds=2) < 0.9 * without


def test_a_verified_reset_helps_where_resets_err_and_one_by_pulses_errs_more():
    noisy = error("ecram-li", only=("reset-noise",))
    assert error("ecram-li", only=("reset-noise",), reset="verified") < 0.4 * noisy
    assert error(reset="pulses") > error()


def test_gain_of_each_word_line_takes_away_what_a_line_shares():
    """Sums over all keys, device spread alone: a line's mean error is gone, what differs in it is not."""
    out = {}
    for row_gain in (False, True):
        array = make(card("reram-om", row_gain=row_gain).only("device-spread"))
        with torch.no_grad():
            exact = (array.leaf.weights(Q, K)).float() @ torch.ones_like(V)
            out[row_gain] = float((array(Q, K, torch.ones_like(V)) - exact).std())
    assert out[True] < 0.6 * out[False]


def test_every_device_pulse_and_read_is_paid():
    one, four, counter = (
        spent(),
        spent(devices_per_synapse=4),
        spent(devices_per_synapse=4, sharing="counter"),
    )
    assert [x["reset"] for x in (one, four, counter)] == [CELLS, 4 * CELLS, 4 * CELLS]
    assert four["pulse"] == pytest.approx(4 * one["pulse"], rel=0.02)
    assert counter["pulse"] == pytest.approx(4 * one["pulse"], rel=0.1)
    assert four["reads"] == pytest.approx(4 * one["reads"], rel=0.05)
    assert counter["latency"] > one["latency"] == pytest.approx(four["latency"])

    verified = spent(reset="verified", reset_tolerance=1.0)
    tries = card("reram-om", reset="verified", reset_tolerance=1.0).reset_tries
    assert tries > 1 / 0.6827 and verified["reset"] == pytest.approx(CELLS * tries, rel=1e-3)
    assert verified["adc"] - one["adc"] == pytest.approx(verified["reset"])
    section = card("reram-om").attention
    rounds, writes = slowest(tries, HEADS * TOKENS**2), CELLS / (HEADS * TOKENS**2)
    waits = section.reset_time * (rounds - 1) + section.cycle_time(TOKENS) * TOKENS * rounds
    assert verified["latency"] - one["latency"] == pytest.approx(writes * waits, rel=1e-5)
    pulsed = spent(reset="pulses", reset_pulses=10)
    assert pulsed["reset"] == 0 and pulsed["pulse"] > one["pulse"] + 9 * CELLS

    checked = spent(verify_rounds=2)
    assert checked["adc"] - one["adc"] == 2 * CELLS
    assert checked["row-drive"] - one["row-drive"] == 2 * CELLS / TOKENS
    assert checked["pulse"] > one["pulse"] and checked["latency"] > one["latency"]

    gained = spent(row_gain=True)
    assert gained["digital-mac"] == 2 * V.numel() and gained["writes"] == 3 * 8 * HEADS * TOKENS**2
    assert gained["write energy [J]"] > gained["read energy [J]"] > 0
    assert spent(coding="per-device")["reads"] > 0 and spent(coding="per-device")["latency"] > one["latency"]


def test_a_worn_array_has_stuck_devices_unless_wear_is_off():
    worn = card("reram-om").replace(wear={"cycles_before": 5e5, "endurance": 1e6, "shape": 2.0})
    assert "wear" in worn.effects and "wear" not in card("reram-om").effects
    for chosen, share in ((worn, 0.2212), (worn.without("wear"), 0.0), (worn.only("pulse-rounding"), 0.0)):
        array = make(chosen)
        with torch.no_grad():
            array(Q, K, V)
        values = array.written.devices(HEADS, TOKENS).fabrics()[0].values
        found = float((~values["stuck"].isnan()).double().mean()) if "stuck" in values else 0.0
        assert found == pytest.approx(share, abs=5 * (0.2 / HEADS / TOKENS**2) ** 0.5)
    assert (
        make(worn).design.table.w_span == make(card("reram-om")).design.table.w_span
    )  # it knows the preset when new


def test_cycles_are_resets_and_parts_of_pulses():
    array = make(card("reram-om"))
    with torch.no_grad():
        array(Q, K, V)
    ledger = array.run.ledger
    ledger.images = 1
    assert STEPS < array.wear.cycles < STEPS + ledger.number("pulse") / HEADS / TOKENS**2
    assert array.wear.device_count == HEADS * TOKENS**2


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"attention": {"devices_per_synapse": 17}}, "attention.devices_per_synapse"),
        ({"attention": {"verify_rounds": 4}}, "attention.verify_rounds"),
        ({"attention": {"reset_tolerance": 0.0}}, "attention.reset_tolerance"),
        ({"attention": {"cell": "pcm-nandakumar2018", "reset": "pulses"}}, "moves up only"),
        ({"wear": {"cycles_before": 1e6}}, "needs an endurance"),
        ({"wear": {"stuck_high": 1.1}}, "wear.stuck_high"),
        ({"strengths": {"wear": 2.0}}, "cycles_before"),
    ],
)
def test_what_cannot_be_is_refused_by_name(fields, word):
    with pytest.raises(CardError, match=word):
        memsim.ChipCard.load("default").replace(**fields)


@pytest.mark.parametrize(
    "fields",
    [{"devices_per_synapse": 2}, {"reset": "verified"}, {"verify_rounds": 1}, {"coding": "per-device"}],
)
def test_aihwkits_tiles_refuse_what_they_cannot_do(fields):
    with pytest.raises(ValueError, match="engine aihwkit"):
        make(card("reram-om", **fields), tile_attention)


def test_ideal_cells_need_none():
    chosen = memsim.ChipCard.load("default").replace(
        weights={"cell": "ideal"}, attention={"cell": "ideal", "devices_per_synapse": 4, "reset": "verified"}
    )
    net, x = models.load("s2tdpt-digits"), models.datasets.load("digits").x_test[:3]
    chip = memsim.to_crossbar(net, chosen, chips=1).program()
    with torch.no_grad():
        assert torch.equal(chip(x)[0].argmax(-1), net(x).argmax(-1))
