"""The weight cell of an aihwkit noise model: the same law, microsiemens made siemens, scales made strengths.

A model with the numbers of a preset becomes that preset; the state-independent law becomes a device card.  A
model has no noise of a single read (that is `forward.w_noise` of a configuration): 0.0175 for PCM, as in
aihwkit's StandardHWATrainingPreset, 0.01 for ReRAM, as its models advise.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aihwkit.inference import (
    CustomDriftPCMLikeNoiseModel,
    PCMLikeNoiseModel,
    ReRamCMONoiseModel,
    ReRamWan2022NoiseModel,
    SinglePairConductanceConverter,
)
from aihwkit.inference.converter.conductance import SingleDeviceConductanceConverter
from aihwkit.inference.noise.base import BaseNoiseModel
from aihwkit.inference.noise.custom import StateIndependentNoiseModel
from aihwkit.inference.noise.hermes import HermesNoiseModel

from memsim.devices import get, registry
from memsim.devices.device_card import DeviceCard
from memsim.devices.functions import PiecewiseLinear, Polynomial
from memsim.devices.weights.effects import DecadeFlicker, FittedRelaxation, LogRelaxation, Spread
from memsim.devices.weights.noise_models import RepairedCMO, RepairedHermes
from memsim.devices.weights.pcm_weights import pcm_hermes_1, pcm_hermes_2, pcm_joshi2020
from memsim.devices.weights.reram_weights import reram_cmo_2pct, reram_wan2022
from memsim.devices.weights.weight_cell import WeightCell

_WAN_G_FIT = 40.0  #: conductance at which Wan et al. 2022 was fitted [uS]


def weight_cell(model: BaseNoiseModel, *, name: str) -> WeightCell:
    """Return the cell of a noise model: the preset with its numbers, else a cell of this name.

    Raises ValueError for a class without a cell, and for other than one pair of devices for each weight.
    """
    make = _CELLS.get(type(model))
    if make is None and type(model) is not StateIndependentNoiseModel:
        known = ", ".join(sorted(kind.__name__ for kind in (*_CELLS, StateIndependentNoiseModel)))
        raise ValueError(f"no cell has the law of {type(model).__name__}; known: {known}")
    converter: Any = model.g_converter
    pair = (SinglePairConductanceConverter, SingleDeviceConductanceConverter)
    if type(converter) not in pair[: 1 + isinstance(model, ReRamCMONoiseModel)]:
        raise ValueError(
            f"{type(model).__name__}.g_converter = {type(converter).__name__}: memsim writes pairs of which "
            "one device rests at g_min; give a SinglePairConductanceConverter"
        )
    if make is None:
        return get(device_card(model, name=name))  # type: ignore[return-value]
    known: Any = converter if isinstance(model, ReRamCMONoiseModel) else model  # whose own g_max only clips
    ends = {"g_max": converter.g_max, "g_min": converter.g_min, "g_scale": known.g_max}
    cell = make(model, {field: value / 1e6 for field, value in ends.items()})
    strengths = {e: s for e, s in _strengths(model).items() if e in cell.effects}
    cell = replace(cell, strengths=tuple(strengths.items()))
    return _preset(cell) or replace(
        cell,
        name=name,
        source=f"{type(model).__name__} of aihwkit with numbers of its user's, after: {cell.source}",
    )


def device_card(model: StateIndependentNoiseModel, *, name: str) -> DeviceCard:
    """Return the device card of a state-independent model, its scales multiplied into its numbers.

    aihwkit adds its low-frequency noise as G / g_max in microsiemens: Q = read_noise_scale / g_max [uS].
    """
    g_max = float(model.g_converter.g_max)  # type: ignore[attr-defined]
    weight: dict[str, Any] = {
        "g_max [S]": g_max / 1e6,
        "g_min [S]": float(model.g_converter.g_min) / 1e6,  # type: ignore[attr-defined]
        "programming [S]": [c * model.prog_noise_scale / 1e6 for c in model.prog_coeff],
        "drift_exponent": model.drift_nu_mean * model.drift_scale,
        "drift_exponent_spread": model.drift_nu_std * model.drift_scale,
        "flicker_noise": model.read_noise_scale / g_max,
        "read_noise": 0.0175,
    }
    if weight["flicker_noise"]:
        weight["t_read [s]"] = model.t_read
    if weight["flicker_noise"] or weight["drift_exponent"] or weight["drift_exponent_spread"]:
        weight["t_0 [s]"] = model.t_0
    source = "StateIndependentNoiseModel of aihwkit with numbers of its user's; technology assumed"
    return DeviceCard.parse({"name": name, "technology": "PCM", "source": source, "weight": weight})


def _strengths(model: Any) -> dict[str, float]:
    """Return strengths by effect, as the model's scales have them."""
    if isinstance(model, ReRamWan2022NoiseModel):
        scale = model.noise_scale * _WAN_G_FIT / _reference(model, "coeff_g_max_reference")
        return {"programming": scale, "relaxation": scale}
    ages = "relaxation" if isinstance(model, ReRamCMONoiseModel) else "drift"
    scales = (model.prog_noise_scale, model.drift_scale, model.read_noise_scale)
    return {e: float(s) for e, s in zip(("programming", ages, "flicker-noise"), scales, strict=True)}


