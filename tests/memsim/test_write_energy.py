"""What a write takes, by hand: the series of soft bounds, half-selected cells slot by slot, silence."""

from itertools import product

import pytest
import torch

import memsim
from memsim import models
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.writing.write_energy import at, series
from memsim.devices import stream
from memsim.energy.area import areas, utilisation
from memsim.energy.line import Line
from memsim.energy.work import Attention, Matrix
from memsim.prices.events import SILENT_PULSES, SILENT_TIES
from memsim.run import Run

V, T, FEATURES = 1.5, 1e-7, 5
LOW, MID, HIGH, UP, DOWN, N_MAX = 5e-6, 25e-6, 45e-6, 2e-6, 3e-6, 8
TIE = 5  # pulses down that reach as far as eight up: .85^5 is nearest to .9^8
SOFT = {
    "name": "reram-mine", "technology": "ReRAM", "source": "made up by hand",
    "pulsed": {
        "law": "soft-bounds", "n_max": N_MAX, "g_min [S]": LOW, "g_max [S]": HIGH, "step_up [S]": UP,
        "step_down [S]": DOWN, "reset [S]": MID, "pulse_voltage [V]": V, "pulse_time [s]": T,
    },
}  # fmt: skip
Q, K = [[5, 5, 0, 2], [2, 0, 3, 3]], [[5, 1, 0, 4], [2, 0, 0, 3]]  # spikes of tokens, two heads
NONE = [[0, 0, 0]] * 2


def written(q=Q, k=K, silent="pulse", v=0, **attention) -> tuple[memsim.Ledger, AttentionArray]:
    """The ledger of one image, one step, one chip."""
    chosen = memsim.ChipCard.load("default").replace(attention=attention).without("adc")
    run = Run(card=chosen, chips=(0,), seed=0, ledger=memsim.Ledger(chosen))
    run.begin(1)
    array = AttentionArray("core", models.STDPAttention(heads=2, head_dim=FEATURES, silent=silent), run)
    spikes = [(torch.arange(FEATURES) < torch.tensor(c)[..., None]).float()[None, None] for c in (q, k)]
    run.ledger.images = 1
    array(*spikes, torch.full_like(spikes[0], v))
    return run.ledger, array


def counts(array: AttentionArray, q=Q, k=K) -> list[int]:
    """Signed pulses of every pair, head by head."""
    table = array.design.table.counts
    return [int(table[i, j]) for head in range(2) for i, j in product(q[head], k[head])]


def line(ledger: memsim.Ledger, event: str) -> Line:
    (found,) = [line for line in ledger.lines() if line.event == event]
    return found


def closed(n: int) -> float:
    """n b - (b - G_0)(1 - (1 - a)^n) / a, a = step / (b - G_mid): physics.md E4."""
    bound, step = (HIGH, UP) if n > 0 else (LOW, -DOWN)
    a = step / (bound - MID)
    return abs(n) * bound - (bound - MID) * (1 - (1 - a) ** abs(n)) / a


def test_the_series_is_exact_for_soft_bounds():
    ledger, array = written(cell=SOFT)
    n = counts(array)
    assert min(n) == -TIE and max(n) > 2
    expected = V**2 * T * sum(closed(x) for x in n)
    found = line(ledger, "pulse-reram")
    assert found.energy == pytest.approx(expected, rel=1e-4)  # a table in float32
    assert found.number == sum(map(abs, n))
    middle = V**2 * T * MID * sum(map(abs, n))
    assert abs(middle / expected - 1) > 0.03  # a price at the middle is something else


def test_a_sum_counts_what_stood_before_each_pulse():
    siemens = torch.tensor([1.0, 2, 4, 7, 11])
    assert series(siemens).tolist() == [6, 4, 0, 4, 11]
    assert at(series(siemens), torch.tensor([-2.0, -1.5, 0.5, 2.0])).tolist() == [6, 5, 2, 11]


