"""Noise of each coding by its closed form, in standard errors; a device that is 3 % wrong is rejected.

The middle is the designed one: what measuring it takes off of these errors is in test_middle.py.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

import pytest
import torch

from memsim import ChipCard, devices
from memsim.arrays import coded_devices, weight_devices
from memsim.coding.named import find
from memsim.devices.functions import Polynomial
from memsim.devices.weights.effects import Drift, LogRelaxation, Spread
from memsim.run import Run
from tests.memsim.made import array, card
from tests.statistics import assert_mean, assert_std

CODINGS: dict[str, Any] = {
    "pair": "pair",
    "offset": {"kind": "offset", "middle": "designed"},
    "single": {"kind": "single", "middle": "designed"},
    "slices": {"kind": "slices", "slice_bits": [2, 2, 2]},
    "slices-offset": {"kind": "slices", "slice_bits": [3, 2], "sign": "offset", "middle": "designed"},
}
SIGMA = 0.4  #: of programming [uS]
ROWS, COLUMNS, CHIPS = 6, 4, 12_000
MATRIX = torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(4))
G_MAX, G_MIN = 25e-6, 5e-6


def cell(**laws: Any) -> devices.WeightCell:
    """A cell whose range is far from 0 S, with these laws alone."""
    known = devices.get("pcm-joshi2020")
    assert isinstance(known, devices.WeightCell)
    none = {"drift": None, "flicker": None, "programming": None, "read_noise_std": 0.0}
    return dataclasses.replace(known, g_max=G_MAX, g_min=G_MIN, **{**none, **laws})


def made(
    given: Any, held: devices.WeightCell, chips: int = CHIPS, matrix: torch.Tensor = MATRIX, **weights: Any
):
    """An array of such cells; scale of the layer, no converters."""
    found = array(matrix, card(coding=given, scaling="layer", **weights).only("programming"), chips=1)
    found.run = Run(card=found.run.card, chips=tuple(range(chips)), seed=3, ledger=found.run.ledger)
    found.run.begin(1)
    found.cell = held
    found.program()
    return found


def per_weight(given: Any, parallel: int) -> float:
    """Variances of single devices that an error of a weight is made of, in units of a weight's own scale:
    sum of factor^2 times the devices of a place, over n for the mean of n.
    """
    coding = find(given)
    devices_at_a_place = 2 if coding.paired else 1
    of_reference = coding.factors[0] ** 2 if coding.referenced else 0.0
    return (sum(f**2 * devices_at_a_place for f in coding.factors) + of_reference) / parallel


@pytest.mark.parametrize("key", CODINGS)
@pytest.mark.parametrize("parallel", [1, 3])
@torch.no_grad()
def test_programming_noise_of_a_product(key, parallel):
    """sd^2 = sigma^2 sum_r x_r^2 (sum_p factor_p^2 devices + reference) / (n k^2), k siemens for a weight of
    one.
    """
    spread = Spread(Polynomial((SIGMA,)))
    found = made(CODINGS[key], cell(programming=spread), devices_per_weight=parallel)
    x = torch.tensor([1.0, 0, 1, 1, 0.5, 1])
    read = found.read(x.expand(1, CHIPS, 1, 1, ROWS).contiguous())[0, :, 0, 0]
    k = (G_MAX - G_MIN) / float(MATRIX.abs().max())
    wanted = SIGMA * 1e-6 / k * math.sqrt(float(x.square().sum()) * per_weight(CODINGS[key], parallel))
    rounding = torch.zeros(COLUMNS) if not find(CODINGS[key]).rounds else read.mean(0) - x @ MATRIX
    assert float(rounding.abs().max()) < 0.3
    for column in range(COLUMNS):
        assert_std(read[:, column], wanted)
        if not find(CODINGS[key]).rounds:
            assert_mean(read[:, column], float(x @ MATRIX[:, column]))
    free = read - read.mean(0)
    if key == "offset":  # whose columns share a reference: the difference of two has twice the others' part
        free = free[:, 0::2] - free[:, 1::2]
    assert_std(free, wanted)
    with pytest.raises(AssertionError):
        assert_std(1.03 * free, wanted)


@torch.no_grad()
def test_columns_of_a_tile_share_the_errors_of_their_reference():
    """Half of the variance is the reference's: columns of a tile correlate by .5, of two tiles not at all."""
    spread = Spread(Polynomial((SIGMA,)))
    found = made(CODINGS["offset"], cell(programming=spread), tile_columns=3)
    assert found.column_tiles == 2
    read = found.read(torch.ones(1, CHIPS, 1, 1, ROWS))[0, :, 0, 0]
    correlation = torch.corrcoef(read.T)
    error = 1 / math.sqrt(CHIPS)
    assert abs(float(correlation[0, 1]) - 0.5) < 5 * 0.75 * error
    assert abs(float(correlation[2, 3]) - 0.5) < 5 * 0.75 * error
    assert abs(float(correlation[0, 2])) < 5 * error