def _preset(cell: WeightCell) -> WeightCell | None:
    """Return the preset with these laws at this range and these strengths; None where there is none."""
    for name, known in registry.PRESETS.items():
        if "weight" not in known.kind or name == "ideal":
            continue
        preset: Any = get(name)
        varied = {
            field: getattr(preset, field)
            for field in (
                "name",
                "technology",
                "source",
                "g_max",
                "g_top",
                "g_scale",
                "read_noise_std",
                "strengths",
            )
        }
        inside = cell.g_min < preset.g_max and cell.g_max <= preset.g_top * (1 + 1e-6)
        scale = next((g for g in (preset.g_scale, cell.g_max) if math.isclose(g, cell.g_scale)), None)
        if inside and scale and replace(cell, **varied) == preset:
            return replace(preset, g_max=cell.g_max, g_scale=scale, strengths=cell.strengths)
    return None


def _reference(model: Any, name: str) -> float:
    """Return a conductance that a fit is relative to [uS]; aihwkit does not store one passed by its own
    name.
    """
    if name not in vars(model):
        raise ValueError(
            f"{type(model).__name__} has lost its {name}, a defect of aihwkit's: set it on the object"
        )
    return float(getattr(model, name))


def _fitted_pcm(model: Any, cell: WeightCell, ends: dict[str, float]) -> WeightCell:
    """Return a PCM cell with the model's polynomial and times."""
    assert cell.drift and cell.flicker
    fit = Polynomial(tuple(float(c) for c in model.prog_coeff))
    return replace(
        cell,
        **ends,
        g_top=ends["g_max"],
        programming=Spread(fit, g_fit=_reference(model, "prog_coeff_g_max_reference")),
        drift=replace(cell.drift, t_0=float(model.t_0)),
        flicker=replace(cell.flicker, t_0=float(model.t_0), t_read=float(model.t_read)),
    )


def _pcm(model: Any, ends: dict[str, float]) -> WeightCell:
    return _fitted_pcm(model, pcm_joshi2020(), ends)


def _hermes(model: Any, ends: dict[str, float]) -> WeightCell:
    return _fitted_pcm(model, pcm_hermes_1() if model.num_devices == 1 else pcm_hermes_2(), ends)


def _custom_drift(model: Any, ends: dict[str, float]) -> WeightCell:
    cell, lines = _pcm(model, ends), model.custom_drift_model
    assert cell.drift
    at = tuple(float(g) / 1e6 / ends["g_max"] for g in lines["g_lst"])
    mean, spread = (
        PiecewiseLinear(at, tuple(float(nu) for nu in lines[key])) for key in ("nu_mean_lst", "nu_std_lst")
    )
    return replace(cell, drift=replace(cell.drift, mean=mean, spread=spread))


def _wan(model: Any, ends: dict[str, float]) -> WeightCell:
    """aihwkit takes its own fit, made at 40 uS, for one at g_max; followed, as a strength of 40 / g_max."""
    times = tuple(sorted(float(t) for t in model.coeff_dic))
    spreads = tuple(Spread(Polynomial(tuple(model.coeff_dic[t])), g_fit=_WAN_G_FIT) for t in times)
    relaxation = FittedRelaxation(times, spreads) if len(times) > 1 else None
    return replace(
        reram_wan2022(), **ends, g_top=ends["g_max"], programming=spreads[0], relaxation=relaxation
    )


def _cmo(model: Any, ends: dict[str, float]) -> WeightCell:
    """aihwkit clips at g_max as well, no property of a device: not followed."""
    key = model.acceptance_range if model.acceptance_range in model.coeff_dict else min(model.coeff_dict)
    decay, read = model.decay_dict, model.read_dict
    return replace(
        reram_cmo_2pct(),
        **ends,
        g_top=ends["g_max"],
        programming=Spread(Polynomial(tuple(model.coeff_dict[key]))),
        relaxation=LogRelaxation(decay["mean"][0], decay["std"][0], decay["std"][1]),
        flicker=DecadeFlicker(t_0=read["t_read"], t_read=read["t_read"], k=read["K"]),
    )


_CELLS: dict[type, Callable[[Any, dict[str, float]], WeightCell]] = {
    PCMLikeNoiseModel: _pcm,
    CustomDriftPCMLikeNoiseModel: _custom_drift,
    HermesNoiseModel: _hermes,
    RepairedHermes: _hermes,
    ReRamWan2022NoiseModel: _wan,
    ReRamCMONoiseModel: _cmo,
    RepairedCMO: _cmo,
}
"""By the class itself: a subclass of a user's own may have another law."""
