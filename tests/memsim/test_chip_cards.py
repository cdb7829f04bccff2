"""The chip cards that come with memsim: each runs, at one node, with a band that holds its energy."""

import pytest
import torch

import memsim
from memsim import ChipCard
from memsim.card.chip_card import built_in
from memsim.energy.area import areas, utilisation
from memsim.energy.band import ends
from memsim.energy.nodes import node, other_nodes
from memsim.energy.whole_tiles import whole
from memsim.energy.work import Attention, Matrix

NODES = {"default": "45nm", "hermes": "14nm", "neurram-wan2022": "130nm"}


def test_these_are_all_the_cards():
    assert set(built_in()) == set(NODES)


@pytest.mark.parametrize("name", NODES)
def test_a_network_runs_on_it(name):
    card = ChipCard.load(name)
    card.check_prices(build=True)
    assert node(card) == NODES[name] and not other_nodes(card)
    net = torch.nn.Sequential(torch.nn.Linear(20, 7))
    x = torch.rand(16, 20)
    chip = memsim.to_crossbar(net, card, chips=2, calibration=x).program().advance_to(3600.0)
    chip.ledger.clear()
    logits = chip(x)
    error = (logits - net(x)).std() / net(x).std()
    assert logits.isfinite().all() and error < 1.0
    band = ends(chip.ledger.lines(), card).band
    assert 0 < band.low <= chip.ledger.energy <= band.high


MATRIX = Matrix(
    name="fc", rows=300, columns=300, positions=2, passes=3, inputs=600, ones=9, drives=9, spikes=False
)  # fmt: skip


def test_whole_tiles_by_hand():
    """300 x 300 in tiles of 256 x 256: four tiles, 2 x 65,536 cells each, a DAC for every row of each."""
    card = ChipCard.load("default").replace(technology="32nm")
    used, built = areas([MATRIX], card), areas(whole([MATRIX], card), card)
    assert built["weight cells"] == pytest.approx(4 * 2 * 256 * 256 * (4 * 56e-9) ** 2)
    assert built["DAC"] / used["DAC"] == pytest.approx(512 / 300)
    assert built["ADC"] == pytest.approx(4 * 2 * 1200e-12)  # 147 lines a converter
    share = utilisation([MATRIX], card)["fc"]
    assert used["weight cells"] == pytest.approx(share * built["weight cells"])


@pytest.mark.parametrize("coding", ["pair", "offset", "single", "slices"])
@pytest.mark.parametrize("size", [(300, 300), (256, 256), (10, 3)])
def test_a_whole_tile_holds_no_less_and_takes_no_more_tiles(coding, size):
    card = ChipCard.load("default").replace(weights={"coding": coding})
    rows, columns = size
    one = Matrix(name="fc", rows=rows, columns=columns, positions=1, passes=1, inputs=rows, ones=1, drives=1)
    (filled,) = whole([one], card)
    assert isinstance(filled, Matrix) and filled.rows >= rows and filled.columns >= columns
    assert card.weights.tiles(filled.rows, filled.columns) == card.weights.tiles(rows, columns)
    for part, area in areas([one], card).items():
        assert areas([filled], card)[part] >= area


def test_attention_arrays_are_as_large_as_they_are():
    core = Attention(name="core", steps=2, heads=3, tokens=5, width=4, q=9, k=8, v=7)
    assert whole([core], ChipCard.load("default")) == [core]
