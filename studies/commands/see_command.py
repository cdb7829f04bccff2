"""`memsim see`: where a network looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from memsim.chip_names import MOST_CHIPS
from memsim.studies.commands.terminal import (
    Attention,
    Card,
    Data,
    Dataset,
    Json,
    Model,
    Net,
    Only,
    Out,
    Seed,
    Weights,
    Without,
    progress,
    say,
)


def see(
    context: typer.Context,
    model: Model = "s2tdpt-digits",
    net: Net = None,
    beside: Annotated[
        list[str] | None, typer.Option(help="Another network for the same images; may be repeated.")
    ] = None,
    card: Card = "default",
    weights: Weights = None,
    attention: Attention = None,
    without: Without = None,
    only: Only = None,
    chips: Annotated[
        int, typer.Option(min=1, max=MOST_CHIPS, help="Number of chips; maps of the first are drawn.")
    ] = 8,
    images: Annotated[
        int, typer.Option(min=1, help="The first N test images; maps of the first 8 are drawn.")
    ] = 64,
    dataset: Dataset = None,
    data: Data = Path("data"),
    time: Annotated[
        list[str] | None, typer.Option(help="Time since programming: 1s, 1d, 1y; may be repeated.")
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Layer of the class maps (default: the one that feeds the linear head)."),
    ] = None,
    of_class: Annotated[
        str,
        typer.Option(
            "--class", help="Class of the maps: label, answer (of the digital network), or a number."
        ),
    ] = "label",
    seed: Seed = 0,
    out: Out = Path("seen"),
    as_json: Json = False,
) -> None:
    """Show where a network looks, digitally and on chips, and measure how much its maps change."""
    from memsim.studies.commands import options
    from memsim.studies.evaluation.times import seconds
    from memsim.studies.running.files import taken

    folder = options.data_folder(context, data, dataset)
    chosen = options.card_of(
        card, weights=weights, attention=attention, without=without or (), only=only or ()
    )
    first = options.net_of(context, net, model) or options.network(model)
    networks = [first, *(options.network(one, "--beside") for one in beside or ())]
    if twice := [one for place, one in enumerate(networks) if one in networks[:place]]:
        raise ValueError(f"--beside {twice[0]}: this network is shown already; leave it out")
    times = [seconds(one) for one in time or ("1s", "1y")]
    if dataset:
        options.data_set(dataset)

    from memsim.studies.commands import seeing  # torch comes in here, after the arguments are read

    with taken(out.parent), progress() as advance:
        found = seeing.see(
            networks, chosen, dataset=dataset, data=str(data), folder=folder, images=images, times=times,
            chips=chips,
            written=options.written_options(chosen, attention, without or ()),
            all_images=bool(options.given(context, "images")),
            layer=layer, classes=int(of_class) if of_class.isdecimal() else of_class, seed=seed, out=out,
            advance=advance,
        )  # fmt: skip
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        Console().print(seeing.table(found))
        say(f"figures and numbers: {out}")
