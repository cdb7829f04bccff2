"""Make the bundled networks: `python -m memsim.models.training.bundle [NAME ...]` trains them and writes
them here."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import memsim
from memsim.models.checkpoint import load, save
from memsim.models.datasets.catalog import load as load_data
from memsim.models.networks.s2tdpt_config import KINDS, Kind
from memsim.models.registry import BUNDLED, NETWORK, configure
from memsim.models.training.exchange import attention_statistics
from memsim.models.training.train import RECIPES, Progress, train
from memsim.models.training.tune import tune

MATCHED: tuple[Kind, ...] = ("random", "uniform-matched")  #: these take mean and spread from the STDP network
STATISTICS = 2048  #: training images these are measured on, at the most
SHORT_KINDS: tuple[Kind, ...] = ("stdp", "random", "uniform-matched", "rate", "dot")
SHORT_EPOCHS = {"s2tdpt-fashion": 1}  #: epochs of the relatives trained on a shorter recipe, all alike
TUNED = {
    "s2tdpt-digits": ("reram-om", "reram-es")
}  #: cells a network is tuned to have its attention written on


def names() -> list[str]:
    """Every bundled network: the STDP ones first, then their relatives."""
    relatives = [f"s2tdpt-digits-{kind}" for kind in KINDS if kind != "stdp"]
    return [
        *NETWORK.values(),
        *relatives,
        *(f"{name}-short-{k}" for name in SHORT_EPOCHS for k in SHORT_KINDS),
        *(f"{name}-tuned-{cell}" for name, cells in TUNED.items() for cell in cells),
    ]


def bundle(
    name: str, *, seed: int = 0, folder: Path = BUNDLED, data: str = "data", progress: Progress | None = None
) -> Path:
    """Train one bundled network by its data set's recipe and write its checkpoint.

    NAME-KIND is the network NAME with another attention, trained alike; NAME-short-KIND on fewer epochs;
    NAME-tuned-CELL is NAME, tuned for attention written on that cell.
    "random" and "uniform-matched" are given the mean (and spread) of the weights by layer and head of the
    STDP network trained alike, measured on training images: it must be in the folder already.  ValueError for
    other names.
    """
    if name not in names():
        raise ValueError(f"no bundled network {name!r}; there are {', '.join(names())}")
    base = next(stdp for stdp in NETWORK.values() if name.startswith(stdp))
    short, kind = re.fullmatch(r"(-short)?-?(.*)", name.removeprefix(base)).groups()  # type: ignore[union-attr]
    dataset = load_data(next(key for key, stdp in NETWORK.items() if stdp == base), data)
    if kind.startswith("tuned-"):
        card = memsim.ChipCard.load("default").replace(attention={"cell": kind.removeprefix("tuned-")})
        net = tune(load(folder / f"{base}.safetensors"), dataset, card, seed=seed, progress=progress)
        return save(net, folder / f"{name}.safetensors")
    recipe, moments = RECIPES[dataset.name], {}
    if short:
        recipe = recipe.model_copy(update={"epochs": SHORT_EPOCHS[base]})
    if kind in MATCHED:
        stdp = load(folder / f"{base}{'-short-stdp' if short else ''}.safetensors")
        found = attention_statistics(stdp, dataset.x_train[:STATISTICS])
        moments = {"attention_mean": found.mean.tolist(), "attention_spread": found.spread.tolist()}
    config = configure(base, attention=kind or "stdp", **moments)
    state = folder / f"{name}.state"
    net = train(dataset, config, seed=seed, recipe=recipe, state=state, progress=progress)
    path = save(net, folder / f"{name}.safetensors")
    state.unlink(missing_ok=True)
    return path


def main(words: Sequence[str] | None = None) -> None:
    """Train the networks named, or all, and print how each came out; a stopped training goes on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names())}")
    parser.add_argument("--data", default="data", help="folder of the data sets that are not embedded")
    options = parser.parse_args(words)
    for name in options.name or names():
        path = bundle(name, data=options.data, progress=lambda row: print(row, flush=True))
        record = load(path).record
        print(f"{name}: test {record['test_accuracy']:.4f} in {record['wall_time [s]']} s", flush=True)


if __name__ == "__main__":
    main()
