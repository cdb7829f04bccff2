"""Resistive lines of tiles in every coding, against the exact network of each tile."""

import pytest
import torch

from memsim import ChipCard, nodal_read
from tests.memsim.made import array

MATRIX = torch.randn(50, 11, generator=torch.Generator().manual_seed(0))
SPIKES = (torch.rand(1, 1, 1, 40 * 50, generator=torch.Generator().manual_seed(1)) < 0.15).float()
CODINGS = {
    "pair": "pair",
    "offset": "offset",
    "single": "single",
    "slices": {"kind": "slices", "slice_bits": (2, 3)},
    "offset slices": {"kind": "slices", "slice_bits": (2, 2), "sign": "offset"},
}


def card(coding, wires: str = "grounded", ohm: float = 5.0) -> ChipCard:
    """Ideal devices in one row tile of 50 and tiles of at most 20 devices a word line."""
    weights = {"coding": coding, "wires": wires, "tile_columns": 20, "cell": "pcm-joshi2020"}
    made = ChipCard.load("default").replace(
        weights=weights, attention={"wires": "none"}, **{"wire_resistance [ohm]": ohm}
    )
    return made.only(*(["wires"] if wires != "none" else []))


def read(made: ChipCard) -> torch.Tensor:
    weights = array(MATRIX, made)
    weights.run.begin(1, (0,), calibrating=True)
    weights.calibrate(SPIKES, weights.run.now.address("layer", 1))
    weights.run.begin(1, (0,))
    return weights.read(SPIKES)[0, 0, 0]


@pytest.mark.parametrize("name", CODINGS)
def test_zero_ohm_is_bit_equal_to_no_lines_and_more_loses_more(name):
    ideal = read(card(CODINGS[name], "none"))
    assert torch.equal(read(card(CODINGS[name], ohm=0.0)), ideal)
    lost = [float((read(card(CODINGS[name], ohm=ohm)) - ideal).square().mean()) for ohm in (0.5, 5.0, 50.0)]
    assert 0 < lost[0] < lost[1] < lost[2]


@pytest.mark.parametrize("name", ["offset", "single", "offset slices"])
def test_single_devices_are_the_exact_network_of_their_tiles(name):
    """Columns of a tile stand side by side, plane after plane, the tile's reference last."""
    made = card(CODINGS[name])
    weights, ideal = array(MATRIX, made), array(MATRIX, card(CODINGS[name], "none"))
    g = ideal.volt_SRC[0].double() / 0.2  # lines of single devices: planes, then references
    lines = ideal.lines
    groups = [list(range(part.start, part.stop)) for part in lines.planes]
    expected = torch.zeros(40, g.shape[1], dtype=torch.float64)
    drive = 0.2 * SPIKES.view(40, 50).double().flip(1)
    for tile in range(ideal.column_tiles):
        columns = [c for c in range(11) if int(lines.tile_of_column[c]) == tile]
        order = [group[c] for c in columns for group in groups]
        if lines.reference is not None:
            order.append(lines.reference.start + tile)
        expected[:, order] = nodal_read(drive, g[:, order].flip(0), r_word=5.0, r_bit=5.0)
    found = SPIKES.view(40, 50).double() @ weights.volt_SRC[0].double()
    wires = (expected - 0.2 * SPIKES.view(40, 50).double() @ g).square().mean().sqrt()
    assert (found - expected).square().mean().sqrt() < 0.03 * wires