def test_a_pair_starts_from_its_devices_rest():
    """Means of the devices themselves, pulse by pulse, on one side of a pair."""
    ledger, array = written(cell="pcm-nandakumar2018", **{"pulse_voltage [V]": V, "pulse_time [s]": T})
    cell = memsim.ChipCard.load("default").replace(attention={"cell": "pcm-nandakumar2018"}).attention_cell
    fabric = cell.fabricate((1 << 14,), rng=stream(1, "x"))
    state, levels = cell.reset(fabric, rng=stream(1, "y")), []
    for _ in range(array.design.table.n_max):
        levels.append(float(state.w.double().mean()))
        state = cell.pulse(state, 1, 0, rng=stream(1, "z", len(levels)))
    expected = V**2 * T * sum(sum(levels[: abs(n)]) for n in counts(array))
    assert line(ledger, "pulse-pcm").energy == pytest.approx(expected, rel=0.03)


def slot_by_slot(table: torch.Tensor, q: list[int], k: list[int], n_max: int) -> tuple[int, int]:
    """Drives of lines and half-selected cell-pulses of one array, as an array's controller would do it."""
    drives = half = 0
    for time, phase in product(range(FEATURES + 1), ("LTP", "LTD")):
        fires = [i for i, count in enumerate(k if phase == "LTP" else q) if FEATURES - count == time]
        if not fires:
            continue
        gates = [
            max(int(table[c, FEATURES - time]), 0)
            if phase == "LTP"
            else max(-int(table[FEATURES - time, c]), 0)
            for c in (q if phase == "LTP" else k)
        ]
        drives += n_max * len(fires) + sum(gates)
        for gate, pulse in product(gates, range(n_max)):  # the cells of one gated line
            open_ = pulse < gate
            half += sum(open_ != (i in fires) for i in range(len(q)))
    return drives, half


@pytest.mark.parametrize(("scheme", "k_nl"), [("passive", 1), ("selector", 10)])
def test_half_selected_cells_are_those_of_every_slot(scheme, k_nl):
    ledger, array = written(cell=SOFT, scheme=scheme)
    each = [slot_by_slot(array.design.table.counts, Q[h], K[h], N_MAX) for h in range(2)]
    drives, half = (sum(x) for x in zip(*each, strict=True))
    found = line(ledger, "half-select")
    assert found.number == half > 0
    assert found.energy == pytest.approx(half * V**2 * MID * T / 4 / k_nl, rel=1e-4)
    charged = line(ledger, "line-charge")
    assert charged.number == drives
    assert charged.energy == pytest.approx(drives * 4 * 2 * 80e-9 * 2e-10 * (V / 2) ** 2, rel=1e-9)


def test_transistors_leave_no_cell_half_selected_and_lines_twice_as_long_at_full_voltage():
    ledger, _ = written(cell=SOFT)
    assert not ledger.number("half-select")
    other, _ = written(cell=SOFT, scheme="passive")
    ratio = line(ledger, "line-charge").energy / line(other, "line-charge").energy
    assert ratio == pytest.approx(2 * 2**2)


def test_a_price_stays_a_price_and_its_quarter_goes_to_half_selected_cells():
    plain, array = written(cell="reram-om")
    ledger, _ = written(cell="reram-om", scheme="passive")
    price = memsim.ChipCard.load("default").price("pulse-reram")
    found = line(plain, "pulse-reram")
    assert found.price == price.energy and found.source == price.said
    assert found.number == sum(map(abs, counts(array)))
    assert {"half-select", "line-charge"} & {x.event for x in plain.lines()} == set()
    half = line(ledger, "half-select")
    assert half.energy == pytest.approx(half.number * price.energy / 4)
    assert ledger.energy - half.energy == pytest.approx(plain.energy, rel=1e-9)


