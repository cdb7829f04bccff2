"""The aihwkit noise model of a weight cell: for the reference engine, exported configurations and tests.

Presets by name; other cells by their laws, where aihwkit has a class for these: PCM with another polynomial,
range or drift, and the state-independent law of a device card.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aihwkit.inference import CustomDriftPCMLikeNoiseModel, PCMLikeNoiseModel, SinglePairConductanceConverter
from aihwkit.inference.noise.base import BaseNoiseModel
from aihwkit.inference.noise.custom import StateIndependentNoiseModel

from memsim.devices import get
from memsim.devices.functions import PiecewiseLinear, Polynomial
from memsim.devices.weights.effects import MICRO, RelativeFlicker
from memsim.devices.weights.noise_models import RepairedHermes, cmo, pcm_like, wan2022
from memsim.devices.weights.pcm_weights import JOSHI_DRIFT, JOSHI_FLICKER
from memsim.devices.weights.weight_cell import WeightCell

_NO_CLIP = 1e3  #: aihwkit clips CMO reads to its mapping's range, which is no property of a device [uS]


def noise_model(cell: WeightCell) -> BaseNoiseModel:
    """aihwkit's model of a cell, repaired, at the cell's g_max and strengths; pairs rest at its g_min.

    Raises ValueError for cells aihwkit has no model of, presets with changed laws among them.
    """
    for name, make in _MODELS.items():
        preset: Any = get(name)
        varied = {
            field: getattr(preset, field)
            for field in ("name", "g_max", "g_scale", "off", "strengths", "read_noise_std")
        }
        same_range = (cell.g_min, cell.g_top) == (preset.g_min, preset.g_top)
        if same_range and replace(cell, **varied) == preset:
            return _mapped(make(cell, _micro(cell.g_scale)), cell)
    whole = replace(cell, g_max=cell.g_scale, g_top=max(cell.g_top, cell.g_scale))
    model = None if cell.name in _MODELS else _by_law(whole)
    if model is None:
        raise ValueError(
            f"aihwkit has no noise model of {cell.name}"
            f"{' with these numbers' if cell.name in _MODELS else ''}; it has: {', '.join(_MODELS)}"
        )
    return _mapped(model, cell)


def _mapped(model: BaseNoiseModel, cell: WeightCell) -> BaseNoiseModel:
    """Return a model whose laws have g_scale for their g_max, with weights mapped to the cell's own range."""
    if cell.g_max != cell.g_scale:
        model.g_converter = SinglePairConductanceConverter(g_max=_micro(cell.g_max), g_min=_micro(cell.g_min))
    return model


def _micro(siemens: float) -> float:
    """Return a conductance in aihwkit's unit [uS]."""
    return round(siemens / MICRO, 9)


def _by_law(cell: WeightCell) -> BaseNoiseModel | None:
    """Return the model whose class has the laws of the cell; None where aihwkit has no such class."""
    times = {law.t_0 for law in (cell.drift, cell.flicker) if law}
    relative = cell.programming is None or (
        isinstance(cell.programming.fit, Polynomial) and cell.programming.g_fit
    )
    if cell.relaxation or cell.curve or cell.thermal or len(times) > 1 or not relative:
        return None
    t_read = {"t_read": cell.flicker.t_read} if cell.flicker else {}
    options = t_read | ({"t_0": times.pop()} if times else {})
    converter = SinglePairConductanceConverter(g_max=_micro(cell.g_max), g_min=_micro(cell.g_min))
    if isinstance(cell.drift and cell.drift.mean, Polynomial) or _constant(cell.flicker):
        return _state_independent(cell, converter, options)
    if cell.flicker and getattr(cell.flicker, "fit", None) != JOSHI_FLICKER.fit:
        return None
    return _pcm_by_law(cell, converter, options)


def _scales(cell: WeightCell) -> dict[str, float]:
    """Return the scales of a PCM model: strengths, 0 where a law is missing."""
    return {
        "prog_noise_scale": cell.strength("programming"),
        "drift_scale": cell.strength("drift"),
        "read_noise_scale": cell.strength("flicker-noise"),
    }


