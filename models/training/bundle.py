"""Make the bundled networks: `python -m memsim.models.training.bundle [NAME ...]` trains them and writes
their checkpoints. With --rewrite it only writes existing files again in the present format, with the same
weights.

The networks for CIFAR-10 are trained on a GPU instead: `python models/standalone/train.py --plan
models/standalone/cifar10.jsonl --data cifar10-0.med.xz cifar10-1.med.xz --out models/bundled`. The two data
files are made by `python models/standalone/pictures.py cifar10.npz .`; --rewrite then adds a digest to each
checkpoint."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import memsim
from memsim.models.checkpoint import load, save
from memsim.models.datasets.catalog import load as load_data
from memsim.models.datasets.dataset import Dataset
from memsim.models.known import BUNDLED, trained
from memsim.models.networks.network import NetworkConfig
from memsim.models.parts.relatives import KINDS, Kind
from memsim.models.registry import NETWORK, configure
from memsim.models.training.exchange import attention_statistics
from memsim.models.training.hardware_aware import HARDENING, TIMES, average, harden
from memsim.models.training.recipe import RECIPES
from memsim.models.training.train import Progress, train
from memsim.models.training.tune import tune

MATCHED: tuple[Kind, ...] = (
    "random",
    "uniform-matched",
)  #: use mean and spread of the STDP network's weights
STATISTICS = 2048  #: largest number of training images on which these are measured
RELATIVES = {"digits": KINDS, "fashion-mnist": ("stdp",)}  #: kinds of attention trained in full, by data set
SHORT_KINDS: tuple[Kind, ...] = ("stdp", "random", "uniform-matched", "rate", "dot")
SHORT_EPOCHS = {"fashion-mnist": 1}  #: epochs of networks of all kinds trained with a shorter recipe
TUNED = "-tuned-"  #: separates the name of a network from the cell for which its attention is tuned


class Part(NamedTuple):
    """Data set of a bundled network, with the number of epochs and of training images."""

    data: str
    epochs: int
    images: int | None = None  #: number of training images, the first ones; None: all

    def load(self, folder: str) -> Dataset:
        """Load the data set from a folder, restricted to these training images; its name stays the same."""
        whole = load_data(self.data, folder)
        return replace(whole, x_train=whole.x_train[: self.images], y_train=whole.y_train[: self.images])


RESNETS = {"resnet18-8-fashion": Part("fashion-mnist", epochs=4, images=20000)}
"""Residual networks, trained with the recipe of their data set on a part of it."""

FRAMES: dict[str, Any] = {"in_shape": (2, 34, 34), "num_classes": 10, "steps": 6}
MASNN = {"widths": (16, 32, 32), "pools": (2, 2, 2), "hidden": 64, "reduction_t": 2, "reduction_c": 4}
SPIKINGFORMER = {"tau": 1.5, "pools": (False, True, True, True, False)}
EVENTS: dict[str, tuple[str, dict[str, Any], Part]] = {
    "masnn-digits-saccade": ("masnn", FRAMES | MASNN, Part("digits-saccade", epochs=12)),
    "spikingformer-digits-saccade": (
        "spikingformer-1-32", FRAMES | SPIKINGFORMER, Part("digits-saccade", epochs=12),
    ),
}  # fmt: skip
"""Networks for event frames: kind of network, its fields, its data. They are small: an epoch takes
seconds.
"""

HARDENED = {
    "s2tdpt-digits-hardened-pcm": ("s2tdpt-digits", (1, 2), Part("digits", epochs=12)),
    "resnet18-8-fashion-hardened-pcm": (
        "resnet18-8-fashion", (1,), Part("fashion-mnist", epochs=6, images=50000),
    ),
}  # fmt: skip
"""Networks trained for the default card by `harden`: network they start from, seeds, data. The weights of
several seeds are averaged.
"""


def names() -> list[str]:
    """List the names of the networks to bundle: STDP networks, relatives, others, and existing tuned ones."""
    relatives = [
        f"{NETWORK[data]}-{kind}" for data, kinds in RELATIVES.items() for kind in kinds if kind != "stdp"
    ]
    return [
        *NETWORK.values(),
        *relatives,
        *(f"{NETWORK[data]}-short-{kind}" for data in SHORT_EPOCHS for kind in SHORT_KINDS),
        *RESNETS,
        *EVENTS,
        *HARDENED,
        *(name for name in trained() if TUNED in name),
    ]


def bundle(
    name: str, *, seed: int = 0, folder: Path = BUNDLED, data: str = "data", progress: Progress | None = None
) -> Path:
    """Train one bundled network with the recipe of its data set, write its checkpoint, and return the path.

    NAME-KIND: the network NAME with another kind of attention, trained in the same way.
    NAME-short-KIND: the same with fewer epochs.
    NAME-tuned-CELL: NAME, tuned for attention written on that cell (any cell of `memsim devices`).
    NAME-hardened-pcm: NAME, trained further for chips of the default card (`HARDENED`).

    The kinds "random" and "uniform-matched" use the mean (and spread) of the attention weights by layer and
    head of the STDP network that is trained in the same way, measured on training images; its checkpoint must
    already be in the folder. Raises ValueError for other names.
    """
    if name in HARDENED:
        return _hardened(name, folder, data, progress)
    if name in RESNETS:
        part = RESNETS[name]
        return _trained(name, configure(name), part.load(data), part.epochs, seed, folder, progress)
    if name in EVENTS:
        kind, fields, part = EVENTS[name]
        config = configure(kind, **fields)
        return _trained(name, config, part.load(data), part.epochs, seed, folder, progress)
    base = next((stdp for stdp in NETWORK.values() if name.startswith(stdp)), "")
    _, tuned, cell = name.partition(f"{base}{TUNED}") if base else ("", "", "")
    if name not in names() and not tuned:
        raise ValueError(f"name = {name!r}: no such bundled network; there are {', '.join(names())}")
    short, kind = re.fullmatch(r"(-short)?-?(.*)", name.removeprefix(base)).groups()  # type: ignore[union-attr]
    dataset = load_data(next(key for key, stdp in NETWORK.items() if stdp == base), data)
    if tuned:
        card = memsim.ChipCard.load("default").replace(attention={"cell": cell})
        net = tune(load(folder / f"{base}.safetensors"), dataset, card, seed=seed, progress=progress)
        return save(net, folder / f"{name}.safetensors")
    epochs = SHORT_EPOCHS[dataset.name] if short else RECIPES[dataset.name].epochs
    moments = {}
    if kind in MATCHED:
        stdp = load(folder / f"{base}{'-short-stdp' if short else ''}.safetensors")
        found = attention_statistics(stdp, dataset.x_train[:STATISTICS])
        moments = {"attention_mean": found.mean.tolist(), "attention_spread": found.spread.tolist()}
    config = configure(base, attention=kind or "stdp", **moments)
    return _trained(name, config, dataset, epochs, seed, folder, progress)


def _trained(
    name: str,
    config: NetworkConfig,
    dataset: Dataset,
    epochs: int,
    seed: int,
    folder: Path,
    progress: Progress | None,
) -> Path:
    """Train a network from random weights with the recipe of its data set; resume an interrupted training."""
    recipe, state = RECIPES[dataset.name].model_copy(update={"epochs": epochs}), folder / f"{name}.state"
    net = train(dataset, config, seed=seed, recipe=recipe, state=state, progress=progress)
    path = save(net, folder / f"{name}.safetensors")
    state.unlink(missing_ok=True)
    return path


def _hardened(name: str, folder: Path, data: str, progress: Progress | None) -> Path:
    """Harden a network in the folder for times from an hour to ten years after programming, for each seed."""
    start, seeds, part = HARDENED[name]
    recipe = RECIPES[part.data].model_copy(update={**HARDENING, "epochs": part.epochs})
    how: Any = {"recipe": recipe, "times": (3600.0, 10 * TIMES[1]), "progress": progress}
    begin, images = load(folder / f"{start}.safetensors"), part.load(data)
    net = average([harden(begin, images, "default", seed=seed, **how) for seed in seeds], images)
    return save(net, folder / f"{name}.safetensors")


def rewrite(name: str, folder: Path = BUNDLED) -> Path:
    """Write the file of a network again in the present format; weights and record stay the same."""
    path = folder / f"{name}.safetensors"
    return save(load(path), path)


def main(words: Sequence[str] | None = None) -> None:
    """Train (or rewrite) the named networks, or all, and print each result; resume interrupted trainings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"networks to make (default: all): {', '.join(names())}")
    parser.add_argument("--data", default="data", help="folder with the data sets that are not built in")
    parser.add_argument(
        "--rewrite", action="store_true", help="only write existing files again in the present format"
    )
    options = parser.parse_args(words)
    for name in options.name or (trained() if options.rewrite else names()):
        if options.rewrite:
            print(rewrite(name), flush=True)
            continue
        path = bundle(name, data=options.data, progress=lambda row: print(row, flush=True))
        record = load(path).record
        print(f"{name}: test {record['test_accuracy']:.4f} in {record['wall_time [s]']} s", flush=True)


if __name__ == "__main__":
    main()
