"""Tuning: training of a network is continued with its attention on simulated arrays."""

import memsim
from memsim.mapping.exchange import matrix_names
from memsim.models.datasets.dataset import Dataset
from memsim.models.networks.network import Network
from memsim.models.training.hardware_aware import harden
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.train import Progress

TUNING = {"epochs": 5, "learning_rate": 5e-4, "warmup": 0, "half": True}
"""Fields that differ from the recipe with which the network was trained."""


def tune(
    net: Network,
    dataset: Dataset,
    card: memsim.ChipCard,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Progress | None = None,
) -> Network:
    """Return a copy of a network that was trained further, with the attention of each batch on a new chip.

    Weights and converters stay digital.  It is a special case of `harden` and has the same kind of record.
    Raises ValueError if data and network do not fit.
    """
    recipe = recipe or recipe_for(dataset.name).model_copy(update=TUNING)
    attention_alone = card.without("adc").replace(digital=matrix_names(net))
    return harden(
        net, dataset, attention_alone, seed=seed, recipe=recipe, times=0.0, norms="batch", clip=None,
        progress=progress,
    )  # fmt: skip
