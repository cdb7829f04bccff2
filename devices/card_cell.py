"""Build the cell of a device card, and the card of a cell where its law allows: the one place with both.

Pulsed cells work in the unitless w, G = g_mid + w g_unit, with g_unit half the range of the nominal device.
"""

import math
from functools import lru_cache
from typing import Any

from memsim.devices.cell import Cell, PulsedCell, Unsupported
from memsim.devices.device_card import DeviceCard
from memsim.devices.functions import Polynomial
from memsim.devices.pulsed_section import PulsedSection
from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.population import Population
from memsim.devices.weight_section import WeightSection
from memsim.devices.weights.arrhenius import Arrhenius
from memsim.devices.weights.effects import MICRO, Drift, LogRelaxation, RelativeFlicker, Spread
from memsim.devices.weights.iv_curve import Cubic, Curve, SinhCurve
from memsim.devices.weights.weight_cell import WeightCell


@lru_cache(maxsize=256)
def cell_of(card: DeviceCard) -> Cell:
    """Return the cell a card describes."""
    common: dict[str, Any] = {
        "name": card.name, "technology": card.technology, "source": card.source,
        "own_endurance": card.endurance,
    }  # fmt: skip
    return _pulsed(card.pulsed, common) if card.pulsed else _weight(card.weight, common)  # type: ignore[arg-type]


def _pulsed(p: PulsedSection, common: dict[str, Any]) -> PulsedCell:
    middle, unit = p.middle, (p.g_max - p.g_min) / 2
    step_down = p.step_up if p.step_down is None else p.step_down
    larger, smaller = max(p.step_up, step_down), min(p.step_up, step_down)
    asymmetry = 1.0 - smaller / larger
    high, low = (p.g_max - middle) / unit, (p.g_min - middle) / unit
    population = Population(
        dw_min=larger / unit,
        dw_min_dtod=p.step_spread,
        dw_min_dtod_log_normal=p.log_normal_steps,
        up_down=asymmetry if p.step_up > step_down else -asymmetry,
        up_down_dtod=p.asymmetry_spread,
        w_max=high,
        w_min=low,
        w_max_dtod=p.g_max_spread / unit / high,
        w_min_dtod=p.g_min_spread / unit / -low,
        reset=(p.reset - middle) / unit,
        reset_dtod=p.reset_spread / unit,
    )
    numbers = common | {
        "population": population, "n_max": p.n_max, "conductances": (middle, unit),
        "pulse_voltage": p.pulse_voltage, "pulse_time": p.pulse_time, "dw_min_std": p.cycle_noise,
        "write_noise_std": p.write_noise / larger, "reset_std": p.reset_noise / unit,
    }  # fmt: skip
    fixed = {"constant": 0.0, "soft-bounds": 1.0}.get(p.law)
    up, down = ((p.nonlinearity_up or 0.0), (p.nonlinearity_down or 0.0)) if fixed is None else (fixed, fixed)
    if p.cycle_noise_law == "constant":
        return AffineCell(
            **numbers, mult_noise=False, reference_std=p.reference_spread / unit,
            subtract_symmetry_point=p.subtract_symmetry_point,
        )  # fmt: skip
    return AffineCell(
        **numbers,
        mult_noise=True,
        gamma_up=up,
        gamma_down=down,
        gamma_up_dtod=p.nonlinearity_up_spread,
        gamma_down_dtod=p.nonlinearity_down_spread,
        mean_bound_reference=p.law != "soft-bounds",
        up_only=p.one_sided,
        write_noise_slope=unit / middle if p.write_noise_law == "proportional" else 0.0,
    )


def _weight(p: WeightSection, common: dict[str, Any]) -> WeightCell:
    relaxation = _micro(p.relaxation, p.relaxation_spread, p.relaxation_spread_1s)
    drift = Drift(Polynomial((p.drift_exponent,)), Polynomial((p.drift_exponent_spread,)), p.t_0)
    return WeightCell(
        **common,
        g_min=p.g_min,
        g_max=p.g_max,
        g_top=p.g_max,
        programming=Spread(Polynomial(_micro(*p.programming)), p.g_max / MICRO)
        if any(p.programming)
        else None,
        drift=drift if p.drift_exponent or p.drift_exponent_spread else None,
        relaxation=LogRelaxation(*relaxation) if any(relaxation) else None,
        flicker=RelativeFlicker(p.t_0, p.t_read, Polynomial((p.flicker_noise,))) if p.flicker_noise else None,
        read_noise_std=p.read_noise,
        curve=_curve(p),
        thermal=_thermal(p) if p.activated else None,
    )


