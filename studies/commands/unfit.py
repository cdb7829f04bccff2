"""Options that do not fit the network or the data they are given with, found before anything is measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from memsim.studies.commands.options import refuse_ignored
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data
from memsim.written_attention import ProductAttention, WrittenAttention


def refuse_unwritten(options: Sequence[str], orders: Collection[str], subjects: Sequence[Subject]) -> None:
    """Raise ValueError for options of written attention where no network has any on arrays.

    orders: `[attention] order` of the cards that are used.
    """
    modules = [module for one in subjects for module in one.net.modules()]
    if not options or any(isinstance(module, WrittenAttention) for module in modules):
        return
    titles = ", ".join(one.title for one in subjects)
    why = f"{titles} has no attention that arrays are written with"
    if any(isinstance(module, ProductAttention) for module in modules):
        if any(order != "digital" for order in orders):
            return
        orders = '[attention] order = "hebbian" or "score"'
        why = f"attention of {titles} stays digital unless the card says {orders}"
    refuse_ignored(options, why)


def refuse_too_many(images: int | None, dataset: str, folder: str) -> None:
    """Raise ValueError for more test images than the data set has."""
    if images is None:
        return
    there = test_data(dataset, images=images, folder=folder).images
    if there < images:
        raise ValueError(f"--images {images}: {dataset} has {there} test images; leave --images out for all")
