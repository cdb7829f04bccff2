"""`memsim bench`: speed relative to other implementations."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from memsim.studies.commands.terminal import Json
from memsim.studies.speed.names import NAMES

Name = Annotated[str, typer.Argument(help=f"{', '.join(NAMES)}, one of these in full, or all.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Number of threads on both sides.")]


def bench(name: Name = "all", threads: Threads = None, as_json: Json = False) -> None:
    """Measure speed relative to other implementations in the same run."""
    from memsim.studies.commands.options import choice

    choice("benchmark", (name.split() or [name])[0], (*NAMES, "all"))

    from memsim.studies.speed.bench import BENCHES  # torch comes in here, after the arguments are read

    choice("benchmark", name, dict.fromkeys((*NAMES, *BENCHES, "all")))
    chosen = {n: call for n, call in BENCHES.items() if name in ("all", n, n.split()[0])}
    results = {n: call(**({} if threads is None else {"threads": threads})) for n, call in chosen.items()}
    if as_json:
        print(json.dumps(results, indent=2))
        return
    for n, result in results.items():
        table = Table("", n, box=None)
        for key, value in result.items():
            table.add_row(key, f"{value:.4g}" if isinstance(value, float) else str(value))
        Console().print(table)
