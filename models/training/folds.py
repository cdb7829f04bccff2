"""Cross-validation: `python -m memsim.models.training.folds NAME --dataset n-mnist --folds 5 --data DATA`.

For each fold of a data set, a network with the architecture of NAME is trained on the other folds, from
random weights and with the recipe of the data set. The files DATA/NAME-DATASET-1of5.safetensors and so on are
written; `memsim study folds` runs them on crossbars. An interrupted training is resumed, and folds with a
file are skipped.
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
    """Return the path of the network of a fold: FOLDER/MODEL-DATASET-1of5.safetensors."""
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
    """Train the networks of all folds, one after another, and yield the path of each file.

    model: a bundled network or a checkpoint, whose architecture is used; size of images and number of classes
    are those of the data set. folder: contains the data set and receives the files. Raises ValueError for a
    data set that cannot be loaded, and for a model that does not accept its images.
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
    """Run the command line: train the networks of all folds and print their accuracies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="bundled network or checkpoint whose architecture is trained")
    parser.add_argument("--dataset", required=True, help="name of a data set, or an .npz file")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"number of folds (default: {FOLDS})")
    parser.add_argument(
        "--data", default="data", help="folder with the data set, which receives the networks"
    )
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
