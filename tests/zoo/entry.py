"""An entry of the zoo: a network with random weights, inputs of any number of images, what is known of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import torch
from torch import nn


@dataclass(frozen=True)
class Inputs:
    """What a network is called with."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A network ready to run.

    draw(n) -> Inputs of n images; options: keywords of ``to_crossbar``; axes: the batch axis of each output
    tensor, in order; digital: names of parameters with two or more axes that can be on no array; silent: the
    network has neurons that spike.
    """

    net: nn.Module
    draw: Callable[[int], Inputs]
    options: dict[str, Any] = field(default_factory=dict)
    axes: tuple[int, ...] = (0,)
    digital: tuple[str, ...] = ()
    arrays: int | None = None
    spikes: bool = False


@dataclass(frozen=True)
class Entry:
    """A named network of the zoo; make() gives the same one at every call."""

    name: str
    build: Callable[[], Made]
    slow: bool = False
    needs: str | None = None  # a package that must be there

    @property
    def missing(self) -> bool:
        """Whether the package that the network is built from is absent."""
        return self.needs is not None and importlib.util.find_spec(self.needs) is None

    def make(self) -> Made:
        """Build the network from a seed of its own."""
        with seeded(self.name):
            return self.build()


class seeded:
    """A context in which torch draws from a seed that hangs on a name; the state outside is left alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.state = torch.get_rng_state()
        torch.manual_seed(crc32(self.name.encode()))

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self.state)


def zoo() -> tuple[list[Entry], Callable[..., Any]]:
    """A list, and the decorator that puts a factory on it under its name (underscores become spaces)."""
    entries: list[Entry] = []

    def entry(slow: bool = False, needs: str | None = None) -> Callable[..., Any]:
        def put(build: Callable[[], Made]) -> Callable[[], Made]:
            entries.append(Entry(build.__name__, build, slow, needs))
            return build

        return put

    return entries, entry


def pictures(*shape: int) -> Callable[[int], Inputs]:
    """Draws n inputs of a shape, uniform in [0, 1)."""
    return lambda n: Inputs((torch.rand(n, *shape),))


def normals(*shape: int) -> Callable[[int], Inputs]:
    """Draws n inputs of a shape, normal: both signs."""
    return lambda n: Inputs((torch.randn(n, *shape),))


def settled(net: nn.Module, inputs: Inputs) -> nn.Module:
    """The network after its batch norms have seen a batch, so that signals neither die nor explode, in eval
    mode.
    """
    norms = [m for m in net.eval().modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        net(*inputs.args, **inputs.kwargs)
    return net.eval()
