"""`memsim devices`: list cells, show one, or fit one to measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from memsim.studies.commands.terminal import Json, Out, errors, say


class _Group(TyperGroup):
    """A group whose first word may be a cell instead of a command: `memsim devices reram-om` shows it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(ctx, args if known else ["show", *args])


LAWS = ("soft-bounds", "linear", "constant", "relaxation")
app = typer.Typer(cls=_Group, help="List cells, show one, or fit one to measurements of your own.")


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="One preset or device card (.toml), in full.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it: a .png or .svg file, or a folder for both.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the cells that arrays can be built from, or show one ("show" may be left out)."""
    from memsim.studies.reports.cell_tables import cell_table, cells, cells_list

    if plot is not None and name is None:
        raise ValueError("--plot draws one cell: memsim devices NAME --plot FILE")
    if as_json:
        print(json.dumps(cells(name), indent=2))
    else:
        print(cells_list()) if name is None else Console().print(cell_table(name))
    if plot is not None and name is not None:
        from memsim.devices import get
        from memsim.studies.reports.device_figures import portrait
        from memsim.studies.reports.pictures_of import save

        cell = get(name)
        for path in save(portrait(cell), plot, cell.name):
            say(f"figure: {path}", quiet=as_json)


@app.command()
def fit(
    measured: Annotated[
        Path,
        typer.Argument(
            help="Table: device, pulse, direction, conductance \\[uS]; or device, time \\[s], conductance"
            " \\[uS]; any unit, a row a reading or a column a device."
        ),
    ],
    technology: Annotated[str, typer.Option(help="PCM, ReRAM, ECRAM, ...: prices of pulses go by it.")],
    name: Annotated[str | None, typer.Option(help="Name of the cell (default: the file's name).")] = None,
    source: Annotated[str | None, typer.Option(help="Where the measurements come from.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help='Which column is which: "device=Dev,conductance \\[uS]=G", "conductance \\[uS]=*".'
        ),
    ] = None,
    offset: Annotated[float, typer.Option(help="Taken off every conductance \\[S].")] = 0.0,
    swap_directions: Annotated[bool, typer.Option(help="Exchange up and down.")] = False,
    law: Annotated[
        str,
        typer.Option(
            help="How steps change: soft-bounds, linear, constant; of retention: relaxation (ln t)."
        ),
    ] = "soft-bounds",
    log_normal_steps: Annotated[bool, typer.Option(help="Steps of devices are log-normal.")] = False,
    g_mid: Annotated[
        float | None, typer.Option(help="Where steps are stated \\[S] (default: the middle of the window).")
    ] = None,
    reset: Annotated[
        float | None,
        typer.Option(help="Level after a reset \\[S] (default: measured after full resets, or the middle)."),
    ] = None,
    n_max: Annotated[
        int | None, typer.Option(min=1, help="Pulses of a full write (default: the longest rise, up to 64).")
    ] = None,
    t_0: Annotated[
        float | None, typer.Option("--t-0", help="When drift begins to count \\[s] (default: fitted).")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="A card to add the numbers to (programming, I-V, endurance, ...).")
    ] = None,
    out: Out = Path("cards"),
    as_json: Json = False,
) -> None:
    """Fit a device card to measured curves, writes, currents or lives, with an interval on every number."""
    from memsim.devices.fitting.measurements import RetentionCurves
    from memsim.devices.fitting.reading import understand  # refused before torch is imported

    if law not in LAWS:
        raise ValueError(f"--law {law!r}: one of {', '.join(LAWS)} is needed")
    for option, value in (("--g-mid", g_mid), ("--reset", reset), ("--offset", offset)):
        _check_siemens(option, value)
    understood = understand(measured, columns=columns, offset=offset, swap=swap_directions)
    if law == "relaxation" and not isinstance(understood.curves, RetentionCurves):
        raise ValueError(f"--law relaxation is of retention curves, and {measured} holds none")
    _say(str(understood), errors if as_json else Console())
    from memsim.studies.commands.fitting import Asked, fit_command, fit_table

    asked = Asked(technology, name, source, law, log_normal_steps, g_mid, reset, n_max, t_0, into)
    found = fit_command(understood, asked, out)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        Console().print(fit_table(found))
        for path in (found["card"], *found["figures"]):
            _say(str(path), Console())
        if found["ideal"]:
            _say(f"taken as ideal, not in the card: {', '.join(found['ideal'])}", Console())
        _say(f"next: memsim compare {found['use']} {found['card']}", Console())
    for words in found["warnings"]:
        errors.print(f"memsim: {words}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _say(text: str, console: Console) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _check_siemens(option: str, value: float | None) -> None:
    if value is not None and not abs(value) < 1e-2:
        raise ValueError(f"{option} {value:g}: siemens, below 0.01, are needed; 25 uS is 25e-6")
