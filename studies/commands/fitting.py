"""`memsim devices fit`: from a table of measurements to a device card, with intervals and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from memsim import devices
from memsim.devices import device_card
from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.fit import Law, PulseFit, fit_pulses
from memsim.devices.fitting.fit_retention import RetentionFit, fit_retention
from memsim.devices.fitting.measurements import PulseCurves, read
from memsim.studies.reports.fit_figures import pulse_fit, retention_fit
from memsim.studies.reports.pictures_of import save
from memsim.studies.reports.quantities import digits
from memsim.studies.running.files import writable


def fit_command(
    measured: Path,
    *,
    technology: str,
    name: str | None,
    source: str | None,
    law: Law,
    log_normal_steps: bool,
    g_mid: float | None,
    n_max: int | None,
    t_0: float | None,
    out: Path,
) -> dict[str, Any]:
    """Fit a card to a CSV file and write NAME.toml, NAME.json, NAME.png and NAME.svg; what was found.

    Raises ValueError for data that cannot support a parameter, naming it.
    """
    curves = read(measured)
    if isinstance(curves, PulseCurves):
        fit = fit_pulses(curves, law, log_normal_steps=log_normal_steps, g_mid=g_mid)
        sections = {"pulsed": fit.section | {"n_max": n_max or fit.longest_rise}}
    else:
        fit = fit_retention(curves, t_0=t_0)
        sections = {"weight": fit.section}
    called = name or measured.stem
    about = {"name": called, "technology": technology, "source": source or f"fitted to {measured.name}"}
    card = devices.DeviceCard.parse(about | sections, origin=f"the card fitted to {measured}")
    folder, cell = writable(out), devices.get(card)
    figure = pulse_fit(fit, cell) if isinstance(fit, PulseFit) else retention_fit(fit)  # type: ignore[arg-type]
    (folder / f"{called}.toml").write_text(device_card.toml(card, remarks(fit)), encoding="utf-8")
    found = {
        "card": str(folder / f"{called}.toml"),
        "figures": [str(path) for path in save(figure, folder, called)],
        "devices": len(curves.devices),
        "warning": fit.warning,
        "numbers": {key: interval._asdict() for key, interval in fit.numbers.items()},
        "not fitted": fit.fixed,
    }
    (folder / f"{called}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def remarks(fit: PulseFit | RetentionFit) -> dict[str, str]:
    """What stands behind each number in the card: its interval, or that it was not fitted."""
    intervals = {key: f"95 %: {i.low:.4g} to {i.high:.4g}" for key, i in fit.numbers.items()}
    return intervals | dict.fromkeys(fit.fixed, "not fitted")


def fit_table(found: dict[str, Any]) -> Table:
    """Every number with its interval."""
    table = Table("", "fitted", "95 % interval", box=None, title=f"{found['devices']} devices")
    for key, parts in found["numbers"].items():
        i = Interval(**parts)
        table.add_row(escape(key), shown(i.value), f"{shown(i.low)} to {shown(i.high)}")
    for key, value in found["not fitted"].items():
        table.add_row(escape(key), shown(value), "not fitted")
    return table


def shown(value: float) -> str:
    """A number with three digits, small ones with an exponent."""
    return f"{value:.3g}" if abs(value) < 1e-3 else digits(value)