@pytest.mark.parametrize("key", CODINGS)
@torch.no_grad()
def test_read_noise_of_a_product(key):
    """sd^2 = noise^2 g_max V^2 sum_p gain_p^2 sum_r x_r^2 G_pr, the reference like a plane."""
    noisy = cell(read_noise_std=0.1)
    found = made(CODINGS[key], noisy, chips=1)
    draws = 20_000
    read = found.read(torch.ones(1, 1, 1, draws, ROWS))[0, 0, 0]
    coding = find(CODINGS[key])
    held = found.conductance()[0].double().unflatten(0, (len(coding.factors), -1)).sum((1, 2))  # (P, C)
    factors = torch.tensor(coding.factors, dtype=torch.float64)
    variance = factors.square() @ held
    references = found.reference_conductance()
    if references is not None:
        variance = variance + coding.factors[0] ** 2 * references.double().sum()
    wanted = 0.1 * (G_MAX * variance).sqrt() / found.scale_C.double()
    for column in range(COLUMNS):
        assert_std(read[:, column], float(wanted[column]))
    with pytest.raises(AssertionError):
        assert_std(1.03 * (read - read.mean(0)) / wanted, 1.0)


SHIFT = 2e-6  #: what every device gains by one e-folding of time [S]


@pytest.mark.parametrize("key", CODINGS)
@torch.no_grad()
def test_what_is_common_to_all_devices_cancels_in_pairs_and_beside_a_reference_alone(key):
    """A shift d of every device: nothing in pairs, nothing on average beside a reference column, and
    sum_p factor_p n d sum_r x_r / k where the middle is taken off digitally.
    """
    relaxing = cell(relaxation=LogRelaxation(SHIFT * 1e6, 0.0, 0.0))
    found = made(
        CODINGS[key], relaxing, chips=1, matrix=0.5 * MATRIX.clone().index_fill_(0, torch.tensor([0]), 2.0)
    )
    x = torch.ones(1, 1, 1, 1, ROWS)
    before = found.read(x)
    found.advance_to(math.e, "none")
    moved = (found.read(x) - before).flatten()
    coding = find(CODINGS[key])
    k = float(found.scale_C[0])
    wanted = sum(coding.factors) * SHIFT * ROWS / k if coding.subtracts else 0.0
    assert torch.allclose(moved, torch.full((COLUMNS,), wanted), atol=2e-3 * SHIFT * ROWS / k)


def _with_more(original: Any, more: float, *args: Any) -> torch.Tensor:
    """Conductances with `more` on every device at the first place; references have columns of their own."""
    held = original(*args).clone()
    if held.shape[-1] == COLUMNS:
        held[..., 0, 0] += more
    return held


@pytest.mark.parametrize(("key", "wanted"), [("pair", 0.0), ("offset", 2.0)])
@torch.no_grad()
def test_what_is_common_to_a_place_cancels_in_its_pair_and_not_beside_a_reference(key, wanted, monkeypatch):
    """The same siemens more on every device of one place: both sides of a pair, or a device by itself."""
    more = 1e-6
    ideal = ChipCard.load("default").replace(weights={"cell": "ideal"}, attention={"cell": "ideal"})
    chosen = ideal.replace(weights={"coding": key, "scaling": "layer"})
    x = torch.ones(1, 1, 1, 1, ROWS, dtype=torch.float64)
    before = array(MATRIX.double(), chosen).read(x)
    for module, name in ((weight_devices, "_devices"), (coded_devices, "_single")):
        monkeypatch.setattr(module, name, partial(_with_more, getattr(module, name), more))
    found = array(MATRIX.double(), chosen)
    moved = (found.read(x) - before).flatten() * found.scale_C
    assert torch.allclose(moved, torch.tensor([wanted * more, 0.0, 0.0, 0.0]).double(), atol=1e-12)
    assert float(found.conductance()[0, 0, 0, 0]) >= more


@pytest.mark.parametrize("key", CODINGS)
@pytest.mark.parametrize("compensation", ["global", "column"])
@pytest.mark.parametrize("reference", ["written", "weights"])
@torch.no_grad()
def test_drift_that_is_the_same_everywhere_is_compensated_in_every_coding(key, compensation, reference):
    """One exponent for all devices: G falls to a third everywhere, and the digital factor brings it back."""
    drifting = cell(drift=Drift(Polynomial((0.1,)), Polynomial((0.0,)), 20.0))
    found = made(CODINGS[key], drifting, chips=2)
    found.run.card = (
        ChipCard.load("default")
        .replace(weights={"coding": CODINGS[key], "scaling": "layer", "reference": reference})
        .only("drift")
    )
    found.renew()
    x = torch.ones(1, 2, 1, 1, ROWS)
    before = found.read(x)
    found.advance_to(1e6, "none")
    assert float((found.read(x) - before).abs().mean()) > 0.1
    found.advance_to(1e6, compensation)
    assert torch.allclose(found.read(x), before, atol=2e-4)
    assert float(found.compensation_SC.mean()) == pytest.approx(((1e6 + 20) / 20) ** 0.1, rel=1e-4)
