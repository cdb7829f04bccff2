"""The ledger's events and energies of three networks, against a count made here from the digital network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import memsim
from tests.zoo.counting import COLUMNS, ROWS, Count
from tests.zoo.entry import Entry, Made, pictures, seeded
from tests.zoo.networks import entry
from tests.zoo.reference import digital, double

EVENTS = (
    "row-drive", "dac-conversion", "adc-8b", "sample-hold", "digital-add", "bus-bit", "router-bit",
)  # fmt: skip
IMAGES, CHIPS = 3, 2


def _grouped() -> Made:
    """A strided, padded convolution with groups after a plain one."""
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 18, 3, stride=(2, 1), padding=(1, 2), groups=2, dilation=(1, 2)),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(18 * 3 * 6, 5, bias=False),
    )
    return Made(net, pictures(2, 6, 6))


CASES = [
    entry("mlp_with_flatten"),
    Entry("strided padded convolution with groups", _grouped),
    entry("spikingjelly_csnn_single_step_loop"),
]


@pytest.fixture(params=[pytest.param(case, id=case.name.replace(" ", "_")) for case in CASES])
def case(request: pytest.FixtureRequest) -> Entry:
    if request.param.missing:
        pytest.skip(f"{request.param.needs} is not installed")
    return request.param


def exact_card(**more) -> memsim.ChipCard:
    """Weights written and read exactly in small tiles, nothing rounded, everything counted."""
    weights = {"cell": "ideal", "tile_rows": ROWS, "tile_columns": COLUMNS, **more}
    return memsim.ChipCard.load("default").replace(weights=weights).without("adc", "dac")


def test_events_and_energy(case: Entry) -> None:
    """Each layer with a matrix for itself; digital work outside of them is counted elsewhere."""
    made = case.make()
    with seeded(case.name + " images"):
        inputs = made.draw(IMAGES)
    wanted = Count(digital(case), double(inputs))
    chip = memsim.to_crossbar(made.net, exact_card(), chips=CHIPS, seed=2).program()
    with torch.no_grad():
        chip(*inputs.args, **inputs.kwargs)
    ledger, card = chip.ledger, chip.card
    assert ledger.images == IMAGES * CHIPS
    assert set(chip.weight_arrays) == set(wanted.squares)
    for (layer, event), number in wanted.events.items():
        assert ledger.number(event, layer) == pytest.approx(number / IMAGES), (layer, event)
    volt, second = card.weights.read_voltage, card.weights.read_time
    by_layer = ledger.breakdown("layer")
    for name, array in chip.weight_arrays.items():
        events = sum(wanted.events[name, event] * card.price(event).energy for event in EVENTS)
        siemens = array.conductance()[: array.groups].double().sum((1, 3)).numpy()  # both devices of a row
        read = float((wanted.squares[name] * siemens).sum()) * volt**2 * second
        leakage = wanted.columns[name] * ledger.latency * card.price("column-second").energy
        assert by_layer[name] == pytest.approx((events + read) / IMAGES + leakage, rel=1e-5), name


def test_a_dac_drives_no_row_with_a_number_under_half_a_step() -> None:
    made = entry("mlp_with_flatten").make()
    with seeded("dac"):
        calibration, inputs = made.draw(6).args[0], made.draw(IMAGES).args[0] ** 4  # many small ones
    card = memsim.ChipCard.load("default").replace(weights={"dac_bits": 4, "tile_columns": COLUMNS})
    chip = memsim.to_crossbar(made.net, card, chips=1, seed=2, calibration=calibration).program()
    with torch.no_grad():
        chip(inputs)
    step = float(calibration.max()) / 15
    codes = np.clip(np.round(inputs.double().numpy() / step), 0, 15)
    assert 0.2 < (codes == 0).mean() < 0.8
    assert chip.ledger.number("row-drive", "1") == np.count_nonzero(codes) * 3 / IMAGES  # 24 columns
    assert chip.ledger.number("dac-conversion", "1") == 64 * 3
