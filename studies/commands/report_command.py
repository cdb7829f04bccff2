"""`memsim report`: a report written again, or two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from memsim.studies.commands.terminal import Json, say

Folder = Annotated[Path, typer.Argument(help="Folder of a study, or of a comparison.")]
Other = Annotated[Path | None, typer.Argument(help="Another run of the same study, or comparison.")]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the report (default: the first folder; of two runs A/vs-B).")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run the study file in the folder, if the study is not built in.")
]


def report(
    folder: Folder, other: Other = None, out: Out = None, trust: Trust = False, as_json: Json = False
) -> None:
    """Write the report of a study or a comparison again, or compare two runs.

    Two runs are those of one study, or two results of memsim compare --out. Nothing is measured again.
    """
    from memsim.studies.commands.options import folders

    folders(folder, *([] if other is None else [other]))

    from memsim.studies.reports.beside import write_alone, write_beside

    if other is None:
        path = write_alone(folder, out, trust=trust)
    else:
        path = write_beside(folder, other, out, trust=trust)
    if as_json:
        print(json.dumps({"report": str(path)}))
    else:
        say(f"report: {path}")
