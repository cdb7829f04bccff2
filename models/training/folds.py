"""Cross-validation: `python -m memsim.models.training.folds NAME --dataset n-mnist --folds 5 --data DATA`.

Trains a network of the shape of NAME once for each fold of a data set, on the other folds, from fresh weights
by the data set's recipe, and writes DATA/NAME-DATASET-1of5.safetensors and so on, which
`memsim study folds` runs on crossbars. A stopped training goes on; a fold that is there is left alone.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from memsim.models.checkpoint import load, save
from memsim.models.datasets.catalog import load as load_data
from memsim.models.known import fold_name
from memsim.models.training.recipe import recipe_for
from memsim.models.training.train import Progress, train

FOLDS = 5


def fold_file(folder: str | Path, model: str, dataset: str, number: int, of: int) -> Path:
    """Return where the network of a fold lies: FOLDER/MODEL-DATASET-1of5.safetensors."""
    return Path(folder) / f"{Path(model).stem}-{Path(dataset).stem}-{number}of{of}.safetensors"


def cross_validate(
    model: str,
    dataset: str,
    *,
    folds: int = FOLDS,
    folder: str | Path = "data",
    seed: int = 0,
    progress: Progress | None = None,
) -> Iterator[Path]:
    """Train the networks of all folds, one after the other, and yield each file that is there.

    model: a bundled network or a checkpoint, whose shape is taken, with the data set's images and classes.
    folder: of the data set, and where the files go. ValueError for a data set that `datasets.load` refuses,
    and for a model that cannot take its images.
    """
    shape = load(model).config
    for number in range(1, folds + 1):
        path = fold_file(folder, model, dataset, number, folds)
        if not path.is_file():
            data = load_data(fold_name(dataset, number, folds), folder)
            fields = {"in_shape": data.in_shape, "num_classes": len(data.classes)}
            if data.steps is not None:
                fields["steps"] = data.steps
            config = type(shape)(**{**shape.model_dump(), **fields})
            state = path.with_suffix(".state")
            recipe = recipe_for(dataset)
            net = train(data, config, seed=seed, recipe=recipe, state=state, progress=progress)
            save(net, path)
            state.unlink(missing_ok=True)
        yield path


def main(words: Sequence[str] | None = None) -> None:
    """Train what is named and print each fold's accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a bundled network or a checkpoint, whose shape is trained")
    parser.add_argument("--dataset", required=True, help="name of a data set, or an .npz file")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"how many (default: {FOLDS})")
    parser.add_argument("--data", default="data", help="folder of the data set, and of the networks")
    options = parser.parse_args(words)
    try:
        for path in cross_validate(
            options.model,
            options.dataset,
            folds=options.folds,
            folder=options.data,
            progress=lambda row: print(row, flush=True),
        ):
            record = load(str(path)).record
            print(f"{path}: test {record['test_accuracy']:.4f} in {record['wall_time [s]']} s", flush=True)
    except ValueError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
