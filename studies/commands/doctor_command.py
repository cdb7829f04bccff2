"""`memsim doctor`: does this environment work?"""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from memsim.studies.commands.terminal import Json


def doctor(as_json: Json = False) -> None:
    """Print versions, build a compiled and a torch tile of aihwkit, and name a remedy if they fail."""
    from memsim.studies.commands.doctor import doctor as examine

    checks = examine()
    if as_json:
        print(json.dumps({check.name: asdict(check) for check in checks}, indent=2))
    else:
        table = Table("", "check", "found", box=None)
        for check in checks:
            table.add_row("[green]ok[/]" if check.ok else "[red]no[/]", check.name, check.found)
        Console().print(table)
        for advice in dict.fromkeys(check.advice for check in checks if check.advice):
            print(advice)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
