"""Line arrays behind resistive lines: against the exact network, where each stands, what it loads."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import memsim
from memsim import ChipCard
from memsim.energy.ledger import Ledger
from memsim.memory.cells import Shown
from memsim.memory.crossbar_lines import CrossbarLines
from memsim.memory.line_design import LineDesign
from memsim.memory.ranges import LineRanges
from memsim.memory.through_lines import ThroughLines
from memsim.wires.lines import Lines
from memsim.wires.tiles import devices_through_lines

N, C, ONE = 40, 6, 25e-6
D, T, OHM = 6, 24, 15.0


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def exact_match(drive: Tensor, devices: Tensor, ohm: float) -> Tensor:
    """Currents of lines (R, N) for drives of key columns (R, C), pairs (2, N, C) [S]."""
    both = torch.stack([drive, -drive], -1).flatten(-2)
    of = torch.stack(list(devices), -1).flatten(-2).mT
    return memsim.nodal_read(both.flip(-1), of.flip(0), r_word=ohm, r_bit=ohm)


def exact_blend(drive: Tensor, devices: Tensor, ohm: float) -> Tensor:
    """Currents of value columns (R, C) for drives of lines (R, N)."""
    of = torch.stack(list(devices), -1).flatten(-2)
    found = memsim.nodal_read(drive.flip(-1), of.flip(0), r_word=ohm, r_bit=ohm)
    return found[:, 0::2] - found[:, 1::2]


def apart(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


def test_shares_are_those_of_the_exact_network_and_a_resistance_three_per_cent_off_is_not() -> None:
    devices = ONE * uniform(2, N, C)
    plus, minus = devices[:, None, None, None]
    shown = Shown((plus - minus) / ONE, plus + minus)
    q, w = uniform(5, C, seed=1) - 0.5, uniform(5, N, seed=2)
    exact = exact_match(q, devices, 5.0) / ONE, exact_blend(w, devices, 5.0) / ONE
    found = {}
    for ohm in (0.0, 5.0, 5.0 * 1.03):
        through = ThroughLines(Lines(ohm, ohm, "grounded"), ONE)
        z = through.match(q[None, None, None], shown, range(N), [N] * len(q))[0, 0, 0]
        out = through.blend(w[None, None, None], shown, range(N), [N] * len(w))[0, 0, 0]
        found[ohm] = apart(z, exact[0]), apart(out, exact[1])
        assert_close(q @ through.state(shown)[0, 0, 0].mT, z, rtol=1e-9, atol=1e-12)
    for side in (0, 1):
        assert found[0.0][side] > 0.04  # what lines cost
        assert found[5.0][side] < 3e-4
        assert found[5.0 * 1.03][side] > 1e-3


def test_one_resistance_alone_is_exact() -> None:
    devices = ONE * uniform(2, N, C)
    plus, minus = devices[:, None, None, None]
    shown = Shown((plus - minus) / ONE, plus + minus)
    w = uniform(2, N)
    of = torch.stack(list(devices), -1).flatten(-2)
    for word, bit in ((5.0, 0.0), (0.0, 5.0)):
        through = ThroughLines(Lines(word, bit, "grounded"), ONE)
        out = through.blend(w[None, None, None], shown, range(N), [N] * len(w))[0, 0, 0]
        found = memsim.nodal_read(w.flip(-1), of.flip(0), r_word=word, r_bit=bit)
        assert_close(out, (found[:, 0::2] - found[:, 1::2]) / ONE, rtol=1e-12, atol=0)


def whole(through: ThroughLines, shown: Shown, rows: list[int]) -> tuple[Tensor, Tensor]:
    """Effective shares (S, H, B, N, C) in a match and in a blend, of an array with these lines alone."""
    pair = [(shown.siemens + sign * shown.share * ONE) / 2 for sign in (1, -1)]
    devices, tile = torch.stack(pair, -1).flatten(-2).flatten(0, 2), through.tile or max(rows) + 1
    tiles = max(rows) // tile + 1
    placed = devices.new_zeros(len(devices), tiles * tile, devices.shape[-1])
    placed[:, rows] = devices
    keys = devices_through_lines(placed.mT, through.lines, (1, tiles), together=1).mT
    values = devices_through_lines(placed, through.lines, (tiles, 1), through.activity)
    found = ((x[..., 0::2] - x[..., 1::2])[:, rows] / ONE for x in (keys, values))
    match, blend = (x.view(shown.share.shape) for x in found)
    return match, blend


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5, 6], [5, 6, 0, 1, 2, 3, 4], [2, 3, 7, 8]])
@pytest.mark.parametrize("tile", [0, 3])
@pytest.mark.parametrize("lines", [Lines(5e3, 2e3, "grounded"), Lines(0.0, 5e3), Lines(5e3, 0.0, "off")])
def test_each_reader_meets_the_lines_that_are_present_for_it(
    rows: list[int], tile: int, lines: Lines
) -> None:
    """As arrays that hold no other lines, for readers that see one line, some, and all."""
    plus, minus = ONE * uniform(2, 2, 1, 3, len(rows), C)
    shown = Shown((plus - minus) / ONE, plus + minus)
    through = ThroughLines(lines, ONE, 0.3, tile)
    held = [1, 3, 3, len(rows)]
    q, w = uniform(2, 1, 3, 4, C, seed=1) - 0.5, uniform(2, 1, 3, 4, len(rows), seed=2)
    w = w * (torch.arange(len(rows)) < torch.tensor(held)[:, None])
    z, out = through.match(q, shown, rows, held), through.blend(w, shown, rows, held)
    for reader, n in enumerate(held):
        some = shown.each(lambda x, n=n: x[..., :n, :])
        keys, values = whole(through, some, rows[:n])
        alone = (q[..., reader, None, :] @ keys.mT)[..., 0, :]
        assert_close(z[..., reader, :n], alone, rtol=1e-11, atol=1e-13)
        assert not z[..., reader, n:].any()
        alone = (w[..., reader, None, :n] @ values)[..., 0, :]
        assert_close(out[..., reader, :], alone, rtol=1e-11, atol=1e-13)
    if lines.r_bit and lines.r_word:  # one segment of ten more or less is seen
        assert apart(through.match(q, shown, [n + 1 for n in rows], held), z) > 1e-3


K, V, Q = (uniform(1, 1, T, D, seed=seed) - 0.5 for seed in range(3))
RANGES = LineRanges.of(Q, K, V, Q @ K.mT, V)
CARD = ChipCard.load("default").only("wires").replace(wire_resistance=OHM)


def memory(card: ChipCard, capacity: int = T, **options) -> CrossbarLines:
    ledger = options.pop("ledger", None)
    design = LineDesign(name="m", card=card, heads=1, keys=D, values=D, capacity=capacity, **options)
    return CrossbarLines(design, RANGES, dtype=torch.float64, ledger=ledger)


def filled(lines: CrossbarLines, tokens: int = T) -> CrossbarLines:
    for t in range(tokens):
        lines.append(K[:, :, t], V[:, :, t], float(t))
    return lines


def scores_of(place: list[int], card: ChipCard = CARD) -> Tensor:
    """What the exact network says of the last query, lines of tokens at these places (N,)."""
    cell = card.weight_cell
    share = (K[0, 0] / RANGES.key)[place]
    goal = (cell.g_max - cell.g_min) * share
    devices = torch.stack([goal.clamp(min=0), (-goal).clamp(min=0)]) + cell.g_min
    current = exact_match(Q[0, 0, -1:] / RANGES.query, devices, OHM)[0] / (cell.g_max - cell.g_min)
    return current * (RANGES.query * RANGES.key)[0]


def test_a_memory_with_the_cards_lines_alone_reads_what_the_exact_network_gives() -> None:
    z = filled(memory(CARD.replace(weights={"wires": "grounded"}))).match(Q[:, :, -1], T)[0, 0]
    exact, plain = scores_of(list(range(T))), Q[0, 0, -1] @ K[0, 0].mT
    assert apart(plain, exact) > 0.02
    assert apart(z, exact) < 1.5e-4


def test_the_oldest_line_of_a_ring_stands_where_it_was_written() -> None:
    lines = filled(memory(CARD, capacity=10, full="ring"))
    place = [t + 20 if t < 4 else t + 10 for t in range(10)]  # row -> token
    exact = scores_of(place)
    order = sorted(range(10), key=lambda row: place[row])
    assert apart(lines.match(Q[:, :, -1], T)[0, 0], exact[order]) < 2e-4
    assert apart(lines.match(Q[:, :, -1], T)[0, 0], scores_of(sorted(place))) > 1e-3


def test_lines_that_are_not_written_load_nothing() -> None:
    few, many = (filled(memory(CARD, capacity=n), 3) for n in (3, T))
    w = torch.full((1, 1, 3), 0.3, dtype=torch.float64)
    assert_close(few.match(Q[:, :, -1], 3.0), many.match(Q[:, :, -1], 3.0), rtol=0, atol=0)
    assert_close(few.blend(w, 3.0), many.blend(w, 3.0), rtol=0, atol=0)


def test_tiles_have_lines_of_their_own() -> None:
    one, tiled = filled(memory(CARD)), filled(memory(CARD, tile=8))
    z = tiled.match(Q[:, :, -1], T)
    first = filled(memory(CARD, capacity=8), 8).match(Q[:, :, -1], T)
    assert_close(z[..., :8], first, rtol=1e-12, atol=0)
    assert apart(one.match(Q[:, :, -1], T)[..., 8:], z[..., 8:]) > 1e-3


def test_fewer_driven_lines_load_a_blend_less() -> None:
    w = torch.full((1, 1, T), 1 / T, dtype=torch.float64)
    lost = []
    for activity in (0.05, 0.5, 1.0):
        card = CARD.replace(weights={"wires": "off", "row_activity [1]": activity})
        lost.append(apart(filled(memory(card)).blend(w, T), w @ V[0, 0]))
    grounded = filled(memory(CARD.replace(weights={"wires": "grounded"}))).blend(w, T)
    assert lost[0] < lost[1] < lost[2] == pytest.approx(apart(grounded, w @ V[0, 0]), abs=1e-12)


def test_pulsed_lines_are_read_beside_their_reference() -> None:
    card = ChipCard.load("default").only("wires").replace(wire_resistance=5.0)
    with_lines, without = (
        filled(CrossbarLines(
            LineDesign(
                name="m", card=which, heads=1, keys=D, values=D, capacity=T, write="pulses",
            ), RANGES
        )) for which in (card, card.without("wires"))
    )  # fmt: skip
    rest, unit, reference = with_lines.cells.siemens  # type: ignore[attr-defined]
    shown = without.cells.show(range(T), torch.zeros(T).numpy())
    share = shown.share[0, 0, 0, :, :D].double()
    plus = rest + unit * (share * with_lines.cells.table.w_span + with_lines.cells.table.w_rest)  # type: ignore[attr-defined]
    devices = torch.stack([plus, torch.full_like(plus, reference)])
    scale = (RANGES.query * RANGES.key)[0] / with_lines.cells.one
    exact = exact_match(Q[0, 0, -1:] / RANGES.query, devices, 5.0)[0] * scale
    z, plain = (lines.match(Q[:, :, -1], T)[0, 0] for lines in (with_lines, without))
    assert apart(z, exact) < 5e-4
    assert apart(plain, exact) > 1e-3


def test_energy_and_events_are_those_of_lines_without_resistance() -> None:
    counts = []
    for card in (ChipCard.load("default"), ChipCard.load("default").without("wires")):
        ledger = Ledger(card)
        lines = filled(memory(card, ledger=ledger))
        lines.blend(torch.ones_like(lines.match(Q[:, :, -1], T)) / T, T)
        counts.append((dict(ledger.counts), dict(ledger.joules)))
    assert counts[0] == counts[1]
