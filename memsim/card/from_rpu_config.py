"""The fields of a chip card that an aihwkit InferenceRPUConfig gives, and what it says that no card does.

Converters: a signed one of b bits has 2^b - 2 steps, so inp_res = out_res = 1 / (2^b - 2).  A configuration's
bounds are numbers; a card's ranges come from training images.  Noise of a read, PCM_READ: w_noise relative to
weights of up to weight_scaling_omega, so memsim's read_noise is w_noise / sqrt(omega).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from aihwkit.inference import GlobalDriftCompensation
from aihwkit.inference.compensation.drift import (
    GlobalDriftCompensationWithExactReference,
    PerColumnDriftCompensation,
)
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.parameters.enums import (
    AnalogMVType,
    BoundManagementType,
    NoiseManagementType,
    WeightNoiseType,
)

from memsim.card.exchange_report import Line, Verdict
from memsim.devices import registry
from memsim.devices.aihwkit_cells import key_fields_strengths

COMPENSATIONS = {
    GlobalDriftCompensation: "global",
    GlobalDriftCompensationWithExactReference: "global",
    PerColumnDriftCompensation: "column",
    type(None): "none",
}
"""A card's compensation by aihwkit's class."""

IDLE: dict[str, tuple[Any, str]] = {
    "forward.mv_type": (AnalogMVType.ONE_PASS, "rows of both signs are driven in one pass"),
    "forward.inp_noise": (0.0, "rows have no noise of their own"),
    "forward.inp_sto_round": (False, "converters round to the nearest level"),
    "forward.inp_asymmetry": (0.0, "rows of both signs are driven in the same way"),
    "forward.out_noise_std": (0.0, "every column has as much noise of conversion"),
    "forward.out_sto_round": (False, "converters round to the nearest level"),
    "forward.out_asymmetry": (0.0, "columns are read in the same way for both signs"),
    "forward.out_scale": (1.0, "results have no further factor"),
    "forward.out_nonlinearity": (0.0, "ADCs are linear"),
    "forward.v_offset_std": (0.0, "columns have no offset of their voltage"),
    "forward.r_series": (0.0, "columns have no series resistance"),
    "forward.w_read_asymmetry_dtod": (0.0, "devices are read in the same way in both polarities"),
    "forward.noise_management": (
        NoiseManagementType.NONE,
        "the range of a DAC is calibrated, not per vector",
    ),
    "forward.bound_management": (BoundManagementType.NONE, "a read is not repeated where an ADC clips"),
    "mapping.digital_bias": (True, "biases are added digitally"),
    "modifier.enable_during_test": (False, "weights are modified in training alone"),
}
"""Fields no card has a word for, the value that is memsim's own, and what memsim does."""

PARTS = {
    "forward.ir_drop": ("ir_drop_g_ratio",),
    "forward.out_nonlinearity": ("out_nonlinearity_std", "slope_calibration"),
    "forward.v_offset_std": ("v_offset_w_min",),
    "forward.noise_management": ("nm_thres",),
    "forward.bound_management": ("max_bm_factor", "max_bm_res", "bm_test_negative_bound"),
}
"""Fields that belong to another one, said with it."""

TRAINING = "backward clip device remap update"
"""Sections that serve training alone."""


@dataclass
class Draft:
    """The card as it is read so far."""

    config: InferenceRPUConfig
    weights: dict[str, Any] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)
    strengths: dict[str, float] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    wire_resistance: float | None = None

    def say(self, name: str, verdict: Verdict, why: str) -> None:
        """Enter what became of a field, ``section.field`` or a section."""
        value: Any = self.config
        for part in name.split("."):
            value = getattr(value, part)
        self.lines.append(Line(name, value, verdict, why))

    def take(self, name: str, why: str = "", **weights: Any) -> None:
        """Enter a field that becomes fields of the weights section."""
        self.weights |= weights
        said = ", ".join(f"weights.{key} = {value}" for key, value in weights.items())
        self.say(name, "taken", ": ".join(filter(None, (said, why))))


def fields_of(config: Any) -> tuple[dict[str, Any], list[Line]]:
    """Return the fields of a card (weights, off, strengths) and what became of each of the configuration's.

    Raises ValueError for what is no InferenceRPUConfig, and for a noise model or converter no card can have.
    """
    if not isinstance(config, InferenceRPUConfig):
        raise ValueError(
            f"an InferenceRPUConfig is needed, not a {type(config).__name__}; the pulsed device of another"
            " configuration can be given as a cell: replace(attention={'cell': config.device})"
        )
    draft = Draft(config)
    _cell(draft)
    _mapping(draft)
    _compensation(draft)
    _forward(draft)
    _rest(draft)
    wires = {} if draft.wire_resistance is None else {"wire_resistance [ohm]": draft.wire_resistance}
    return {"weights": draft.weights, "off": draft.off, "strengths": draft.strengths, **wires}, draft.lines


