"""`memsim study`: all tasks of a study, measured and reported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memsim.chip_names import MOST_CHIPS
from memsim.studies.commands.terminal import (
    Attention,
    Card,
    Data,
    Dataset,
    Images,
    Model,
    Net,
    Only,
    Seed,
    Weights,
    Without,
    progress,
)

Name = Annotated[str, typer.Argument(help="A built-in study, or a user's .py file or .toml sweep.")]
Chips = Annotated[
    int, typer.Option(min=1, max=MOST_CHIPS, help="Number of chips; more are added to those measured before.")
]
Time = Annotated[
    str, typer.Option(help="Time since programming, if the study does not vary it: 1s, 2h, 1d, 1y.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes (default: one for each core).")]
Cluster = Annotated[
    str | None, typer.Option(help="Address of a dask scheduler whose workers measure the tasks.")
]
Limit = Annotated[float | None, typer.Option(min=1, help="Time \\[s] after which a task is given up.")]
Folder = Annotated[Path | None, typer.Option(help="Folder for the rows (default: results/NAME).")]
Report = Annotated[bool, typer.Option(help="Write the report after all tasks.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON line for each task.")]


def study(
    context: typer.Context,
    name: Name,
    model: Model = "s2tdpt-digits",
    net: Net = None,
    card: Card = "default",
    weights: Weights = None,
    attention: Attention = None,
    without: Without = None,
    only: Only = None,
    chips: Chips = 8,
    images: Images = None,
    dataset: Dataset = None,
    data: Data = Path("data"),
    time: Time = "1d",
    seed: Seed = 0,
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = None,
    out: Folder = None,
    report: Report = True,
    as_json: JsonLines = False,
) -> None:
    """Measure all tasks of a study; after an interruption, the same command continues it."""
    from memsim.studies.commands import options
    from memsim.studies.evaluation.setting import Setting, dump
    from memsim.studies.evaluation.times import seconds
    from memsim.studies.running.study import load

    if cluster is not None:
        options.refuse_ignored(
            options.given(context, "workers"), "with --cluster the scheduler's workers measure"
        )
    chosen = load(name)
    folder = options.data_folder(context, data)
    on = options.card_of(card, weights=weights, attention=attention, without=without or (), only=only or ())
    on.check_prices()
    chosen.check(on)
    setting = Setting(
        model=options.network(model), net=options.net_of(context, net, model), card=dump(on),
        chips=chips, images=images,
        dataset=options.data_set(dataset) if dataset else None, data=str(data), time=seconds(time), seed=seed,
    )  # fmt: skip

    from memsim.studies.commands import measuring  # torch comes in here, after the arguments are read

    if folder:
        measuring.refuse_unread_folder(chosen, setting)
    measuring.refuse_ignored(chosen, setting, options.given(context, *measuring.SETTINGS))
    measuring.refuse_unwritten(chosen, setting, on, options.written_options(on, attention, without or ()))
    folder = out or Path("results") / chosen.name
    try:
        with progress() as advance:
            outcome = measuring.measure(chosen, setting, folder, workers, cluster, str(data), advance, limit)
        measuring.show(chosen, setting, outcome, report=report, as_json=as_json)
    except KeyboardInterrupt as stop:
        measuring.to_stderr(str(stop) or f"stopped; the rows in {folder} are safe")
        raise typer.Exit(130) from None
    if outcome.failed:
        raise typer.Exit(1)
