"""Common parts of the commands: shared options, the error stream, a progress bar."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

errors = Console(stderr=True)

PLAIN = {
    "×": "x", "·": "*", "±": "+-", "−": "-", "–": "-", "—": "-", "µ": "u", "μ": "u", "Ω": "ohm", "κ": "kappa",
    "√": "sqrt", "≤": "<=", "≥": ">=", "≈": "~", "→": "->", "…": "...", "σ": "sigma", "ν": "nu",
}  # fmt: skip
"""Characters of our own texts in ASCII, for a terminal that has nothing else."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(help="Seed of all random streams; the same seed gives the same chips.")]
Model = Annotated[str, typer.Option(help="A bundled network or a checkpoint file.")]
Net = Annotated[str | None, typer.Option(help="A function that returns your own network: my_file.py:make.")]
Card = Annotated[str, typer.Option(help="A built-in chip card or a TOML file.")]
Dataset = Annotated[str | None, typer.Option(help="Another data set, by name or .npz file.")]
Data = Annotated[Path, typer.Option(help="Folder of data sets that are not embedded.")]
Images = Annotated[int | None, typer.Option(min=1, help="The first N test images (default: all).")]
Without = Annotated[list[str] | None, typer.Option(help="Switch one effect off; may be repeated.")]
Only = Annotated[list[str] | None, typer.Option(help="Leave one effect on; may be repeated.")]
Weights = Annotated[str | None, typer.Option(help="Cell of the weight arrays (default: that of the card).")]
Attention = Annotated[
    str | None, typer.Option(help="Cell of the attention arrays (default: that of the card).")
]
Out = Annotated[Path, typer.Option(help="Folder for the results.")]


def show_whatever_the_terminal_can() -> None:
    """Make both streams replace letters that their encoding lacks, so that writing never fails."""
    codecs.register_error("memsim-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="memsim-plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of letters that cannot be encoded, and the position after them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter) or _ascii(letter) for letter in letters), error.end


def _ascii(letter: str) -> str:
    """Return a letter without its accents, a number for one that has none of these."""
    base = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return base or letter.encode("ascii", "backslashreplace").decode()


def say(text: str, *, quiet: bool = False) -> None:
    """Print a line unchanged, with brackets and dollars; on the error stream if `quiet`."""
    (errors if quiet else Console()).print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress() -> Iterator:
    """A progress bar on the error stream: ``advance(stage, done, total)``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    hour = 3600.0  # a task may take minutes: time left is estimated from the last hour
    with Progress(
        *columns, console=errors, transient=True, disable=not errors.is_terminal, speed_estimate_period=hour
    ) as bar:
        task = bar.add_task("starting", total=None)

        def advance(stage: str, done: int, total: int) -> None:
            if total != bar.tasks[0].total:
                bar.reset(task, total=total)
            bar.update(task, description=stage, completed=done)

        yield advance
