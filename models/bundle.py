"""Make the bundled networks: `python -m models.bundle [KIND ...]` trains them alike and writes them here."""

import sys
from collections.abc import Sequence
from pathlib import Path

from models.catalog import BUNDLED, configure
from models.checkpoint import load, save
from models.config import KINDS, Kind
from models.data import load as load_data
from models.exchange import attention_statistics
from models.train import Progress, train

MATCHED: tuple[Kind, ...] = ("random", "uniform-matched")  #: these take mean and spread from the STDP network


def bundle(kind: Kind, *, seed: int = 0, folder: Path = BUNDLED, progress: Progress | None = None) -> Path:
    """Train s2tdpt-digits with one kind of attention, by the default recipe, and write its checkpoint.

    "random" and "uniform-matched" are given the mean (and spread) of the STDP network's weights by layer and
    head, measured on the training images: that network must be in the folder already.
    """
    dataset, moments = load_data("digits"), {}
    if kind in MATCHED:
        found = attention_statistics(load(folder / "s2tdpt-digits.safetensors"), dataset.x_train)
        moments = {"attention_mean": found.mean.tolist(), "attention_spread": found.spread.tolist()}
    net = train(dataset, configure("s2tdpt-digits", attention=kind, **moments), seed=seed, progress=progress)
    name = "s2tdpt-digits" if kind == "stdp" else f"s2tdpt-digits-{kind}"
    return save(net, folder / f"{name}.safetensors")


def main(kinds: Sequence[Kind]) -> None:
    """Train the kinds named, or all, STDP first, and print how each came out."""
    for kind in KINDS:
        if not kinds or kind in kinds:
            record = load(bundle(kind, progress=lambda row: print(row, flush=True))).record
            print(f"{kind}: test {record['test_accuracy']:.4f} in {record['wall_time [s]']} s", flush=True)


if __name__ == "__main__":
    main([kind for kind in KINDS if kind in sys.argv[1:]])