def _cell(draft: Draft) -> None:
    """The noise model: cell, range, strengths."""
    if draft.config.noise_model is None:
        draft.take("noise_model", cell="ideal")
        return
    key, range_, strengths = key_fields_strengths(draft.config.noise_model)
    draft.off |= {effect for effect, factor in strengths.items() if factor == 0.0}
    draft.strengths = {effect: factor for effect, factor in strengths.items() if factor not in (0.0, 1.0)}
    why = ", ".join(
        f"strengths.{effect} = {factor:g}" for effect, factor in strengths.items() if factor != 1.0
    )
    draft.take("noise_model", why, cell=key, **range_)
    if type(draft.config.noise_model.g_converter).__name__ == "SingleDeviceConductanceConverter":
        draft.say("noise_model.g_converter", "changed", "pairs of devices, one of which rests at g_min")


def _mapping(draft: Draft) -> None:
    """Tiles and digital scales."""
    mapping = draft.config.mapping
    draft.take("mapping.max_input_size", tile_rows=mapping.max_input_size or 65536)
    draft.take("mapping.max_output_size", tile_columns=mapping.max_output_size or 65536)
    columns = mapping.weight_scaling_columnwise and mapping.weight_scaling_omega > 0
    why = "of the whole layer, where aihwkit has scales for each tile"
    draft.take("mapping.weight_scaling_columnwise", why, scaling="column" if columns else "layer")
    draft.say("mapping.weight_scaling_omega", "taken", "the largest weight is always at g_max")
    for name in ("weight_scaling_lr_compensation", "learn_out_scaling", "out_scaling_columnwise"):
        draft.say(f"mapping.{name}", "no effect", "it belongs to training; scales come with the weights")


def _compensation(draft: Draft) -> None:
    rule = type(draft.config.drift_compensation)
    if rule not in COMPENSATIONS:
        draft.weights["compensation"] = "none"
        draft.say("drift_compensation", "not expressible", "memsim has factors of a layer or of a column")
        return
    draft.take("drift_compensation", "of a layer, where aihwkit has one for each tile",
               compensation=COMPENSATIONS[rule])  # fmt: skip
    if rule is GlobalDriftCompensationWithExactReference:
        draft.lines.pop()
        draft.weights["reference"] = "weights"
        draft.say("drift_compensation", "changed", "a factor by products, where aihwkit compares mean sizes")


def _forward(draft: Draft) -> None:
    """Converters and the noise of a read."""
    io = draft.config.forward
    if io.is_perfect:
        draft.off |= {"dac", "adc", *_read_noise(draft)}
        draft.weights["wires"] = "none"
        draft.say(
            "forward", "taken", "is_perfect: off = adc, dac, read-noise; its other fields have no effect"
        )
        return
    draft.say("forward.is_perfect", "taken", "converters are simulated")
    for name, key, effect in (("inp_res", "dac_bits", "dac"), ("out_res", "adc_bits", "adc")):
        _converter(draft, name, key, effect)
    for name in ("inp_bound", "out_bound"):
        draft.say(f"forward.{name}", "calibrated", "the range is the largest number of the training images")
    _noise_of_a_read(draft)
    _output_noise(draft)
    _wires(draft)


def _converter(draft: Draft, name: str, key: str, effect: str) -> None:
    """A resolution as bits; none: the converter is off."""
    res = float(getattr(draft.config.forward, name))
    if res <= 0:
        draft.off.add(effect)
        draft.say(f"forward.{name}", "taken", f"off = {effect}")
        return
    exact = math.log2((res if res > 1 else 1 / res) + 2)
    bits = round(exact)
    if not 2 - 1e-6 <= exact <= 16 + 1e-6:
        raise ValueError(f"forward.{name} = {res:g}: {exact:.3g} bits; converters of 2 to 16 bits are known")
    if abs(exact - bits) < 1e-6:
        draft.take(f"forward.{name}", "", **{key: bits})
        return
    draft.weights[key] = bits
    draft.say(
        f"forward.{name}", "changed", f"weights.{key} = {bits}, the nearest whole number to {exact:.3f}"
    )


def _read_noise(draft: Draft) -> tuple[str, ...]:
    """Return the effect's name, where the cell has it."""
    cell: Any = registry.get(draft.weights["cell"])
    return tuple({"read-noise"} & set(cell.effects))


