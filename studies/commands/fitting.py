"""`memsim devices fit`: from a table of measurements to a device card, with intervals and a picture."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from memsim import devices
from memsim.devices import device_card
from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.fit import Law, PulseFit, fit_pulses
from memsim.devices.fitting.fit_retention import RetentionFit, fit_retention
from memsim.devices.fitting.measurements import PulseCurves
from memsim.devices.fitting.reading import Understood
from memsim.studies.reports.fit_figures import pulse_fit, retention_fit
from memsim.studies.reports.pictures_of import save
from memsim.studies.reports.quantities import digits
from memsim.studies.running.files import writable

Fit = PulseFit | RetentionFit


@dataclass(frozen=True)
class Asked:
    """What the user asks of a fit; None where the data or a default decide."""

    technology: str
    name: str | None = None
    source: str | None = None
    law: Law = "soft-bounds"
    log_normal_steps: bool = False
    g_mid: float | None = None
    reset: float | None = None
    n_max: int | None = None
    t_0: float | None = None


def fit_command(found: Understood, asked: Asked, out: Path) -> dict[str, Any]:
    """Fit a card to a table and write NAME.toml, NAME.json, NAME.png and NAME.svg; what was found.

    Raises ValueError for data that cannot support a parameter, naming it.
    """
    fit, sections = _fitted(found, asked)
    file = Path(found.file)
    called = asked.name or re.sub(r"[^\w.-]+", "-", file.stem).strip("-.") or "measured"
    about = {
        "name": called,
        "technology": asked.technology,
        "source": asked.source or f"fitted to {file.name}",
    }
    card = devices.DeviceCard.parse(about | sections, origin=f"the card fitted to {file}")
    folder, cell = writable(out), devices.get(card)
    figure = pulse_fit(fit, cell) if isinstance(fit, PulseFit) else retention_fit(fit)  # type: ignore[arg-type]
    (folder / f"{called}.toml").write_text(device_card.toml(card, remarks(fit)), encoding="utf-8")
    told = {
        "card": str(folder / f"{called}.toml"),
        "understood": list(found.notes),
        "figures": [str(path) for path in save(figure, folder, called)],
        "devices": len(found.curves.devices),
        "fitted devices": len(fit.measured.devices),
        "warnings": fit.warnings,
        "ideal": list(card.ideal_parts),
        "numbers": {key: interval._asdict() for key, interval in fit.numbers.items()},
        "not fitted": fit.fixed,
    } | _yield(fit)
    (folder / f"{called}.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return told


def _fitted(found: Understood, asked: Asked) -> tuple[Fit, dict[str, Any]]:
    """The fit, and the tables of its card."""
    curves = found.curves
    if isinstance(curves, PulseCurves):
        fit = fit_pulses(
            curves, asked.law, log_normal_steps=asked.log_normal_steps, g_mid=asked.g_mid, reset=asked.reset
        )
        sections = {"pulsed": fit.section | {"n_max": asked.n_max or fit.longest_rise}}
        return fit, sections | ({"faults": fit.faults} if fit.faults else {})
    fit = fit_retention(curves, t_0=asked.t_0)
    return fit, {"weight": fit.section}


def _yield(fit: Fit) -> dict[str, Any]:
    """Yield with its interval, and every device left out."""
    if not isinstance(fit, PulseFit):
        return {}
    faults = [fault.__dict__ for fault in fit.works.faults]
    return {"yield": fit.works.share._asdict(), "faults": faults, "not measured": list(fit.not_measured)}


def remarks(fit: Fit) -> dict[str, str]:
    """What stands behind each number in the card: its interval, or that it was not fitted."""
    words = {key: f"95 %: {i.low:.4g} to {i.high:.4g}" for key, i in fit.numbers.items()}
    words |= dict.fromkeys(fit.fixed, "not fitted")
    if isinstance(fit, PulseFit):
        share = f"of {fit.works.measured} devices measured"
        words |= {"reset [S]": fit.reset} | dict.fromkeys(("stuck_on", "stuck_off", "stuck_random"), share)
    return words


def fit_table(found: dict[str, Any]) -> Table:
    """Every number with its interval."""
    table = Table("", "fitted", "95 % interval", box=None, title=f"{found['fitted devices']} devices")
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
