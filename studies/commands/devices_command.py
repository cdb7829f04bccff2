"""`memsim devices`: list cells, or show one; fitting one to measurements is in fit_command.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from memsim.studies.commands import fit_command
from memsim.studies.commands.terminal import Json, say


class _Group(TyperGroup):
    """A group whose first word may be a cell instead of a command: `memsim devices reram-om` shows it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ("--help", "-h"))
        return super().parse_args(ctx, args if known else ["show", *args])


app = typer.Typer(cls=_Group, help="List cells, show one, or fit one to your own measurements.")
app.command()(fit_command.fit)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="One preset or device card (.toml), in full.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it: a .png or .svg file, or a folder for both.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the cells of which arrays can be built, or show one ("show" may be left out)."""
    from memsim.studies.reports.cell_tables import cell_table, cells, cells_list

    if plot is not None and name is None:
        raise ValueError("--plot draws one cell: memsim devices NAME --plot FILE")
    drawn: list[Path] = []
    if plot is not None and name is not None:  # before anything is printed: a closed pipe loses no figure
        from memsim.devices import get
        from memsim.studies.reports.device_figures import portrait
        from memsim.studies.reports.pictures_of import save

        cell = get(name)
        drawn = save(portrait(cell), plot, cell.name)
    if as_json:
        print(json.dumps(cells(name), indent=2))
    else:
        console = Console()
        width = console.width if console.is_terminal else None
        print(cells_list(width)) if name is None else console.print(cell_table(name))
    for path in drawn:
        say(f"figure: {path}", quiet=as_json)
