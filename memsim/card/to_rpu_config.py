"""The aihwkit InferenceRPUConfig of a chip card's weight arrays, and what of the card it cannot say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from aihwkit.inference import GlobalDriftCompensation
from aihwkit.inference.compensation.drift import PerColumnDriftCompensation
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, WeightNoiseType

from memsim.card.converters import AdcSection, DacSection
from memsim.card.exchange_report import Line
from memsim.card.fields import CardFields
from memsim.devices.weights.model_of_cell import noise_model
from memsim.devices.weights.weight_cell import WeightCell

COMPENSATIONS = {"global": GlobalDriftCompensation, "column": PerColumnDriftCompensation}
"""aihwkit's own compensations; each works tile by tile."""

SAID = "cell g_max device_errors scaling tile_rows tile_columns compensation dac_bits adc_bits output_noise"
"""Fields of the weights section that a configuration says."""


def inference_config(
    card: CardFields,
    cell: WeightCell,
    *,
    input_bits: int | None,
    output_bits: int | None,
    output_bound: float | None,
) -> InferenceRPUConfig:
    """aihwkit's configuration of weight arrays; bits None: an ideal converter.

    output_bound: range of the ADC, in products of the largest weight and the largest input.  Its noise model
    of the cell, effects at their strengths, none for ideal cells; ValueError for cells aihwkit has no model
    of.
    """
    config, section = InferenceRPUConfig(), card.weights
    config.noise_model = None if cell.exact else noise_model(cell)  # type: ignore[assignment]
    rule = COMPENSATIONS.get(section.compensation)
    config.drift_compensation = rule() if rule else None
    config.mapping.max_input_size, config.mapping.max_output_size = section.tile_rows, section.tile_columns
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = section.scaling == "column"
    io = config.forward
    noise = section.output_noise if card.on("output-noise") else 0.0
    io.is_perfect = input_bits is None and output_bits is None and not (noise or cell.on("read-noise"))
    ohm = card.segment().resistance
    wired = section.wires != "none" and card.on("wires") and ohm > 0
    io.is_perfect = io.is_perfect and not wired
    io.noise_management, io.bound_management = NoiseManagementType.NONE, BoundManagementType.NONE
    io.inp_noise, io.out_noise = 0.0, noise
    io.inp_bound, io.inp_res = 1.0, resolution(input_bits)
    io.out_bound = output_bound if output_bits and output_bound else -1.0
    io.out_res = resolution(output_bits)
    if wired:
        io.ir_drop, io.ir_drop_g_ratio = 1.0, 1.0 / (ohm * cell.g_max)
    io.w_noise = 0.0 if cell.exact else cell.read_noise * math.sqrt(cell.g_scale / cell.g_max)
    io.w_noise_type = WeightNoiseType.PCM_READ if cell.on("read-noise") else WeightNoiseType.NONE
    return config


def resolution(bits: int | None) -> float:
    """aihwkit's resolution of a signed converter, 1 / (2^bits - 2) of its range; -1 for an ideal one."""
    return -1.0 if bits is None else 1 / (2**bits - 2)


def lines_of(card: CardFields, usual: CardFields, cell: WeightCell, bound: float) -> Iterator[Line]:
    """Yield what became of every field of a card; one that a configuration cannot say is lost where it is not
    the `usual` card's, whose value comes back.
    """
    for name in type(card.weights).model_fields:
        value = getattr(card.weights, name)
        if name in SAID.split() or (name, str(value)) in (("wires", "none"), ("coding", "pair")):
            yield Line(f"weights.{name}", value, "taken", "")
        elif name == "wires":
            yield Line("weights.wires", value, "changed", "aihwkit has a polynomial for bit lines alone")
        elif isinstance(value, (AdcSection, DacSection)):
            others = getattr(usual.weights, name)
            for one in type(value).model_fields:
                yield _unsaid(f"weights.{name}.{one}", getattr(value, one), getattr(others, one))
        else:
            yield _unsaid(f"weights.{name}", value, getattr(usual.weights, name))
    yield Line("forward.out_bound", bound, "calibrated", "memsim's range comes from training images")
    for name in type(card).model_fields:
        if name in ("attention", "wear", "weight_faults", "attention_faults"):
            section, others = getattr(card, name), getattr(usual, name)
            for one in type(section).model_fields:
                yield _unsaid(f"{name}.{one}", getattr(section, one), getattr(others, one))
        elif name == "wire_resistance" and card.weights.wires != "none":
            yield Line(name, card.segment().resistance, "taken", "forward.ir_drop_g_ratio")
        elif name not in ("weights", "off", "strengths", "name", "description"):
            yield _unsaid(name, getattr(card, name), getattr(usual, name))
    for effect in ("thermal-noise", "shot-noise"):
        if card.on(effect):
            yield Line(effect, True, "no effect", "aihwkit's reads have none; the default card's comes back")
    known = {"thermal-noise", "shot-noise", "dac", "adc", "output-noise", "wires", *cell.effects}
    for name, given in (("off", set(card.off)), ("strengths", set(card.strengths))):
        for effect in sorted(given):
            if effect in known:
                yield Line(f"{name}.{effect}", True, "taken", "")
            else:
                yield Line(
                    f"{name}.{effect}", True, "not expressible", "aihwkit's inference has no such effect"
                )


def _unsaid(name: str, value: Any, usual: Any) -> Line:
    """Return a field that a configuration has no word for."""
    if value == usual:
        return Line(name, value, "no effect", "no field of aihwkit's; the default card's value comes back")
    return Line(name, value, "not expressible", f"no field of aihwkit's; {usual} comes back")
