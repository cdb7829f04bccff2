"""The command line: `memsim --help`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from memsim import __version__
from memsim.devices.toml_file import bounded
from memsim.studies.commands import devices_command, see_command
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
    Out,
    Seed,
    Weights,
    Without,
    errors,
    progress,
    say,
    show_whatever_the_terminal_can,
)
from memsim.studies.speed.names import NAMES

if TYPE_CHECKING:
    from memsim.studies.evaluation.comparison import Comparison

app = typer.Typer(name="memsim", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(devices_command.app, name="devices")
app.command()(see_command.see)


def _version(asked: bool) -> None:
    if asked:
        print(f"memsim {__version__}")
        raise typer.Exit


@app.callback()
def memsim(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Run a spiking STDP transformer digitally and on simulated memristive crossbars, and compare the two."""
    from memsim.studies.commands.doctor import advice

    if context.invoked_subcommand != "doctor" and advice():
        raise ImportError(f"{advice()} ('memsim doctor' says more)")


@app.command()
def compare(
    model: Model = "s2tdpt-digits",
    net: Net = None,
    card: Card = "default",
    weights: Weights = None,
    attention: Attention = None,
    engine: Annotated[str, typer.Option(help="digital, memsim, or aihwkit beside memsim.")] = "memsim",
    chips: Annotated[
        int, typer.Option(min=1, help="How many chips; they differ in their devices alone.")
    ] = 8,
    dataset: Dataset = None,
    data: Data = Path("data"),
    images: Images = None,
    time: Annotated[str, typer.Option(help="Time since the weights were programmed: 1s, 2h, 1d, 1y.")] = "1d",
    seed: Seed = 0,
    without: Without = None,
    only: Only = None,
    worth: Annotated[bool, typer.Option(help="Also: the network with other attention, digitally.")] = False,
    explain: Annotated[
        str | None, typer.Option(help="Print count, price and source of a layer's events.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, figures and result.json.")] = None,
    as_json: Json = False,
) -> None:
    """Run a network digitally and on simulated chips, and show what the analog world changed."""
    from memsim.studies.commands.options import card_of, choice, data_set, layer, net_of, network
    from memsim.studies.evaluation.setting import ENGINES, Setting
    from memsim.studies.evaluation.times import seconds
    from memsim.studies.running.files import writable

    chosen = card_of(card, weights=weights, attention=attention, without=without or (), only=only or ())
    file, name = net_of(net, model), network(model)
    asked: dict[str, Any] = {
        "engine": choice("--engine", engine, ENGINES),
        "chips": chips,
        "images": images,
        "time": seconds(time),
        "seed": seed,
        "folder": str(data),
    }
    if engine == "memsim":
        chosen.check_prices()
    on = data_set(dataset) if dataset else None
    if explain is not None:
        from memsim.studies.evaluation.subject import Subject

        layer("--explain", explain, Subject.of(Setting(model=name, net=file)).net)
    folder = writable(out) if out is not None else None

    from memsim.studies.evaluation import worth as relatives  # torch comes in here, after the arguments
    from memsim.studies.evaluation.compare import compare as run
    from memsim.studies.reports.report import write_report

    if worth:
        relatives.check(name, file)
    with progress() as advance:
        result = run(name if file is None else file, chosen, on, **asked, advance=advance)
        found = relatives.worth(name) if worth else None
    path = None if folder is None else write_report(result, folder, worth=found)  # before anything can fail
    _show(result, found, explain, as_json)
    if path is not None:
        say(f"report: {path}", quiet=as_json)


def _show(result: Comparison, worth: list[dict[str, Any]] | None, explain: str | None, as_json: bool) -> None:
    """Print a comparison: one JSON object, or tables."""
    from memsim.studies.reports import screen, tables

    summary, console = result.summary(), Console()
    if as_json:
        print(json.dumps(summary | ({} if worth is None else {"worth": worth}), indent=2))
    else:
        console.print(screen.screen(summary))
        if worth is not None:
            console.print(tables.worth_grid(worth))
    if explain is not None:
        (errors if as_json else console).print(tables.layer_tables(result, explain))


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="A built-in study, or a user's .py file or .toml sweep.")],
    model: Model = "s2tdpt-digits",
    net: Net = None,
    card: Card = "default",
    weights: Weights = None,
    attention: Attention = None,
    without: Without = None,
    only: Only = None,
    chips: Annotated[int, typer.Option(min=1, help="How many chips; more add to those measured.")] = 8,
    images: Images = None,
    dataset: Dataset = None,
    data: Data = Path("data"),
    time: Annotated[
        str, typer.Option(help="Time since programming where the study does not vary it: 1s, 2h, 1d, 1y.")
    ] = "1d",
    seed: Seed = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes (default: one for each core).")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a dask scheduler; its workers measure instead.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option(min=1, help="Give a task up, as failed, after so many seconds.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the rows (default: results/NAME).")] = None,
    report: Annotated[bool, typer.Option(help="Write the report when all is measured.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each task.")] = False,
) -> None:
    """Measure all tasks of a study; stopped at any moment, the same command goes on where it was."""
    from memsim.studies.commands.options import card_of, data_set, net_of, network
    from memsim.studies.evaluation.setting import Setting, dump
    from memsim.studies.evaluation.times import seconds
    from memsim.studies.running.study import load

    chosen = load(name)
    on = card_of(card, weights=weights, attention=attention, without=without or (), only=only or ())
    on.check_prices()
    setting = Setting(
        model=network(model),
        net=net_of(net, model),
        card=dump(on),
        chips=chips,
        images=images,
        dataset=data_set(dataset) if dataset else None,
        data=str(data),
        time=seconds(time),
        seed=seed,
    )

    from memsim.studies.commands import measuring  # torch comes in here, after the arguments are read

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


