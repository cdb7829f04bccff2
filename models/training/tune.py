"""Tuning: a trained network learns on through attention that is written on simulated arrays."""

import copy
from hashlib import sha256
from typing import Any

import torch
from torch import nn

import memsim
from memsim.arrays.attention_array import AttentionArray
from memsim.mapping.layers import attention_layers, replace
from memsim.models.datasets.dataset import Dataset
from memsim.models.networks.network import Network
from memsim.models.training.train import RECIPES, Progress, Recipe, finished, optimizer_of, train_epoch
from memsim.run import Run

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
    """A copy of the network, trained on while each batch writes its attention on a fresh chip of the card.

    Weights and converters stay digital; the gradient passes straight through the write.  Chips are of a
    seed of their own, so no chip that is measured later was met.  `record` says what was tuned, on which
    cell.  ValueError when data and network do not fit.
    """
    recipe = recipe or RECIPES.get(dataset.name, Recipe()).model_copy(update=TUNING)
    tuned = copy.deepcopy(net).requires_grad_(True)
    leaves = dict(attention_layers(tuned))
    arrays = _written(tuned, leaves, card, seed)
    optimizer, history = optimizer_of(tuned, recipe), []
    try:
        for epoch in range(recipe.epochs):
            history.append(train_epoch(tuned, optimizer, dataset, recipe, seed, epoch))
            if progress:
                progress(history[-1])
    finally:
        arrays.remove()
        for name, leaf in leaves.items():
            replace(tuned, name, leaf)
    finished(tuned, dataset, recipe, seed, history)
    section = card.attention
    tuned.record["tuned"] = {"attention": str(section.cell), "n_max": section.n_max, "from": _digest(net)}
    return tuned


def _written(net: Network, leaves: dict[str, Any], card: memsim.ChipCard, seed: int) -> Any:
    """Put arrays where the leaves are; before each batch they are new, and the images are named."""
    name = sha256(f"memsim tune {seed}".encode()).digest()
    chosen = card.without("adc")  # its range moves while the network learns
    ledger = memsim.Ledger(chosen)
    ledger.open = False
    run = Run(chosen, (0,), int.from_bytes(name[:6], "big"), ledger)
    arrays = [AttentionArray(where, leaf, run) for where, leaf in leaves.items()]
    for where, array in zip(leaves, arrays, strict=True):
        replace(net, where, array)

    def before(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        run.begin(len(inputs[0]))
        if module.training:
            run.chips = (run.chips[0] + 1,)
            for array in arrays:
                array.program()

    return net.register_forward_pre_hook(before)


def _digest(net: Network) -> str:
    """Sixteen hex digits that name the weights a tuning began from."""
    found = sha256()
    for tensor in net.state_dict().values():
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
