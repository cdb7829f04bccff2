"""Tuning: a trained network learns on through attention that is written on simulated arrays."""

import memsim
from memsim.mapping.exchange import matrix_names
from memsim.models.datasets.dataset import Dataset
from memsim.models.networks.network import Network
from memsim.models.training.hardware_aware import harden
from memsim.models.training.recipe import Recipe, recipe_for
from memsim.models.training.train import Progress

TUNING = {"epochs": 5, "learning_rate": 5e-4, "warmup": 0, "half": True}
"""What differs from the recipe a network was trained with."""


def tune(
    net: Network,
    dataset: Dataset,
    card: memsim.ChipCard,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Progress | None = None,
) -> Network:
    """A copy of the network that has learned on while each batch wrote its attention on a fresh chip of the
    card; weights and converters stay digital.

    A case of `harden`, whose record it gives.  ValueError when data and network do not fit.
    """
    recipe = recipe or recipe_for(dataset.name).model_copy(update=TUNING)
    attention_alone = card.without("adc").replace(digital=matrix_names(net))
    return harden(
        net, dataset, attention_alone, seed=seed, recipe=recipe, times=0.0, norms="batch", clip=None,
        progress=progress,
    )  # fmt: skip
