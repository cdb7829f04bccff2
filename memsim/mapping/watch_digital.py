"""The digital work of a network on chips, entered into its ledger as it runs.

Most of it depends on shapes alone: it is counted once, on a small batch (`learn`), and multiplied by the
images of a run.  What depends on values is counted in every run: products that spikes enter, and what modules
report of themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

import torch
from torch import nn

from memsim.energy.census import PAUSED, Census, Site
from memsim.energy.ledger import Ledger


@dataclass(frozen=True)
class Learned:
    """What a network does for one kind of input: events of an image, and what every run must count."""

    events: dict[tuple[str, str], float]  #: by layer and name, for an image
    sites: frozenset[Site]  #: products that spikes enter
    reporters: dict[str, nn.Module]  #: modules that report their work, by path
    macs: dict[str, float]  #: multiply-accumulates of products with learned matrices, by layer, for an image

    @classmethod
    def of(cls, census: Census) -> Learned:
        """Return what a census of some images found."""
        tally = census.tally
        macs: dict[str, float] = {}
        for product in tally.products.values():
            if product.learned:
                macs[product.layer] = macs.get(product.layer, 0.0) + product.macs / census.images
        sites = {site for site, product in tally.products.items() if product.spikes}
        for site in sites:
            del tally.products[site]
        totals = tally.totals().items()
        events = {key: number / census.images for key, number in totals if key[0] not in census.reporters}
        reporters = {path: census.net.get_submodule(path) for path in census.reporters}
        return cls(events, frozenset(sites), reporters, macs)


class DigitalWatch:
    """Counts what a network does outside its arrays.

    exclude: paths of the modules that are arrays; what happens inside of them is theirs to count.
    """

    def __init__(self, net: nn.Module, exclude: Collection[str] = ()) -> None:
        self.net, self.exclude = net, frozenset(exclude)
        self.learned: dict[Hashable, Learned] = {}

    def learn(self, run: Callable[[], Any], images: int, signature: Hashable = None) -> Learned:
        """Count one run of the network, of `images` images in all (chips times images of a chip).

        signature: names this kind of input, such as its shape beside the images (default: there is one kind).
        Nothing is entered: the caller closes the ledger that the network's arrays write to.
        """
        with torch.no_grad(), Census(self.net, self.exclude, images=images) as census:
            run()
        self.learned[signature] = Learned.of(census)
        return self.learned[signature]

    @contextmanager
    def counting(self, ledger: Ledger, images: int, signature: Hashable = None) -> Iterator[None]:
        """Enter the work of the run inside, of `images` images in all; nothing while the ledger is closed.

        Raises KeyError for a kind of input that was not learned.
        """
        if not ledger.open:
            yield
            return
        learned = self.learned[signature]
        census = Census(self.net, self.exclude, images=images, sites=learned.sites)
        with ExitStack() as stack:
            for path, module in learned.reporters.items():
                hook = partial(_report, path, ledger)
                stack.callback(module.register_forward_hook(hook, with_kwargs=True).remove)
            if learned.sites:
                stack.enter_context(census)
            yield
        found = [(layer, event, number * images) for (layer, event), number in learned.events.items()]
        if learned.sites:
            found += [(layer, event, number) for (layer, event), number in census.tally.totals().items()]
        ledger.enter(found)


def _report(
    path: str, ledger: Ledger, module: nn.Module, inputs: tuple, named: dict[str, Any], output: Any
) -> None:
    """Enter what a module reports of one call."""
    token = PAUSED.set(True)
    try:
        found = module.events((*inputs, *named.values()), output)  # type: ignore[operator]
        ledger.enter(zip(repeat(path), found.keys(), found.values(), strict=False))
    except ValueError as error:
        raise ValueError(f"{path}: {type(module).__name__}.events reports {error}") from None
    finally:
        PAUSED.reset(token)