@app.command()
def train(
    dataset: Annotated[
        str, typer.Argument(help="digits, mnist, fashion-mnist, cifar10, cifar100 or a .npz file.")
    ],
    attention: Annotated[
        str, typer.Option(help="stdp, random, uniform, uniform-matched, rate or dot.")
    ] = "stdp",
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs (default: as the recipe has it).")] = None,
    seed: Seed = 0,
    precision: Annotated[
        str | None, typer.Option(help="fp32, fp32-fused or bf16, the fast one (default: the recipe's).")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or muon.")] = None,
    steps: Annotated[
        str | None, typer.Option(help="Time steps and their shares of the training: 1:0.8,4:0.2.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Begin with the weights of this network: its twin without spikes.")
    ] = None,
    teacher: Annotated[str | None, typer.Option(help="Learn from this network's answers, too.")] = None,
    average: Annotated[
        float | None, typer.Option(help="Decay a step of the mean weights over the last third: 0.999.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="End after these, if that is before the last epoch.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture (.png, .svg, .pdf) of the curves, drawn anew each epoch.")
    ] = None,
    card: Annotated[
        str | None, typer.Option(help="Harden the trained network for chips of this card (name or file).")
    ] = None,
    times: Annotated[
        str, typer.Option(help="Of those chips since their programming: one, or a span.")
    ] = "1s,1y",
    resume: Annotated[bool, typer.Option(help="Go on from the state in the folder.")] = True,
    data: Annotated[Path | None, typer.Option(help="Folder that holds the data sets.")] = None,
    out: Out = Path("trained"),
    as_json: Json = False,
) -> None:
    """Train a network; stopping and starting again goes on where it was."""
    from memsim.studies.commands.options import card_of, choice, data_set
    from memsim.studies.evaluation.times import span
    from memsim.studies.running.files import writable

    data_set(dataset, "DATASET")
    if card is not None:
        card_of(card)
        span(times)
    if plot is not None:
        choice("--plot", plot.suffix, (".png", ".svg", ".pdf"))
    writable(out)

    from memsim.studies.commands.training import harden_command, schedule_of, train_command

    options = {
        "epochs": epochs, "precision": precision, "optimizer": optimizer, "steps": schedule_of(steps),
        "start": start, "teacher": teacher, "average": average, "minutes": minutes,
    }  # fmt: skip

    run = train_command if card is None else partial(harden_command, card=card, times=times)
    with progress() as advance:
        record = run(
            dataset,
            attention=attention,
            options=options,
            seed=seed,
            resume=resume,
            plot=plot,
            data=data,
            out=out,
            advance=advance,
        )
    if as_json:
        print(json.dumps(record, indent=2))
    else:
        say(f"{record['checkpoint']}: test accuracy {record['test_accuracy']:.4f}")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(NAMES)}, one of these in full, or all.")] = "all",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of both sides.")] = None,
    as_json: Json = False,
) -> None:
    """Measure speed as ratios against a peer in the same run."""
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


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a study.")],
    other: Annotated[Path | None, typer.Argument(help="Another of the same study, to set beside it.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report (default: the study's own).")
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run the study file that lies in the folder, if it is not built in."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw the report of a study again from its rows, or set two runs of one study side by side."""
    from memsim.studies.commands.options import folders

    folders(folder, *([] if other is None else [other]))

    from memsim.studies.reports.beside import write_beside
    from memsim.studies.reports.dossier import write

    if other is None:
        path = write(folder, out, trust=trust)
    else:
        path = write_beside(folder, other, out, trust=trust)
    if as_json:
        print(json.dumps({"report": str(path)}))
    else:
        say(f"report: {path}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Print versions, build a compiled and a torch tile of aihwkit, and say what to change if they fail."""
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


def main() -> None:
    """Entry point of the `memsim` command: one message and exit code 1 for anything that cannot be done."""
    show_whatever_the_terminal_can()
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        errors.print(bounded(f"memsim: {error}"), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
