"""Lines: append, match and blend, ideal and on arrays; rings, ages, clocks, and the identities of ageing."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from memsim import ChipCard
from memsim.energy.ledger import Ledger
from memsim.memory.clock import Clock
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.line_design import LineDesign
from memsim.memory.lines import IdealLines, Lines, LinesFull
from memsim.memory.ranges import LineRanges

S, B, H, D, T = 2, 3, 2, 4, 6
IDEAL = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
DEFAULT = ChipCard.load("default").without("wires")
NU, T_0 = 0.05, 20.0
DRIFTING = {"name": "drifting", "technology": "PCM", "source": "made for a test", "weight": {
    "g_max [S]": 25e-6, "drift_exponent": NU, "t_0 [s]": T_0}}  # fmt: skip


def normals(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Q, K, V = (normals(B, H, T, D, seed=seed) for seed in range(3))
RANGES = LineRanges.of(Q, K, V, Q @ K.mT, V)


def crossbar(
    card: ChipCard, chips=range(S), images=range(B), capacity: int = T, **settings: Any
) -> CrossbarLines:
    how = {key: settings.pop(key) for key in ("seed", "ledger", "dtype") if key in settings}
    design = LineDesign(name="memory", card=card, heads=H, keys=D, values=D, capacity=capacity, **settings)
    return CrossbarLines(design, RANGES, chips=chips, images=images, **how)


def on_chips(x: Tensor, chips: int = S) -> Tensor:
    """(B, H, D) of each of these chips."""
    return x.repeat(chips, 1, 1)


def filled(lines: Lines, tokens: int = T, chips: int = S, rate: float = 1.0, images=slice(None)) -> Lines:
    for t in range(tokens):
        lines.append(on_chips(K[images, :, t], chips), on_chips(V[images, :, t], chips), t / rate)
    return lines


def read(lines: Lines, chips: int = S, now: float = T - 1.0, images=slice(None)) -> tuple[Tensor, Tensor]:
    """Scores of the last query, and what even weights read."""
    z = lines.match(on_chips(Q[images, :, -1], chips), now)
    return z, lines.blend(torch.full_like(z, 1 / T), now)


def test_ideal_lines_and_ideal_arrays_are_the_products() -> None:
    for lines in (filled(IdealLines()), filled(crossbar(IDEAL))):
        z, o = read(lines)
        assert_close(z, on_chips((Q[:, :, -1:] @ K.mT)[..., 0, :]), rtol=0, atol=1e-12)
        assert_close(o, on_chips(V.mean(2)), rtol=0, atol=1e-12)
        assert len(lines) == T and lines.ages(9.0).tolist() == [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]


@pytest.mark.parametrize("make", [IdealLines, lambda n, full: crossbar(IDEAL, capacity=n, full=full)])
def test_a_ring_keeps_the_newest_and_an_array_refuses(make) -> None:
    ring, straight = filled(make(4, "ring")), filled(make(6, "refuse"))
    z, o = ring.match(on_chips(Q[:, :, -1]), 5.0), ring.blend(torch.full((S * B, H, 4), 0.25).double(), 5.0)
    assert_close(z, straight.match(on_chips(Q[:, :, -1]), 5.0)[..., 2:], rtol=0, atol=1e-12)
    assert_close(o, on_chips(V[:, :, 2:].mean(2)), rtol=0, atol=1e-12)
    assert ring.ages(5.0).tolist() == [3.0, 2.0, 1.0, 0.0]
    with pytest.raises(LinesFull, match="line 7 does not fit into 6 lines"):
        straight.append(on_chips(K[:, :, 0]), on_chips(V[:, :, 0]), 9.0)
    straight.clear()
    assert len(straight) == 0
    filled(straight)


def test_time_does_not_run_back() -> None:
    lines = filled(IdealLines())
    with pytest.raises(ValueError, match="before the last write, at 5 s"):
        lines.append(K[:, :, 0], V[:, :, 0], 4.0)
    with pytest.raises(ValueError, match=r"now = .* a line is written 1 s later"):
        filled(crossbar(IDEAL)).match(on_chips(Q[:, :, 0]), 4.0)
    assert Clock(50.0).time(100) == 2.0
    with pytest.raises(ValueError, match="rate = 0"):
        Clock(0.0)


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_one_chip_or_sequence_alone_reads_as_among_others(write: Any) -> None:
    whole = read(filled(crossbar(DEFAULT, write=write)))
    alone = read(filled(crossbar(DEFAULT, chips=[1], write=write), chips=1), chips=1)
    for a, b in zip(whole, alone, strict=True):
        assert torch.equal(a.view(S, B, H, -1)[1], b)
    lines = crossbar(DEFAULT, images=[2], write=write)
    one = read(filled(lines, images=slice(2, 3)), images=slice(2, 3))
    for a, b in zip(whole, one, strict=True):
        assert torch.equal(a.view(S, B, H, -1)[:, 2:], b.view(S, 1, H, -1))
    again = read(filled(crossbar(DEFAULT, write=write)))
    other = read(filled(crossbar(DEFAULT, write=write, seed=1)))
    assert torch.equal(again[0], whole[0]) and not torch.equal(other[0], whole[0])


@pytest.mark.parametrize("write", ["verify", "pulses"])
def test_a_second_context_meets_new_noise(write: Any) -> None:
    lines = crossbar(DEFAULT, write=write)
    first = read(filled(lines))
    lines.begin(range(B), 1)
    second = read(filled(lines))
    lines.begin(range(B))
    third = read(filled(lines))
    assert not torch.equal(first[0], second[0]) and torch.equal(first[0], third[0])


def test_errors_are_those_of_the_cell_and_vanish_without_them() -> None:
    exact = read(filled(IdealLines()))
    noiseless = DEFAULT.without(*(effect for effect in DEFAULT.effects))
    for card, write, tolerance in ((noiseless, "verify", 1e-5), (noiseless, "pulses", 1e-3)):
        for got, wanted in zip(read(filled(crossbar(card, write=write))), exact, strict=True):
            assert_close(got, wanted, rtol=0, atol=tolerance * float(wanted.abs().max()))
    z, _ = read(filled(crossbar(DEFAULT)))
    error = float((z - exact[0]).std() / exact[0].std())
    assert 0.005 < error < 0.3


def test_the_programming_error_has_the_spread_of_the_cell() -> None:
    sd, g_max, chips, images = 1e-6, 25e-6, 60, 20
    card = DEFAULT.replace(weights={"cell": {
        "name": "noisy", "technology": "PCM", "source": "made for a test",
        "weight": {"g_max [S]": g_max, "g_min [S]": 8e-6, "programming [S]": [sd]}}})  # fmt: skip
    card = card.without(*(effect for effect in card.effects if effect != "programming"))
    design = LineDesign(name="m", card=card, heads=1, keys=8, values=8, capacity=1)
    one = torch.ones(1, 1)
    ranges = LineRanges(query=one, key=one, value=one, score=8 * one, out=one)
    lines = CrossbarLines(design, ranges, chips=range(chips), images=range(images))
    k = torch.full((chips * images, 1, 8), 0.5)
    lines.append(k, k)
    read = lines.blend(torch.ones(chips * images, 1, 1)).double()
    n, spread = read.numel(), math.sqrt(2) * sd / (g_max - 8e-6)  # of the two devices of a pair
    error = spread / math.sqrt(2 * n)
    assert abs(float(read.std()) - spread) < 4 * error < 0.03 * spread
    assert abs(float(read.mean()) - 0.5) < 4 * spread / math.sqrt(n)


def test_values_on_volatile_cells_with_ones_are_a_fixed_forget_gate() -> None:
    tau, rate = 3.0, 2.0
    lines = filled(crossbar(IDEAL, ones=True, retention=tau), rate=rate)
    now = (T - 1) / rate
    z = lines.match(on_chips(Q[:, :, -1]), now)
    out = lines.blend(z.softmax(-1), now)
    bias = -torch.arange(T - 1, -1, -1, dtype=torch.float64) / rate / tau  # c_i - c_j of f = exp(-dt / tau)
    gated = (Q[:, :, -1:] @ K.mT + bias).softmax(-1) @ V
    assert_close(out, on_chips(gated[..., 0, :]), rtol=0, atol=1e-12)
    plain = filled(crossbar(IDEAL, retention=tau), rate=rate)
    left = (z.softmax(-1) * bias.exp())[:B, :, None] @ V  # nothing normalises anew
    assert_close(plain.blend(z.softmax(-1), now), on_chips(left[..., 0, :]), rtol=0, atol=1e-12)


def drifting(**settings: Any) -> CrossbarLines:
    card = DEFAULT.replace(weights={"cell": DRIFTING})
    card = card.without(*(effect for effect in card.effects if effect != "drift"))
    return crossbar(card, dtype=torch.float64, **settings)


def test_drifting_values_with_ones_are_a_gate_by_the_logarithm_of_age() -> None:
    rate = 1e-3  # a token in 1,000 s
    lines = filled(drifting(ones=True), rate=rate)
    now = (T - 1) / rate
    age = now - torch.arange(T, dtype=torch.float64) / rate
    gate = -NU * torch.log((age + T_0) / T_0)
    z = lines.match(on_chips(Q[:, :, -1]), now)
    exact = (Q[:, :, -1:] @ K.mT)[..., 0, :]
    assert_close(z, on_chips(exact * gate.exp()), rtol=0, atol=1e-12)  # keys: a temperature of each age
    out = lines.blend(on_chips(exact.softmax(-1)), now)
    gated = ((exact + gate).softmax(-1)[..., None, :] @ V)[..., 0, :]
    assert_close(out, on_chips(gated), rtol=0, atol=1e-12)


def test_the_correction_of_each_line_takes_the_mean_drift_away() -> None:
    lines = filled(drifting(correct=True), rate=1e-3)
    z, o = read(lines, now=(T - 1) / 1e-3)
    assert_close(z, on_chips((Q[:, :, -1:] @ K.mT)[..., 0, :]), rtol=0, atol=1e-12)
    assert_close(o, on_chips(V.mean(2)), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="correct has no effect: the mean conductance of ideal"):
        crossbar(IDEAL, correct=True)


def test_what_is_larger_than_its_range_is_clipped_and_counted() -> None:
    lines = crossbar(IDEAL)
    lines.append(on_chips(3 * K[:, :, 0]), on_chips(V[:, :, 0]))
    assert lines.clipped > 0
    assert float(lines.match(on_chips(Q[:, :, 0])).abs().max()) < float((3 * K * Q).sum(-1).abs().max())
    coarse = DEFAULT.only("adc", "dac")
    z, _ = read(filled(crossbar(coarse)))
    assert 0 < float((z - on_chips((Q[:, :, -1:] @ K.mT)[..., 0, :])).abs().max()) < 0.2


def test_events_of_writes_and_reads_are_counted() -> None:
    ledger = Ledger(DEFAULT)
    lines = crossbar(DEFAULT, ledger=ledger, ones=True)
    filled(lines)
    rows, columns = S * B * H, 2 * D + 1
    assert ledger.counts["memory", "program-pcm"] == rows * T * columns * 2
    assert ledger.notes["memory", "lines written"] == rows * T
    before = dict(ledger.counts)
    lines.match(on_chips(Q[:, :, -1]), T)
    drives = ledger.counts["memory", "row-drive"]
    assert ledger.counts["memory", "adc-8b"] == rows * T and drives == rows * D
    lines.blend(torch.eye(T)[2].expand(S * B, H, T), T)  # one line has a weight
    assert ledger.counts["memory", "adc-8b"] == rows * (T + D + 1)
    assert ledger.counts["memory", "row-drive"] == drives + rows
    assert before.get(("memory", "row-drive")) is None and ledger.joules["memory", "array-read"] > 0
    ledger.images = S * B
    assert ledger.energy > 0
    pulsed = Ledger(DEFAULT)
    filled(crossbar(DEFAULT, ledger=pulsed, write="pulses"))
    assert pulsed.counts["memory", "reset-reram"] == rows * T * 2 * D
    assert 0 < pulsed.counts["memory", "pulse-reram"] <= rows * T * 2 * D * DEFAULT.full_write
    assert lines.design.lifetime(1e6, 1e3) == 1e6 * T / 1e3


def test_tiles_without_a_weight_are_not_powered() -> None:
    weights = torch.zeros(S * B, H, T)
    weights[..., 4] = 1.0  # tiles of four lines: the first has no weight, the second is half full
    found = {}
    for name, settings in {"all": {}, "tiles": {"tile": 4}, "marked": {"tile": 4, "selectors": True}}.items():
        lines = filled(crossbar(DEFAULT, **settings))
        z = lines.match(on_chips(Q[:, :, -1]), T)
        out = lines.blend(weights, T)
        counts, joules = lines.events.ledger.counts, lines.events.ledger.joules
        found[name] = z, out, counts["memory", "adc-8b"] / (S * B * H), joules["memory", "array-read"]
    assert [found[name][2] - D for name in ("all", "tiles", "marked")] == [T, 2, 3]
    assert found["tiles"][3] < found["marked"][3] < found["all"][3]
    assert torch.equal(found["all"][1], found["tiles"][1])
    with pytest.raises(ValueError, match="selectors = True has no effect with tile = 0"):
        crossbar(IDEAL, selectors=True)


@pytest.mark.parametrize(("card", "settings", "words"), [
    (DEFAULT.replace(weights={"coding": "offset"}), {}, "weights.coding = 'offset'"),
    (DEFAULT.replace(attention={"verify_rounds": 1}), {"write": "pulses"}, "attention.verify_rounds = 1"),
    (DEFAULT.replace(weight_faults={"stuck_on": 0.1, "spare_rows": 2}), {}, "weight_faults.spare_rows = 2"),
    (DEFAULT.replace(attention_faults={"dead_bit_lines": 0.1}), {"write": "pulses"},
     r'attention_faults.dead_bit_lines = 0.1; use card.without."faults"'),
    (IDEAL, {"write": "pulses"}, 'use write = "verify"'), (IDEAL, {"retention": 0.0}, "retention = 0"),
    (IDEAL, {"capacity": 0}, "capacity = 0"), (IDEAL, {"full": "rnig"}, "full = 'rnig'"),
])  # fmt: skip
def test_what_cannot_be_is_refused(card: ChipCard, settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        crossbar(card, **settings)


def test_rows_and_ranges_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows for 2 chips x 3 sequences"):
        crossbar(IDEAL).append(K[:, :, 0], V[:, :, 0])
    with pytest.raises(ValueError, match=r"score = .*: positive ranges"):
        one = torch.ones(1, 1)
        LineRanges(query=one, key=one, value=one, score=0 * one, out=one)