def test_a_pulse_on_a_gate_keeps_its_price():
    card = memsim.ChipCard.load("default")
    gated = card.replace(attention={"cell": "fefet-jerry2017"})
    assert gated.price("pulse-fefet") == card.price("pulse-fefet")
    through = card.replace(attention={"cell": "pcm-kuzum2011"})
    assert through.price("pulse-pcm").energy == pytest.approx(0.7**2 * 6e-6 / 4.71e3 * (1 + 1 / 19.8) / 2)


@pytest.mark.parametrize("fields", [{"reset": "pulses"}, {"verify_rounds": 1}, {"coding": "per-device"}])
def test_every_kind_of_pulse_meets_a_conductance_between_the_bounds(fields):
    ledger, _ = written(cell=SOFT, scheme="passive", **fields)
    mean = line(ledger, "pulse-reram").price / V**2 / T
    assert LOW < mean < HIGH
    assert line(ledger, "half-select").number > 0


def test_an_image_without_spikes_costs_converters_resets_and_silent_ties():
    """Two arrays of nine cells.  First all keys fire: eight half pulses for each cell.  Then all queries, and
    keys gate five of eight: five pulses and three half ones.
    """
    ledger, _ = written(NONE, NONE, cell=SOFT, scheme="passive")
    numbers = {
        "reset-reram": 18, "pulse-reram": 18 * TIE, "half-select": 18 * (8 + 3),
        "line-charge": 2 * 3 * (8 + 8 + TIE), "adc-8b": 30, "row-drive": 0, "digital-compare": 12,
        "digital-add": 30, "sample-hold": 30, "bus-bit": 30 * (3 + 8), "router-bit": 30 * 3,
    }  # fmt: skip
    lines = {x.event: x.number for x in ledger.lines() if x.event != "array-read"}
    assert lines.pop("column-second") == pytest.approx(2 * 3 * ledger.latency)
    assert lines == numbers
    assert line(ledger, "array-read").energy == 0
    assert line(ledger, "pulse-reram").energy == pytest.approx(V**2 * T * 18 * closed(-TIE), rel=1e-4)
    assert ledger.noted(SILENT_TIES) == ledger.noted(SILENT_PULSES) == 18 * TIE
    total = sum(ledger.breakdown().values())
    assert total == pytest.approx(ledger.energy, rel=1e-12)


def test_without_silent_pulses_silence_costs_a_reset_and_no_line():
    ledger, array = written(NONE, NONE, "no-pulse", cell=SOFT, scheme="passive")
    assert {e: ledger.number(e) for e in ("pulse", "half-select", "line-charge", "reset")} == {
        "pulse": 0, "half-select": 0, "line-charge": 0, "reset": 18,
    }  # fmt: skip
    assert array.wear.cycles == 1 and array.wear.silent_cycles == 0


def test_what_no_pulse_saves_is_what_was_counted():
    ledger, array = written(cell=SOFT)
    other, spared = written(cell=SOFT, silent="no-pulse")
    assert ledger.number("pulse") - ledger.noted(SILENT_PULSES) == other.number("pulse")
    ties = sum(q.count(0) * k.count(0) for q, k in zip(Q, K, strict=True)) * TIE
    assert ledger.noted(SILENT_TIES) == ties < ledger.noted(SILENT_PULSES)
    assert array.wear.cycles - array.wear.silent_cycles == pytest.approx(spared.wear.cycles)


def test_tiles_partly_filled_and_cells_without_transistors():
    card = memsim.ChipCard.load("default").replace(attention={"scheme": "passive"})
    matrix = Matrix(name="fc", rows=300, columns=64, positions=1, passes=1, inputs=1, ones=0, drives=0)
    assert utilisation([matrix], card) == {"fc": 300 * 64 / (2 * 256 * 256)}
    core = Attention(name="core", steps=4, heads=1, tokens=8, width=4, q=0, k=0, v=0)
    plain = areas([core], memsim.ChipCard.load("default"))["attention cells"]
    assert areas([core], card)["attention cells"] == pytest.approx(plain / 4)