def _noise_of_a_read(draft: Draft) -> None:
    """Fresh noise of a read as a strength of the cell's own."""
    io, omega, effect = draft.config.forward, draft.config.mapping.weight_scaling_omega, _read_noise(draft)
    if io.w_noise_type == WeightNoiseType.NONE or io.w_noise == 0.0:
        draft.off |= set(effect)
        draft.say("forward.w_noise_type", "taken", "off = read-noise" if effect else "no noise of a read")
        draft.say("forward.w_noise", "no effect", "it belongs to forward.w_noise_type")
        return
    if io.w_noise_type != WeightNoiseType.PCM_READ or not effect:
        draft.off |= set(effect)
        law = "noise of a read goes with the root of G, PCM_READ"
        draft.say(
            "forward.w_noise_type", "not expressible", law if effect else "the cell has no noise of a read"
        )
        return
    own: Any = registry.get(draft.weights["cell"])
    factor = io.w_noise / math.sqrt(omega or 1.0) / own.read_noise_std
    if "g_max" in draft.weights and "device_errors" not in draft.weights:
        factor *= math.sqrt(draft.weights["g_max"] / own.g_scale)
    if abs(factor - 1.0) > 1e-9:
        draft.strengths["read-noise"] = factor
    draft.say("forward.w_noise_type", "taken", "read-noise")
    verdict, why = "taken", f"strengths.read-noise = {factor:g}"
    if not omega:
        verdict, why = "changed", f"{why}, as of weights up to 1: mapping.weight_scaling_omega = 0"
    draft.say("forward.w_noise", verdict, why)  # type: ignore[arg-type]


def _output_noise(draft: Draft) -> None:
    """Noise of a conversion, there in products of weights up to omega and inputs up to inp_bound."""
    io, omega = draft.config.forward, draft.config.mapping.weight_scaling_omega
    noise = io.out_noise / ((omega or 1.0) * (io.inp_bound if io.inp_bound > 0 else 1.0))
    if io.out_noise and not omega:
        draft.weights["output_noise"] = noise
        why = f"weights.output_noise = {noise:g}, as of weights up to 1: mapping.weight_scaling_omega = 0"
        draft.say("forward.out_noise", "changed", why)
        return
    draft.take("forward.out_noise", "of the range of the DAC", output_noise=noise)


def _wires(draft: Draft) -> None:
    """Lines of a segment's resistance ir_drop / (ir_drop_g_ratio g_max)."""
    io, cell = draft.config.forward, registry.get(draft.weights["cell"])
    if io.ir_drop == 0.0 or cell.exact:
        draft.take("forward.ir_drop", wires="none")
        return
    ratio = io.ir_drop_g_ratio / io.ir_drop
    g_max = draft.weights.get("g_max") or cell.describe().high
    draft.wire_resistance = 1.0 / (ratio * g_max)
    draft.weights["wires"] = "idle-off"
    said = f"weights.wires = idle-off, wire_resistance = {draft.wire_resistance:.3g} ohm"
    draft.say("forward.ir_drop", "changed", f"{said}: both lines, not aihwkit's polynomial for bit lines")


def _rest(draft: Draft) -> None:
    """Every other field: without effect, or beyond a card."""
    config, said = draft.config, {line.field for line in draft.lines}
    owners = {f"forward.{part}": owner for owner, parts in PARTS.items() for part in parts}
    for section in ("forward", "mapping", "pre_post", "modifier"):
        if section in said:
            continue
        for one in fields(getattr(config, section)):
            name = f"{section}.{one.name}"
            if name in IDLE:
                _idle(draft, name)
            elif name in owners:
                _part(draft, name, owners[name])
            elif name not in said and section in ("forward", "mapping"):
                draft.say(name, "not expressible", "memsim does not know this field")
    draft.say("modifier", "no effect", "it belongs to training")
    if config.pre_post.input_range.enable:
        draft.say("pre_post.input_range", "calibrated", "learned ranges are not taken over")
    else:
        draft.say("pre_post.input_range", "no effect", "it is not enabled")
    for name in TRAINING.split():
        draft.say(name, "no effect", "it belongs to training")
    for name in ("tile_class", "tile_array_class", "runtime"):
        draft.say(name, "no effect", "it says how aihwkit computes")


def _idle(draft: Draft, name: str) -> None:
    idle, why = IDLE[name]
    section, _, one = name.partition(".")
    value = getattr(getattr(draft.config, section), one)
    if value == NoiseManagementType.CONSTANT:
        draft.say(name, "calibrated", "the range is the largest number of the training images")
    else:
        draft.say(name, "taken" if value == idle else "not expressible", why)


def _part(draft: Draft, name: str, owner: str) -> None:
    """A field that is said with another one."""
    lost = any(line.field == owner and line.verdict == "not expressible" for line in draft.lines)
    draft.say(name, "not expressible" if lost else "no effect", f"it belongs to {owner}")
