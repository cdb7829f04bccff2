"""Chip cards from aihwkit's configurations and back, field by field."""

import dataclasses
import warnings

import pytest
from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
from aihwkit.inference.compensation.drift import (
    GlobalDriftCompensationWithExactReference,
    PerColumnDriftCompensation,
)
from aihwkit.simulator.configs import InferenceRPUConfig, SingleRPUConfig, TorchInferenceRPUConfigIRDropT
from aihwkit.simulator.parameters.enums import (
    AnalogMVType,
    BoundManagementType,
    NoiseManagementType,
    WeightNoiseType,
)

from memsim import CardError, ChipCard
from memsim.card.exchange_report import LossyExchange


def config(**forward) -> InferenceRPUConfig:
    """A configuration that a card can say exactly, with other numbers of the read."""
    made = InferenceRPUConfig()
    made.mapping.weight_scaling_omega = 1.0
    made.forward.noise_management = NoiseManagementType.NONE
    made.forward.bound_management = BoundManagementType.NONE
    made.forward.inp_res = made.forward.out_res = 1 / 254
    for name, value in forward.items():
        setattr(made.forward, name, value)
    return made


def said(made: InferenceRPUConfig) -> tuple[ChipCard, dict]:
    """The card, and verdicts by field, warnings not heeded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LossyExchange)
        card, report = ChipCard.from_rpu_config(made)
    return card, {line.field: line.verdict for line in report}


def test_every_field_is_said_once():
    made = InferenceRPUConfig()
    _, verdicts = said(made)
    whole = {line.split(".")[0] for line in verdicts}
    assert whole == {f.name for f in dataclasses.fields(made)}
    forward = {f"forward.{f.name}" for f in dataclasses.fields(made.forward)}
    mapping = {f"mapping.{f.name}" for f in dataclasses.fields(made.mapping)}
    assert forward | mapping <= set(verdicts)
    _, report = ChipCard.from_rpu_config(config())
    assert len(report) == len({line.field for line in report})
    assert str(report).splitlines()[0].split() == ["field", "value", "verdict", "as"]


def test_the_numbers_of_a_configuration_are_those_of_the_card():
    made = config(
        inp_res=62, out_res=1 / 510, out_noise=0.06, w_noise=0.00875, w_noise_type=WeightNoiseType.PCM_READ
    )
    made.noise_model = PCMLikeNoiseModel(g_max=20.0, prog_noise_scale=0.5, drift_scale=0.0)
    made.mapping.max_input_size, made.mapping.max_output_size = 128, 0
    made.mapping.weight_scaling_columnwise = True
    made.drift_compensation = PerColumnDriftCompensation()
    card, _ = ChipCard.from_rpu_config(made, name="mine", strict=True)
    section = card.weights
    assert (card.name, section.cell, section.g_max) == ("mine", "pcm-joshi2020", 20.0 / 1e6)
    assert (section.dac_bits, section.adc_bits, section.output_noise) == (6, 9, 0.06)
    assert (section.tile_rows, section.tile_columns) == (128, 65536)
    assert (section.scaling, section.compensation) == ("column", "column")
    assert card.off == {"drift"} and card.strengths == {"programming": 0.5, "read-noise": 0.5}


@pytest.mark.parametrize(
    ("change", "off"),
    [({"inp_res": -1}, "dac"), ({"out_res": 0}, "adc"), ({"w_noise": 0.0}, "read-noise")],
)
def test_what_is_ideal_there_is_off_here(change, off):
    usual = {"w_noise": 0.0175, "w_noise_type": WeightNoiseType.PCM_READ, "out_noise": 0.0}
    card, _ = ChipCard.from_rpu_config(config(**usual | change), strict=True)
    assert card.off == {off}
    card, _ = ChipCard.from_rpu_config(config(is_perfect=True), strict=True)
    assert card.off == {"adc", "dac", "read-noise"} and card.weights.output_noise == 0.0


def test_noise_is_relative_to_the_largest_weight_and_input():
    made = config(inp_bound=2.0, out_noise=0.06, w_noise=0.0175, w_noise_type=WeightNoiseType.PCM_READ)
    made.mapping.weight_scaling_omega = 0.25
    card, _ = ChipCard.from_rpu_config(made, strict=True)
    assert card.weights.output_noise == pytest.approx(0.06 / 0.25 / 2.0)
    assert card.strengths["read-noise"] == pytest.approx(0.25**-0.5)


LOST = {
    "mv_type": AnalogMVType.POS_NEG_SEPARATE, "inp_noise": 0.1, "inp_sto_round": True, "inp_asymmetry": 0.1,
    "out_noise_std": 0.3, "out_sto_round": True, "out_asymmetry": 0.1, "out_scale": 1.1,
    "out_nonlinearity": 0.1, "v_offset_std": 0.1, "r_series": 0.1, "w_read_asymmetry_dtod": 0.1,
    "bound_management": BoundManagementType.ITERATIVE, "noise_management": NoiseManagementType.ABS_MAX,
    "inp_res": 1 / 255, "ir_drop": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("field", LOST)
def test_what_a_card_cannot_say_is_a_warning_and_strictly_a_refusal(field):
    made = config(**{field: LOST[field]})
    with pytest.warns(LossyExchange, match=rf"forward\.{field} = "):
        _, report = ChipCard.from_rpu_config(made)
    assert [line.field for line in report.lossy][:1] == [f"forward.{field}"]
    with pytest.raises(CardError, match=rf"strict: .*forward\.{field}"):
        ChipCard.from_rpu_config(made, strict=True)


def test_other_losses():
    made = config(w_noise=0.02, w_noise_type=WeightNoiseType.ADDITIVE_CONSTANT)
    made.mapping.digital_bias, made.modifier.enable_during_test = False, True
    made.drift_compensation = GlobalDriftCompensationWithExactReference()
    card, verdicts = said(made)
    assert (card.weights.compensation, card.weights.reference) == ("global", "weights")
    assert "read-noise" in card.off
    assert verdicts["drift_compensation"] == "changed"
    for field in ("forward.w_noise_type", "mapping.digital_bias", "modifier.enable_during_test"):
        assert verdicts[field] == "not expressible", field
    _, verdicts = said(TorchInferenceRPUConfigIRDropT())
    assert verdicts["forward.ir_drop_rs"] == "not expressible"


def test_wires_have_the_resistance_of_the_ratio():
    made = config(ir_drop=2.0, ir_drop_g_ratio=1.0 / 0.35 / 5e-6)
    card, _ = said(made)
    assert card.weights.wires == "idle-off"
    assert said(made)[0].wire_resistance == pytest.approx(2 * 0.35 * 5e-6 / 25e-6)
    with pytest.warns(LossyExchange, match=r"weights\.wires"):
        back, _ = card.to_rpu_config()
    assert back.forward.ir_drop / back.forward.ir_drop_g_ratio == pytest.approx(2 * 0.35 * 5e-6)


CARDS = {
    "default": {},
    "g_max": {"weights": {"g_max [S]": 15e-6, "scaling": "layer", "tile_rows": 64, "tile_columns": 32}},
    "bits": {"weights": {"dac_bits": 4, "adc_bits": 10, "compensation": "none", "output_noise": 0.02}},
    "off": {"off": ["read-noise", "adc"], "strengths": {"programming": 0.5, "drift": 2.0}},
    "wan": {"weights": {"cell": "reram-wan2022", "compensation": "column"}},
    "hermes": {"weights": {"cell": "pcm-hermes2023-1"}, "strengths": {"read-noise": 0.3}},
    "own": {"weights": {"cell": PCMLikeNoiseModel(g_max=50.0, t_0=30.0)}},
    "ideal": {"weights": {"cell": "ideal"}},
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_comes_back_from_its_configuration(name):
    card = ChipCard.load("default").replace(weights={"wires": "none"}).replace(**CARDS[name])
    made, report = card.to_rpu_config(strict=True)
    assert report.lossy == ()
    back, _ = ChipCard.from_rpu_config(made, name=card.name, strict=True)
    assert back.replace(description=card.description) == card


def test_what_a_configuration_cannot_say_of_a_card_is_told():
    card = ChipCard.load("default").replace(
        weights={"devices_per_weight": 4, "read_voltage [V]": 0.3}, off=["device-spread"]
    )
    with pytest.warns(LossyExchange) as caught:
        _, report = card.to_rpu_config()
    lost = {line.field for line in report.lossy}
    assert lost == {
        "weights.devices_per_weight", "weights.read_voltage", "weights.wires", "off.device-spread",
    }  # fmt: skip
    assert "0.2 comes back" in str(caught[0].message)
    with pytest.raises(CardError, match="no noise model of reram-milo2021"):
        ChipCard.load("default").replace(weights={"cell": "reram-milo2021"}).to_rpu_config()


def test_other_configurations_and_converters_are_refused():
    with pytest.raises(
        CardError, match=r"InferenceRPUConfig is needed, not a SingleRPUConfig.*config\.device"
    ):
        ChipCard.from_rpu_config(SingleRPUConfig())
    with pytest.raises(CardError, match=r"mine: forward\.out_res = 1: .*converters of 2 to 16 bits"):
        ChipCard.from_rpu_config(config(out_res=1.0), name="mine")


def test_compensations_both_ways():
    for rule, name in ((None, "none"), (GlobalDriftCompensation(), "global")):
        made = config()
        made.drift_compensation = rule
        card, _ = ChipCard.from_rpu_config(made)
        assert card.weights.compensation == name
        assert type(card.to_rpu_config()[0].drift_compensation) is type(rule)
