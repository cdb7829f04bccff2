"""`memsim devices fit`: a device card from measurements."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from memsim.studies.commands.terminal import Json, Out, errors, say

if TYPE_CHECKING:
    from memsim.devices.fitting.measurements import PulseCurves

LAWS = {
    "soft-bounds": "pulse curves", "linear": "pulse curves", "constant": "pulse curves",
    "relaxation": "retention curves", "sinh": "I-V curves", "cubic": "I-V curves",
}  # fmt: skip
"""Laws that --law takes, and the measurements they describe."""

Measured = Annotated[
    Path,
    typer.Argument(
        help="Table: device, pulse, direction, conductance \\[uS]; or device, time \\[s], conductance"
        " \\[uS]; any unit, a row a reading or a column a device."
    ),
]
Technology = Annotated[str, typer.Option(help="PCM, ReRAM, ECRAM, ...: prices of pulses go by it.")]
FitName = Annotated[str | None, typer.Option(help="Name of the cell (default: the file's name).")]
Source = Annotated[str | None, typer.Option(help="Where the measurements come from.")]
Columns = Annotated[
    str | None,
    typer.Option(help='Which column is which: "device=Dev, conductance \\[uS]=G", "conductance \\[uS]=*".'),
]
Offset = Annotated[float, typer.Option(help="Taken off every conductance \\[S].")]
SwapDirections = Annotated[bool, typer.Option("--swap-directions", help="Exchange up and down.")]
Law = Annotated[
    str | None,
    typer.Option(
        help="How steps change: soft-bounds (default), linear, constant; of retention: relaxation (ln t),"
        " else a power; of I-V curves: sinh or cubic, else the better one."
    ),
]
LogNormalSteps = Annotated[bool, typer.Option("--log-normal-steps", help="Steps of devices are log-normal.")]
GMid = Annotated[
    float | None, typer.Option(help="Where steps are stated \\[S] (default: the middle of the window).")
]
Reset = Annotated[
    float | None,
    typer.Option(help="Level after a reset \\[S] (default: measured after full resets, or the middle)."),
]
NMax = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Pulses of a full write (default: the longest rise, up to 64)."),
]
TimeZero = Annotated[
    float | None, typer.Option("--t-0", help="When drift begins to count \\[s] (default: fitted).")
]
PulseVoltage = Annotated[
    float | None, typer.Option(help="Height of a pulse \\[V]; with its length it prices a pulse.")
]
PulseTime = Annotated[float | None, typer.Option(help="Length of a pulse \\[s].")]
Into = Annotated[
    Path | None, typer.Option(help="A card to add the numbers to (programming, I-V, endurance, ...).")
]


def fit(
    measured: Measured,
    technology: Technology,
    name: FitName = None,
    source: Source = None,
    columns: Columns = None,
    offset: Offset = 0.0,
    swap_directions: SwapDirections = False,
    law: Law = None,
    log_normal_steps: LogNormalSteps = False,
    g_mid: GMid = None,
    reset: Reset = None,
    n_max: NMax = None,
    t_0: TimeZero = None,
    pulse_voltage: PulseVoltage = None,
    pulse_time: PulseTime = None,
    into: Into = None,
    out: Out = Path("cards"),
    as_json: Json = False,
) -> None:
    """Fit a device card to measured curves, writes, currents or failures, with an interval on each number."""
    from memsim.devices.fitting.measurements import PulseCurves
    from memsim.devices.fitting.reading import understand  # refused before torch is imported
    from memsim.studies.running.files import taken

    if law is not None and law not in LAWS:
        raise ValueError(f"--law {law!r}: one of {', '.join(LAWS)} is needed")
    for option, value in (("--g-mid", g_mid), ("--reset", reset), ("--offset", offset)):
        _check_siemens(option, value)
    if t_0 is not None and not 1e-9 < t_0 < 1e9:
        raise ValueError(f"--t-0 {t_0:g}: seconds between 1e-9 and 1e9 are needed")
    _check_words(name, technology, source)
    _check_pulse(pulse_voltage, pulse_time)
    understood = understand(measured, columns=columns, offset=offset, swap=swap_directions)
    _check_options(
        understood.curves.kind, str(measured), law,
        {
            "--log-normal-steps": log_normal_steps, "--g-mid": g_mid, "--reset": reset, "--n-max": n_max,
            "--swap-directions": swap_directions, "--pulse-voltage": pulse_voltage,
            "--pulse-time": pulse_time,
        },
        {"--t-0": t_0},
    )  # fmt: skip
    say(str(understood), quiet=as_json)
    if g_mid is not None and isinstance(understood.curves, PulseCurves):
        _check_middle(g_mid, understood.curves)
    missing = ""
    if pulse_voltage is None and (into is None or understood.curves.kind not in WRITES):
        missing = unpriced(technology, understood.curves.kind)
        if missing:
            warn(missing)
    with taken(out):
        from memsim.studies.commands.fitting import Asked, fit_command, fit_table

        asked = Asked(technology, name, source, law, log_normal_steps, g_mid, reset, n_max, t_0, into,
                      pulse_voltage, pulse_time)  # fmt: skip
        found = fit_command(understood, asked, out)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        Console().print(fit_table(found))
        _say_where(found, priced=not missing)
    for words in found["warnings"]:
        warn(words)


def warn(words: str) -> None:
    """Print a warning on the error stream."""
    errors.print(f"memsim: {words}", style="yellow", markup=False, highlight=False, soft_wrap=True)


USUAL = "45nm"  #: technology of chips, as of the default card; those of other nodes price the same writes
WRITES = {"pulse curves": ("pulse-", "reset-")}
"""Measurements -> writes of the cell that a chip needs prices of; of any other measurement `PROGRAM`."""

PROGRAM = ("program-",)


def unpriced(technology: str, kind: str) -> str:
    """Return what a chip needs to use a card of this technology, "" where memsim has prices of its writes.

    kind: what was measured, such as "pulse curves".
    """
    from memsim.prices.technology import CELL_EVENTS, Technology

    events = WRITES.get(kind, PROGRAM)
    parts = {part for part in Technology.load(USUAL).parts if part.startswith(CELL_EVENTS)}
    name = technology.lower()
    if all(f"{event}{name}" in parts for event in events):
        return ""
    known = sorted(part.removeprefix(events[0]) for part in parts if part.startswith(events[0]))
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    tables = " and ".join(f"[prices.{event}{name}]" for event in events)
    own = "say --pulse-voltage and --pulse-time, or " if events[0] == "pulse-" else ""
    return (
        f"technology {technology} has no price of a write (there are {', '.join(known)}{hint}): before a chip"
        f" uses this card, {own}add {tables} to the chip card, with a source"
    )


def _say_where(found: Mapping[str, Any], *, priced: bool) -> None:
    """Print the files that were written, what the card takes as ideal, and the next command."""
    for path in (found["card"], *found["figures"]):
        say(str(path))
    if found["ideal"]:
        say(f"taken as ideal, not in the card: {', '.join(found['ideal'])}")
    before = "" if priced else "add the prices, then "
    say(f"next: {before}memsim compare {found['use']} {shlex.quote(found['card'])}")


def _check_options(
    kind: str, file: str, law: str | None, pulses: Mapping[str, object], drift: Mapping[str, object]
) -> None:
    """Raise ValueError for an option of another measurement than the one that the table holds."""
    of = dict.fromkeys(pulses, "pulse curves") | dict.fromkeys(drift, "retention curves")
    of |= {f"--law {law}": LAWS[law]} if law else {}
    options = {**pulses, **drift}
    given = {name for name, value in options.items() if value is not None and value is not False}
    for option in sorted(given | ({f"--law {law}"} if law else set())):
        if of[option] != kind:
            raise ValueError(f"{option} is of {of[option]}, and {file} holds {kind}")
    if law == "relaxation" and "--t-0" in given:
        raise ValueError("--t-0 has no effect beside --law relaxation (ln t); leave it out")


def _check_middle(g_mid: float, curves: PulseCurves) -> None:
    """Raise ValueError for a level at which steps are stated that no device had."""
    import numpy as np

    low, high = float(np.nanmin(curves.conductance)), float(np.nanmax(curves.conductance))
    if not low < g_mid < high:
        raise ValueError(
            f"--g-mid {g_mid:g}: a conductance in the measured range, {low:.3g} to {high:.3g} S, is needed;"
            " left out, it is the middle"
        )


def _check_words(name: str | None, technology: str, source: str | None) -> None:
    """Raise ValueError for a name, technology or source that no card can have."""
    from memsim.devices.device_card import DeviceCard

    words = {"name": name or "a", "technology": technology, "source": source or "measured"}
    DeviceCard.parse(words | {"weight": {"g_max [S]": 1e-5}}, origin="the card to be fitted")


def _check_pulse(voltage: float | None, time: float | None) -> None:
    if voltage is not None and not 1e-3 < abs(voltage) < 100:
        raise ValueError(f"--pulse-voltage {voltage:g}: volts between 0.001 and 100 are needed")
    if time is not None and not 1e-12 < time < 10:
        raise ValueError(f"--pulse-time {time:g}: seconds between 1e-12 and 10 are needed; 50 ns is 50e-9")


def _check_siemens(option: str, value: float | None) -> None:
    if value is not None and not abs(value) < 1e-2:
        raise ValueError(f"{option} {value:g}: siemens, below 0.01, are needed; 25 uS is 25e-6")