def _pcm_by_law(cell: WeightCell, converter: Any, options: dict[str, Any]) -> BaseNoiseModel | None:
    options = options | _scales(cell) | {"g_converter": converter}
    if cell.programming:
        options["prog_coeff"] = list(cell.programming.fit.coefficients)  # type: ignore[attr-defined]
        options["prog_coeff_g_max_reference"] = cell.programming.g_fit
    drift = cell.drift
    if drift is None or (drift.mean, drift.spread) == (JOSHI_DRIFT.mean, JOSHI_DRIFT.spread):
        return pcm_like(**options)
    if not (isinstance(drift.mean, PiecewiseLinear) and isinstance(drift.spread, PiecewiseLinear)):
        return None
    if drift.mean.at != drift.spread.at:
        return None
    lines = {
        "g_lst": [_micro(x * cell.g_max) for x in drift.mean.at],
        "nu_mean_lst": list(drift.mean.values),
        "nu_std_lst": list(drift.spread.values),
    }
    model = CustomDriftPCMLikeNoiseModel(lines, **options)
    model.prog_coeff_g_max_reference = options.get("prog_coeff_g_max_reference", 25.0)
    return model


def _constant(law: Any) -> float | None:
    """Q of low-frequency noise that is the same at every conductance, else None."""
    fit = law.fit if isinstance(law, RelativeFlicker) else None
    return fit.coefficients[0] if isinstance(fit, Polynomial) and len(fit.coefficients) == 1 else None


def _state_independent(cell: WeightCell, converter: Any, options: dict[str, Any]) -> BaseNoiseModel | None:
    """Return the model of a device card: constant nu and Q, the programming error a polynomial."""
    nu = []
    for law in (cell.drift.mean, cell.drift.spread) if cell.drift else ():
        if not (isinstance(law, Polynomial) and len(law.coefficients) == 1):
            return None
        nu.append(law.coefficients[0])
    quality = _constant(cell.flicker)
    if cell.flicker and quality is None:
        return None
    scales, g_max = _scales(cell), _micro(cell.g_max)
    coefficients: tuple[float, ...] = (0.0,)
    if cell.programming and cell.programming.g_fit:
        scale = g_max / cell.programming.g_fit
        coefficients = tuple(c * scale for c in cell.programming.fit.coefficients)  # type: ignore[attr-defined]
    return StateIndependentNoiseModel(
        g_converter=converter,
        prog_coeff=list(coefficients),
        prog_noise_scale=scales["prog_noise_scale"],
        drift_nu_mean=nu[0] if nu else 0.0,
        drift_nu_std=nu[1] if nu else 0.0,
        drift_scale=scales["drift_scale"],
        read_noise_scale=scales["read_noise_scale"] * (quality or 0.0) * g_max,
        **options,
    )


def _pcm(kind: type, **options: Any) -> Callable[[WeightCell, float], BaseNoiseModel]:
    def model(cell: WeightCell, g_max: float) -> BaseNoiseModel:
        return kind(g_max=g_max, **_scales(cell), **options)

    return model


def _wan(cell: WeightCell, g_max: float) -> BaseNoiseModel:
    scale = cell.strength("programming")
    if scale != cell.strength("relaxation"):
        raise ValueError(
            f"aihwkit's model of {cell.name} has one scale: programming and relaxation must be as strong"
        )
    return wan2022(g_max=g_max, noise_scale=scale)


def _falcone(acceptance: float) -> Callable[[WeightCell, float], BaseNoiseModel]:
    def model(cell: WeightCell, g_max: float) -> BaseNoiseModel:
        g_min = _micro(cell.g_min)
        made = cmo(
            acceptance=acceptance,
            g_max=g_max,
            g_min=g_min,
            prog_noise_scale=cell.strength("programming"),
            drift_scale=cell.strength("relaxation"),
            read_noise_scale=cell.strength("flicker-noise"),
        )
        made.g_converter = SinglePairConductanceConverter(g_max=g_max, g_min=g_min)
        made.g_min, made.g_max, made.coeff_g_max_reference = 0.0, _NO_CLIP, _NO_CLIP
        return made

    return model


_MODELS: dict[str, Callable[[WeightCell, float], BaseNoiseModel]] = {
    "pcm-joshi2020": _pcm(PCMLikeNoiseModel),
    "pcm-hermes2023-1": _pcm(RepairedHermes, num_devices=1),
    "pcm-hermes2023-2": _pcm(RepairedHermes, num_devices=2),
    "reram-wan2022": _wan,
    "reram-cmo-falcone2025-2pct": _falcone(2.0),
    "reram-cmo-falcone2025-0.2pct": _falcone(0.2),
}
