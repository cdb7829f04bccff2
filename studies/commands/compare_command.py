"""`memsim compare`: one network, digitally and on simulated chips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from memsim.chip_names import MOST_CHIPS
from memsim.studies.commands.terminal import (
    Attention,
    Card,
    Data,
    Dataset,
    Images,
    Json,
    Model,
    Net,
    Only,
    Seed,
    Weights,
    Without,
    errors,
    progress,
    say,
)

if TYPE_CHECKING:
    from memsim.studies.evaluation.comparison import Comparison

Engine = Annotated[str, typer.Option(help="digital, memsim, or aihwkit together with memsim.")]
Chips = Annotated[
    int, typer.Option(min=1, max=MOST_CHIPS, help="Number of chips; they differ only in their devices.")
]
Time = Annotated[str, typer.Option(help="Time since the weights were programmed: 1s, 2h, 1d, 1y.")]
Worth = Annotated[bool, typer.Option(help="Also run the network with other attention, digitally.")]
Explain = Annotated[
    str | None, typer.Option(help="Print count, price and source of the events of this layer.")
]
Folder = Annotated[Path | None, typer.Option(help="Folder for report.html, figures and result.json.")]


OF_CHIPS = ("weights", "attention", "chips", "time", "seed", "without", "only")
"""Options that say how chips are simulated."""


def compare(
    context: typer.Context,
    model: Model = "s2tdpt-digits",
    net: Net = None,
    card: Card = "default",
    weights: Weights = None,
    attention: Attention = None,
    engine: Engine = "memsim",
    chips: Chips = 8,
    dataset: Dataset = None,
    data: Data = Path("data"),
    images: Images = None,
    time: Time = "1d",
    seed: Seed = 0,
    without: Without = None,
    only: Only = None,
    worth: Worth = False,
    explain: Explain = None,
    out: Folder = None,
    as_json: Json = False,
) -> None:
    """Run a network digitally and on simulated chips, and show the differences."""
    from memsim.models.known import layers
    from memsim.studies.commands import options
    from memsim.studies.evaluation.setting import ENGINES
    from memsim.studies.evaluation.times import seconds

    if engine == "digital":
        options.refuse_ignored(options.given(context, *OF_CHIPS), "engine digital runs no chips")
    folder = options.data_folder(context, data, dataset)
    chosen = options.card_of(
        card, weights=weights, attention=attention, without=without or (), only=only or ()
    )
    file, name = options.net_of(context, net, model), options.network(model)
    asked: dict[str, Any] = {
        "engine": options.choice("--engine", engine, ENGINES),
        "chips": chips,
        "images": images,
        "time": seconds(time),
        "seed": seed,
        "folder": str(data),
    }
    if engine == "memsim":
        chosen.check_prices()
    options.check_ages(context, chosen)
    on = options.data_set(dataset) if dataset else None
    bundled = layers(name) if file is None else None
    written = options.written_options(chosen, attention, without or ())
    if explain is not None and bundled is not None:
        options.layer("--explain", explain, bundled)

    from memsim.studies.commands import comparing  # torch comes in here, after the arguments

    with progress() as advance:
        done = comparing.run(
            file or name, chosen, on, asked, written=written, worth=worth, explain=explain, out=out,
            folder=folder, advance=advance,
        )  # fmt: skip
    _show(done.comparison, done.worth, explain, as_json)
    if done.report is not None:
        say(f"report: {done.report}", quiet=as_json)


def _show(result: Comparison, worth: list[dict[str, Any]] | None, explain: str | None, as_json: bool) -> None:
    """Print a comparison: one JSON object, or tables."""
    from memsim.studies.reports import explained, screen, tables
    from memsim.studies.reports.grid import Whole

    summary, console = result.summary(), Console()
    if as_json:
        print(json.dumps(summary | ({} if worth is None else {"worth": worth}), indent=2))
    else:
        console.print(screen.screen(summary))
        if worth is not None:
            console.print(Whole(tables.worth_grid(worth)))
    if explain is not None:
        (errors if as_json else console).print(explained.explained(result, explain))
