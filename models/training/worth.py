"""Comparison of STDP attention with other kinds, which are trained in the same way or replace it
afterwards.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from memsim.models import datasets as data
from memsim.models.checkpoint import load
from memsim.models.measures import predict, score
from memsim.models.parts.relatives import KINDS
from memsim.models.training.exchange import EXCHANGES, attention_statistics, exchange_attention

TEST_SETS = ("digits", "digits-hard")


def worth_of_attention(
    name: str = "s2tdpt-digits", *, test_sets: Sequence[str] = TEST_SETS, seed: int = 0
) -> list[dict[str, Any]]:
    """Return one row for each kind of attention, way of introducing it, and test set.

    A row has `attention`; `how`: "trained" with the same recipe (the bundled network NAME-KIND) or
    "exchanged" at inference, matched on training images; `dataset`; the results of `measures.score`; and the
    numbers of images that only the STDP network (`only_stdp`) or only this one (`only_this`) classifies
    correctly. seed: of the random matrices of "random". Raises ValueError for unknown networks and data sets.
    """
    stdp = load(name)
    sets = {key: data.load(key) for key in test_sets}
    statistics = attention_statistics(stdp, data.load(test_sets[0]).x_train)
    nets = [("stdp", "trained", stdp)]
    nets += [(kind, "trained", load(f"{name}-{kind}")) for kind in KINDS if kind != "stdp"]
    nets += [
        (kind, "exchanged", exchange_attention(stdp, kind, statistics=statistics, seed=seed))
        for kind in EXCHANGES
    ]
    rows = []
    for key, dataset in sets.items():
        labels = dataset.y_test
        right = predict(stdp, dataset.x_test).argmax(-1) == labels
        for kind, how, net in nets:
            logits = predict(net, dataset.x_test)
            row = {"attention": kind, "how": how, "dataset": key}
            rows.append(row | score(logits, labels) | _paired(right, logits.argmax(-1) == labels))
    return rows


def _paired(stdp: Tensor, this: Tensor) -> dict[str, int]:
    """Count the images that only one of two networks classifies correctly, from their results (B) bool."""
    return {"only_stdp": int((stdp & ~this).sum()), "only_this": int((this & ~stdp).sum())}
