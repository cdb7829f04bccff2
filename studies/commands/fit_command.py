"""`memsim devices fit`: a device card from measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from memsim.studies.commands.terminal import Json, Out, errors, say

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
    into: Into = None,
    out: Out = Path("cards"),
    as_json: Json = False,
) -> None:
    """Fit a device card to measured curves, writes, currents or failures, with an interval on each number."""
    from memsim.devices.fitting.reading import understand  # refused before torch is imported

    if law is not None and law not in LAWS:
        raise ValueError(f"--law {law!r}: one of {', '.join(LAWS)} is needed")
    for option, value in (("--g-mid", g_mid), ("--reset", reset), ("--offset", offset)):
        _check_siemens(option, value)
    if t_0 is not None and not 1e-9 < t_0 < 1e9:
        raise ValueError(f"--t-0 {t_0:g}: seconds between 1e-9 and 1e9 are needed")
    understood = understand(measured, columns=columns, offset=offset, swap=swap_directions)
    _check_options(
        understood.curves.kind, str(measured), law,
        {
            "--log-normal-steps": log_normal_steps, "--g-mid": g_mid, "--reset": reset, "--n-max": n_max,
            "--swap-directions": swap_directions,
        },
        {"--t-0": t_0},
    )  # fmt: skip
    say(str(understood), quiet=as_json)
    from memsim.studies.commands.fitting import Asked, fit_command, fit_table

    asked = Asked(technology, name, source, law, log_normal_steps, g_mid, reset, n_max, t_0, into)
    found = fit_command(understood, asked, out)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        Console().print(fit_table(found))
        _say_where(found)
    for words in found["warnings"]:
        errors.print(f"memsim: {words}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _say_where(found: Mapping[str, Any]) -> None:
    """Print the files that were written, what the card takes as ideal, and the next command."""
    for path in (found["card"], *found["figures"]):
        say(str(path))
    if found["ideal"]:
        say(f"taken as ideal, not in the card: {', '.join(found['ideal'])}")
    say(f"next: memsim compare {found['use']} {found['card']}")


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


def _check_siemens(option: str, value: float | None) -> None:
    if value is not None and not abs(value) < 1e-2:
        raise ValueError(f"{option} {value:g}: siemens, below 0.01, are needed; 25 uS is 25e-6")