def _thermal(p: WeightSection) -> Arrhenius:
    return Arrhenius(
        p.time_energy, p.conductance_energy, p.conductance_energy_spread, p.temperature, p.temperature
    )


def _curve(p: WeightSection) -> Curve | None:
    top = math.inf if p.v_max is None else p.v_max
    if p.iv_cube is not None:
        return Cubic(p.iv_cube, p.v_ref, top)
    return None if p.v_0 is None else SinhCurve(p.v_ref, p.v_0, top)


def _micro(*siemens: float) -> tuple[float, ...]:
    return tuple(value / MICRO for value in siemens)


def card_of(cell: Cell, conductances: tuple[float, float] | None = None) -> DeviceCard:
    """Return the card of a pulsed cell whose steps are affine in the state; Unsupported, with reason, for
    others.

    conductances: g_mid and g_unit [S] of a cell that does not bring its own, an assumption of the caller.
    """
    if not isinstance(cell, AffineCell) or not (cell.mult_noise or cell.soft_bounds):
        raise Unsupported(f"{cell.name}: no law of a device card says what {type(cell).__name__} does")
    known = cell.conductances or conductances
    if known is None:
        raise Unsupported(f"{cell.name} has no conductances: give g_mid and g_unit [S]")
    middle, unit = known
    p = cell.population
    section = {
        "n_max": cell.n_max,
        "g_min [S]": middle + unit * p.w_min, "g_max [S]": middle + unit * p.w_max, "g_mid [S]": middle,
        "step_up [S]": unit * p.dw_min * (1 + min(p.up_down, 0.0)),
        "step_down [S]": None if cell.one_sided else unit * p.dw_min * (1 - max(p.up_down, 0.0)),
        "one_sided": cell.one_sided,
        "step_spread": p.dw_min_dtod, "log_normal_steps": p.dw_min_dtod_log_normal,
        "asymmetry_spread": p.up_down_dtod,
        "g_max_spread [S]": unit * p.w_max * p.w_max_dtod, "g_min_spread [S]": -unit * p.w_min * p.w_min_dtod,
        "cycle_noise": cell.dw_min_std,
        "write_noise [S]": unit * p.dw_min * cell.write_noise_std,
        "write_noise_law": "proportional" if cell.write_noise_slope else "constant",
        "reset [S]": middle + unit * p.reset, "reset_noise [S]": unit * cell.reset_std,
        "reset_spread [S]": unit * p.reset_dtod,
        "pulse_voltage [V]": cell.pulse_voltage, "pulse_time [s]": cell.pulse_time,
    }  # fmt: skip
    section |= _shape(cell, unit)
    about = {
        "name": cell.name, "technology": cell.technology, "source": cell.source,
        "endurance [cycles]": cell.own_endurance,
    }  # fmt: skip
    return DeviceCard.parse(about | {"pulsed": section}, origin=cell.name)


def _shape(cell: AffineCell, unit: float) -> dict[str, Any]:
    """Return the law by its name, with the numbers that only it has."""
    if not cell.mult_noise:
        return {
            "law": "soft-bounds", "cycle_noise_law": "constant",
            "reference_spread [S]": unit * cell.reference_std,
            "subtract_symmetry_point": cell.subtract_symmetry_point,
        }  # fmt: skip
    known = {(0.0, 0.0): "constant", (1.0, 1.0): "soft-bounds"}
    law = known.get((cell.gamma_up, cell.gamma_down), "linear")
    if law != "linear":
        return {"law": law}
    return {
        "law": law, "nonlinearity_up": cell.gamma_up, "nonlinearity_up_spread": cell.gamma_up_dtod,
        "nonlinearity_down": cell.gamma_down, "nonlinearity_down_spread": cell.gamma_down_dtod,
    }  # fmt: skip
