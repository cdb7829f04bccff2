"""Objects of aihwkit as cells: presets where the numbers are theirs, the same laws where not."""

import pytest
import torch
from aihwkit.inference import (
    CustomDriftPCMLikeNoiseModel,
    PCMLikeNoiseModel,
    ReRamCMONoiseModel,
    ReRamWan2022NoiseModel,
)
from aihwkit.inference.converter.conductance import (
    DualPairConductanceConverter,
    SinglePairConductanceConverter,
)
from aihwkit.inference.noise.custom import StateIndependentNoiseModel
from aihwkit.inference.noise.hermes import HermesNoiseModel
from aihwkit.simulator import presets
from aihwkit.simulator.configs.devices import IdealDevice, SoftBoundsDevice

from memsim import devices
from memsim.devices import stream
from memsim.devices.aihwkit_cells import key_fields_strengths, key_of
from memsim.devices.device_card import DeviceCard
from memsim.devices.functions import PiecewiseLinear
from memsim.devices.weights.model_of_cell import noise_model
from memsim.devices.weights.noise_models import RepairedHermes
from tests.statistics import assert_same_mean, assert_same_std

LINES = {"g_lst": [0.0, 10.0, 30.0], "nu_mean_lst": [0.1, 0.05, 0.04], "nu_std_lst": [0.05, 0.02, 0.01]}
PAIR = SinglePairConductanceConverter(g_max=25.0, g_min=1.0)
MODELS = {
    "polynomial": PCMLikeNoiseModel(
        prog_coeff=[0.5, 1.0], g_max=30.0, t_0=50.0, t_read=1e-6, drift_scale=0.5
    ),
    "range": PCMLikeNoiseModel(g_max=50.0, prog_noise_scale=2.0),
    "g_min": PCMLikeNoiseModel(g_converter=PAIR),
    "drift": CustomDriftPCMLikeNoiseModel(LINES, g_max=25.0, read_noise_scale=0.5),
    "state-independent": StateIndependentNoiseModel(g_max=20.0, prog_coeff=[0.3, 0.2], read_noise_scale=0.1),
    "hermes": RepairedHermes(num_devices=1, prog_noise_scale=0.5),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_cell_has_the_law_of_its_model_and_its_model_comes_back(name):
    """Written and a day later, device by device, at three targets; and the model of the cell is the model."""
    model = MODELS[name]
    cell = devices.get(key_of(model))
    top = model.g_converter.g_max
    back = noise_model(cell)
    assert type(model) in type(back).__mro__
    for x in (0.1, 0.5, 1.0):
        target = torch.full((40_000,), top * x)
        state = cell.write(target / 1e6, rng=stream(3, name, str(x)))
        ours = [state.programmed * 1e6, cell.read(cell.relax(state, 86400.0)) * 1e6]
        for one in (model, back):
            torch.manual_seed(1)
            written = one.apply_programming_noise_to_conductance(target.clone())
            nu = one.generate_drift_coefficients(target.clone())
            theirs = (written, one.apply_drift_noise_to_conductance(written, nu, 86400.0))
            for mine, other in zip(ours, theirs, strict=True):
                assert_same_mean(mine, other)
                assert_same_std(mine, other)
                with pytest.raises(AssertionError):
                    assert_same_mean(1.03 * mine, other)


def test_numbers_of_a_preset_are_the_preset():
    assert key_of(PCMLikeNoiseModel()) == "pcm-joshi2020" == key_of(PCMLikeNoiseModel(g_max=25.0))
    assert key_of(HermesNoiseModel()) == "pcm-hermes2023-2"
    assert key_of(ReRamWan2022NoiseModel(g_max=40.0)) == "reram-wan2022"
    cmo = ReRamCMONoiseModel(g_max=88.2, g_min=9.0, acceptance_range=2)
    assert key_of(cmo) == "reram-cmo-falcone2025-2pct"
    assert key_of(presets.ReRamArrayOMPresetDevice()) == "reram-om"
    assert key_of(IdealDevice()) == "ideal"
    assert key_fields_strengths(PCMLikeNoiseModel(g_max=20.0, drift_scale=0.0)) == (
        "pcm-joshi2020", {"g_max": 20.0 / 1e6, "device_errors": "relative"}, {"drift": 0.0}
    )  # fmt: skip


def test_wans_model_at_another_range_is_as_strong_as_aihwkit_makes_it():
    """Its fit is of 40 uS; at 25 uS aihwkit's spread is 40 / 25 of what is published."""
    name, fields, strengths = key_fields_strengths(ReRamWan2022NoiseModel(g_max=25.0))
    assert (name, strengths["programming"]) == ("reram-wan2022", 1.6)
    assert fields == {"g_max": 25e-6, "device_errors": "relative"}


def test_a_law_that_a_device_card_says_is_one_and_others_have_names_by_their_numbers():
    card = key_of(MODELS["state-independent"])
    assert isinstance(card, DeviceCard) and card.weight and card.weight.drift_exponent == 0.1
    one, same = (key_of(SoftBoundsDevice(dw_min=0.02)) for _ in range(2))
    other = key_of(SoftBoundsDevice(dw_min=0.03))
    assert one == same != other and str(one).startswith("softboundsdevice-")
    assert devices.get(str(one)).n_max == 30  # half of its states  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (presets.ReRamES2Preset(), "no cell has the law of ReRamES2Preset"),
        (presets.ReRamESPreset(), r"give its \.device"),
        (PCMLikeNoiseModel(g_converter=DualPairConductanceConverter(f_lst=[1.0, 2.0])), "SinglePair"),
        (type("Mine", (PCMLikeNoiseModel,), {})(), "no cell has the law of Mine"),
        (PCMLikeNoiseModel(prog_coeff_g_max_reference=20.0, prog_coeff=[1.0]), "has lost its prog_coeff"),
    ],
)
def test_what_no_cell_is_like_is_refused(thing, words):
    with pytest.raises(ValueError, match=words):
        key_of(thing)


def test_lines_from_point_to_point_are_held_outside():
    line = PiecewiseLinear((0.2, 0.4, 1.0), (1.0, 3.0, 0.0))
    x = torch.tensor([0.0, 0.2, 0.3, 0.4, 0.7, 1.0, 2.0], dtype=torch.float64)
    assert line(x).tolist() == pytest.approx([1.0, 1.0, 2.0, 3.0, 1.5, 0.0, 0.0], abs=1e-12)
    with pytest.raises(ValueError, match="must rise"):
        PiecewiseLinear((0.2, 0.2), (1.0, 2.0))
