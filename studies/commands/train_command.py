"""`memsim train`: a network from a data set, or one hardened for chips."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from memsim.studies.commands.terminal import Json, Out, Seed, progress, say

Dataset = Annotated[
    str, typer.Argument(help="digits, mnist, fashion-mnist, cifar10, cifar100 or a .npz file.")
]
Attention = Annotated[str, typer.Option(help="stdp, random, uniform, uniform-matched, rate or dot.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of epochs (default: that of the recipe).")]
Precision = Annotated[
    str | None, typer.Option(help="fp32, fp32-fused, or bf16 (fastest; default: that of the recipe).")
]
Optimizer = Annotated[str | None, typer.Option(help="adamw or muon (default: that of the recipe).")]
Steps = Annotated[
    str | None, typer.Option(help="Time steps, and the share of the training with each: 1:0.8,4:0.2.")
]
Start = Annotated[
    str | None, typer.Option(help="Network whose weights are the start, such as one without spikes.")
]
Teacher = Annotated[str | None, typer.Option(help="Network whose answers are learned, too (distillation).")]
Average = Annotated[
    float | None, typer.Option(help="Average weights over the last third with this decay per step: 0.999.")
]
Minutes = Annotated[
    float | None, typer.Option(help="End after this time, if that is before the last epoch \\[min].")
]
Plot = Annotated[
    Path | None,
    typer.Option(help="Picture of the training curves (.png, .svg, .pdf), drawn after each epoch."),
]
Card = Annotated[
    str | None, typer.Option(help="Train the network further on simulated chips of this card (name or file).")
]
Times = Annotated[
    str, typer.Option(help="Age of those chips since programming: one time, or a range such as 1s,1y.")
]
Resume = Annotated[bool, typer.Option(help="Continue from the state in the folder.")]
DataFolder = Annotated[Path | None, typer.Option(help="Folder that holds the data sets.")]


def train(
    context: typer.Context,
    dataset: Dataset,
    attention: Attention = "stdp",
    epochs: Epochs = None,
    seed: Seed = 0,
    precision: Precision = None,
    optimizer: Optimizer = None,
    steps: Steps = None,
    start: Start = None,
    teacher: Teacher = None,
    average: Average = None,
    minutes: Minutes = None,
    plot: Plot = None,
    card: Card = None,
    times: Times = "1s,1y",
    resume: Resume = True,
    data: DataFolder = None,
    out: Out = Path("trained"),
    as_json: Json = False,
) -> None:
    """Train a network; after an interruption, the same command continues it."""
    from memsim.studies.commands.options import (
        card_of,
        choice,
        data_folder,
        data_set,
        given,
        network,
        refuse_ignored,
    )
    from memsim.studies.evaluation.times import span
    from memsim.studies.running.files import taken

    data_set(dataset, "DATASET")
    data_folder(context, data, dataset)
    start = None if start is None else network(start, "--start")
    teacher = None if teacher is None else network(teacher, "--teacher")
    if card is not None:
        card_of(card)
        span(times)
    else:
        refuse_ignored(given(context, "times"), "only hardening for chips of a --card has times")
    if plot is not None:
        choice("--plot", plot.suffix, (".png", ".svg", ".pdf"))

    from memsim.studies.commands.training import harden_command, schedule_of, train_command

    options = {
        "epochs": epochs, "precision": precision, "optimizer": optimizer, "steps": schedule_of(steps),
        "start": start, "teacher": teacher, "average": average, "minutes": minutes,
    }  # fmt: skip
    run = train_command if card is None else partial(harden_command, card=card, times=times)
    with taken(out), taken(plot and plot.parent, "--plot"), progress() as advance:
        record = run(
            dataset, attention=attention, options=options, seed=seed, resume=resume, plot=plot, data=data,
            out=out, advance=advance,
        )  # fmt: skip
    if as_json:
        print(json.dumps(record, indent=2))
    else:
        say(f"{record['checkpoint']}: test accuracy {record['test_accuracy']:.4f}")
