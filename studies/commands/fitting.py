"""`memsim devices fit`: from a table of measurements to a device card, with intervals and a picture."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.markup import escape
from rich.table import Table

from memsim import devices
from memsim.devices import device_card
from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.fit import PulseFit, fit_pulses
from memsim.devices.fitting.fit_endurance import EnduranceFit, fit_endurance
from memsim.devices.fitting.fit_iv import CurveFit, fit_iv
from memsim.devices.fitting.fit_programming import ProgrammingFit, fit_programming
from memsim.devices.fitting.fit_relaxation import RelaxationFit, fit_relaxation
from memsim.devices.fitting.fit_retention import RetentionFit, fit_retention
from memsim.devices.fitting.fit_temperature import TemperatureFit, fit_temperature
from memsim.devices.fitting.iv_laws import LAWS
from memsim.devices.fitting.measurements import (
    FailureTable,
    ProgrammingTable,
    PulseCurves,
    RetentionCurves,
    TemperatureTable,
)
from memsim.devices.fitting.reading import Understood
from memsim.studies.reports.fit_figures import law_fit, pulse_fit, retention_fit
from memsim.studies.reports.pictures_of import save
from memsim.studies.reports.quantities import digits

Fit = PulseFit | RetentionFit | RelaxationFit | ProgrammingFit | CurveFit | TemperatureFit | EnduranceFit


@dataclass(frozen=True)
class Asked:
    """Options of a fit; None where the data or a default decide."""

    technology: str
    name: str | None = None
    source: str | None = None
    law: str | None = None
    log_normal_steps: bool = False
    g_mid: float | None = None
    reset: float | None = None
    n_max: int | None = None
    t_0: float | None = None
    into: Path | None = None
    pulse_voltage: float | None = None
    pulse_time: float | None = None


def fit_command(found: Understood, asked: Asked, out: Path) -> dict[str, Any]:
    """Fit a card to a table, write NAME.toml, NAME.json, NAME.png and NAME.svg into the folder `out`, and
    return what was found.

    Raises ValueError for data that cannot support a parameter, naming it.
    """
    base = devices.DeviceCard.load(asked.into) if asked.into else None
    fit, sections = _fitted(found, asked)
    if isinstance(fit, EnduranceFit) and base is None:
        raise ValueError("endurance alone makes no card: say --into CARD.toml, the card that it belongs to")
    file = Path(found.file)
    called = (
        asked.name or (base.name if base else re.sub(r"[^\w.-]+", "-", file.stem).strip("-.")) or "measured"
    )
    about = {
        "name": called,
        "technology": asked.technology,
        "source": asked.source or f"fitted to {file.name}",
    }
    if base is not None:
        about["source"] = asked.source or f"{base.source}; {file.name}"
        sections = _into(base.fields(), sections, str(asked.into))
    card = devices.DeviceCard.parse(sections | about, origin=f"the card fitted to {file}")
    figure, folder = _figure(fit, about, sections), out
    (folder / f"{called}.toml").write_text(device_card.toml(card, remarks(fit)), encoding="utf-8")
    told = (
        {
            "card": str(folder / f"{called}.toml"),
            "understood": list(found.notes),
            "figures": [str(path) for path in save(figure, folder, called)],
            "devices": len(found.curves.devices),
            "fitted devices": len(fit.measured.devices),
            "use": "--attention" if card.pulsed else "--weights",
            "warnings": fit.warnings,
            "ideal": list(card.ideal_parts),
            "numbers": {key: interval._asdict() for key, interval in fit.numbers.items()},
            "not fitted": getattr(fit, "fixed", {}),
        }
        | ({"law": fit.law} if isinstance(fit, PulseFit | CurveFit) else {})
        | _yield(fit)
    )
    (folder / f"{called}.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return told


def _fitted(found: Understood, asked: Asked) -> tuple[Fit, dict[str, Any]]:
    """The fit, and the tables of its card."""
    curves = found.curves
    if isinstance(curves, PulseCurves):
        law: Any = asked.law or "soft-bounds"
        fit = fit_pulses(
            curves, law, log_normal_steps=asked.log_normal_steps, g_mid=asked.g_mid, reset=asked.reset
        )
        _check_reset(asked.reset, fit.section)
        sections = {"pulsed": fit.section | {"n_max": asked.n_max or fit.longest_rise} | _pulse(asked)}
        return fit, sections | ({"faults": fit.faults} if fit.faults else {})
    if isinstance(curves, RetentionCurves) and asked.law != "relaxation":
        fit = fit_retention(curves, t_0=asked.t_0)
        shares = fit.works.shares(0.0, fit.fixed["g_max [S]"])
        return fit, {"weight": fit.section} | ({"faults": shares} if shares else {})
    if isinstance(curves, FailureTable):
        fit = fit_endurance(curves)
        return fit, {key: float(f"{i.value:.6g}") for key, i in fit.numbers.items()}
    if isinstance(curves, RetentionCurves):
        fit = fit_relaxation(curves)
    elif isinstance(curves, TemperatureTable):
        fit = fit_temperature(curves)
    else:
        fit = (
            fit_programming(curves) if isinstance(curves, ProgrammingTable) else fit_iv(curves, law=asked.law)
        )
    return fit, {"weight": fit.section}


def _pulse(asked: Asked) -> dict[str, float]:
    """Height and length of a pulse, where they are stated."""
    height = None if asked.pulse_voltage is None else abs(asked.pulse_voltage)
    stated = {"pulse_voltage [V]": height, "pulse_time [s]": asked.pulse_time}
    return {key: value for key, value in stated.items() if value is not None}


def _check_reset(reset: float | None, section: Mapping[str, Any]) -> None:
    """ValueError for a level after a reset that the fitted devices do not reach."""
    low, high = section["g_min [S]"], section["g_max [S]"]
    if reset is not None and not low <= reset <= high:
        raise ValueError(
            f"--reset {reset:g}: a level between the fitted bounds, {low:g} to {high:g} S, is needed"
        )


BENDS = {law.key for law in LAWS.values()}  #: of I-V curves, in a card


def _into(card: dict[str, Any], found: dict[str, Any], origin: str) -> dict[str, Any]:
    """A card with what was fitted put in; it keeps its own g_max, to which spreads of a write are brought."""
    for table in ("pulsed", "weight"):
        if table in found and table not in card:
            raise ValueError(f"--into {origin} has no [{table}] table, and that is what this table measures")
    out = card | {key: value for key, value in found.items() if not isinstance(value, dict)}
    if "weight" in found:
        new, own = dict(found["weight"]), card["weight"]
        scale = own["g_max [S]"] / new.pop("g_max [S]")
        if "programming [S]" in new:
            new["programming [S]"] = [
                float(f"{c * scale**k:.6g}") for k, c in enumerate(new["programming [S]"])
            ]
        if own.get("time_energy [eV]") and "time_energy [eV]" not in new:
            new.pop("temperature [K]", None)  # energies of a conductance hold from any temperature on
        if new.keys() & BENDS:  # one I-V curve takes the place of the other
            own = {key: value for key, value in own.items() if key not in BENDS}
        out["weight"] = own | new
    if "pulsed" in found:
        out["pulsed"] = card["pulsed"] | found["pulsed"]
    return out | ({"faults": found["faults"]} if "faults" in found else {})


def _figure(fit: Fit, about: dict[str, Any], sections: dict[str, Any]) -> Figure:
    if isinstance(fit, PulseFit):
        return pulse_fit(fit, _begun(fit, about, sections))
    return retention_fit(fit) if isinstance(fit, RetentionFit) else law_fit(fit)


def _begun(fit: PulseFit, about: dict[str, Any], sections: dict[str, Any]) -> devices.PulsedCell:
    """The fitted cell, begun where the measured curves begin, to be drawn over them."""
    first, section = fit.measured.conductance[0], sections["pulsed"]
    low, high = section["g_min [S]"], section["g_max [S]"]
    start = min(max(float(np.nanmean(first)), low), high)
    noise = min(float(np.nanstd(first)), high - low)
    begun = section | {"reset [S]": start, "reset_noise [S]": noise, "reset_spread [S]": 0.0}
    return devices.get(about | {"pulsed": begun})  # type: ignore[return-value]


def _yield(fit: Fit) -> dict[str, Any]:
    """Yield with its interval, and every device left out."""
    if isinstance(fit, RelaxationFit | TemperatureFit):
        return {"not measured": list(fit.not_measured)}
    if not isinstance(fit, PulseFit | RetentionFit):
        return {}
    faults = [fault.__dict__ for fault in fit.works.faults]
    return {"yield": fit.works.share._asdict(), "faults": faults, "not measured": list(fit.not_measured)}


def remarks(fit: Fit) -> dict[str, str]:
    """What stands behind each number in the card: its interval, or that it was not fitted."""
    words = {key: f"95 %: {i.low:.4g} to {i.high:.4g}" for key, i in fit.numbers.items()}
    if isinstance(fit, ProgrammingFit):
        words = {"programming [S]": "; ".join(words.values())}
    words |= dict.fromkeys(getattr(fit, "fixed", {}), "not fitted")
    if isinstance(fit, PulseFit | RetentionFit):
        share = f"of {fit.works.measured} devices measured"
        words |= dict.fromkeys(("stuck_on", "stuck_off", "stuck_random"), share)
    return words | ({"reset [S]": fit.reset} if isinstance(fit, PulseFit) else {})


def fit_table(found: dict[str, Any]) -> Table:
    """Every number with its interval."""
    table = Table("", "fitted", "95 % interval", box=None, title=f"devices: {found['fitted devices']}")
    for key, parts in found["numbers"].items():
        i = Interval(**parts)
        table.add_row(escape(key), shown(i.value), f"{shown(i.low)} to {shown(i.high)}")
    for key, value in found["not fitted"].items():
        table.add_row(escape(key), shown(value), "not fitted")
    for key in found.get("not measured", ()):
        table.add_row(escape(key), "", "not measured")
    return table


def shown(value: float) -> str:
    """A number with three digits, small ones with an exponent."""
    return f"{value:.3g}" if abs(value) < 1e-3 else digits(value)
