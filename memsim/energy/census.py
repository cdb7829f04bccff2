"""A census of a network's digital work: every operation of torch, by layer, as events.

While it is open, torch shows it each operation with its tensors, as it does for torch's own FLOP counter, and
each module's call.  A layer is the path of the innermost module that runs; a product belongs to the layer of
its matrix.  What holds nothing of the network's input (parameters, masks, position tables, and what follows
from them alone) is known beforehand and costs nothing.  Counts are sums over the images that ran; a loop over
time counts what one call with a time axis does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as every_module
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._python_dispatch import TorchDispatchMode

from memsim.energy.constants import Constants
from memsim.energy.foreign_neurons import steps_of, time_of
from memsim.energy.operations import BATCH_NORMS, FREE, TABLE, Call, own_statistics, tensors
from memsim.energy.products import PRODUCTS, Factors, Found, Lead, Product, beside
from memsim.energy.reports_work import reported, reports

Site = tuple[str, str, int, int]  #: layer, matrix or operation, rows, columns: one product of a network

ROOT = "(network)"
"""The layer of what a network's own forward does between its modules."""

PAUSED: ContextVar[bool] = ContextVar("census paused", default=False)
"""Whether what runs now is no work of a network."""


@dataclass
class Spiking:
    """Neurons of one layer, summed over their calls."""

    updates: float = 0.0  #: neuron steps
    spikes: float = 0.0
    steps: float = 0.0  #: time steps, times images


@dataclass
class Tally:
    """What a census found: events by layer and name, products by site, neurons by layer."""

    layers: dict[str, None] = field(default_factory=dict)  #: in the order of the network
    events: dict[tuple[str, str], float] = field(default_factory=dict)
    products: dict[Site, Product] = field(default_factory=dict)
    neurons: dict[str, Spiking] = field(default_factory=dict)

    def add(self, layer: str, numbers: Mapping[str, float]) -> None:
        """Count events of a layer."""
        for event, number in numbers.items():
            if number:
                self.layers.setdefault(layer)
                self.events[layer, event] = self.events.get((layer, event), 0.0) + number

    def totals(self) -> dict[tuple[str, str], float]:
        """Return everything as events by layer and name, products and neurons included."""
        whole = Tally(events=dict(self.events))
        for product in self.products.values():
            whole.add(product.layer, dict([product.event]))
        for layer, neurons in self.neurons.items():
            whole.add(layer, {"neuron-step": neurons.updates})
        return whole.events


@dataclass(frozen=True)
class Frame:
    """A module that runs, with the shape of its first input."""

    module: nn.Module
    path: str
    shape: torch.Size
    silent: bool  #: nothing inside is counted
    neuron: bool = False  #: of another library: products inside are counted, the rest is the neuron's step


class Census:
    """Counts the digital work of a network while open; ``tally`` holds the sums.

    images: images of a pass, chips times images on a chip.  exclude: modules by path whose inside is not
    counted: arrays.  sites: count these products alone (default: everything).  fold: batch norms with trained
    statistics are part of the matrix before them.  apart: modules by path whose calls a function takes, with
    inputs and output, instead of their being counted.
    """

    def __init__(
        self,
        net: nn.Module,
        exclude: Collection[str] = (),
        *,
        images: int = 1,
        sites: Collection[Site] | None = None,
        fold: bool = False,
        apart: Mapping[str, Callable[[tuple, Any], object]] = MappingProxyType({}),
    ) -> None:
        self.net, self.images, self.sites, self.fold = net, images, sites, fold
        self.exclude, self.apart = frozenset(exclude), apart
        self.tally = Tally()
        self.reporters: dict[str, None] = {}  #: modules that reported their work, by path
        self.frames: list[Frame] = []

    @staticmethod
    @contextmanager
    def paused() -> Iterator[None]:
        """Inside, no census counts anything: work of arrays, checks of an input."""
        token = PAUSED.set(True)
        try:
            yield
        finally:
            PAUSED.reset(token)

    def __enter__(self) -> Census:
        self._paths = {id(module): path for path, module in self.net.named_modules()}
        self._owners = {}
        for name, parameter in self.net.named_parameters():
            self._owners.setdefault(parameter.untyped_storage()._cdata, name)
        self._begin()
        self._open = ExitStack()
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # one operation for a whole encoder layer
        self._open.callback(torch.backends.mha.set_fastpath_enabled, fast)
        for handle in (
            every_module.register_module_forward_pre_hook(self._entered),
            every_module.register_module_forward_hook(self._left, with_kwargs=True),
        ):
            self._open.callback(handle.remove)
        self._open.enter_context(_Operations(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        del self._constants

    def _begin(self) -> None:
        """Forget the pass before: of tensors, only parameters and buffers are known beforehand."""
        self._constants = Constants((*self.net.parameters(), *self.net.buffers()))
        self._sums = Constants(())  # results of products, until a bias has been added
        self.frames.clear()

    @property
    def layer(self) -> str:
        """The path of the module that runs."""
        return self.frames[-1].path if self.frames else ROOT

    def _entered(self, module: nn.Module, inputs: tuple) -> None:
        path = self._paths.get(id(module))
        if path is None or PAUSED.get():
            return
        if module is self.net and not self.frames:
            self._begin()
        shape = next((t.shape for t in tensors(inputs)), torch.Size())
        inside = self.frames[-1] if self.frames else None
        silent = inside is not None and inside.silent
        silent |= path in self.exclude or path in self.apart or isinstance(module, ParametrizationList)
        silent |= reports(module)
        neuron = (inside is not None and inside.neuron) or time_of(module) is not None
        self.frames.append(Frame(module, path or ROOT, shape, silent, neuron))

    def _left(self, module: nn.Module, inputs: tuple, named: dict[str, Any], output: Any) -> None:
        if not any(frame.module is module for frame in self.frames):
            return
        while (frame := self.frames.pop()).module is not module:
            pass  # a call inside has failed
        fed = not all(self._constants.hold(t) for t in tensors((inputs, named)))
        if not isinstance(module, ParametrizationList) and (fed or frame.silent):
            self._constants.forget(tensors(output))  # other code may have filled it
        outer = self.frames[-1] if self.frames else None
        if outer is None or not outer.silent:
            with self.paused():  # its counting is no work of the network
                self._count_module(frame, outer, (*inputs, *named.values()), output)

    def _count_module(self, frame: Frame, outer: Frame | None, inputs: tuple, output: Any) -> None:
        """Enter what a module says of itself, or is known for."""
        module, path = frame.module, frame.path
        if path in self.apart:
            self.apart[path](inputs, output)
        elif path in self.exclude:
            return
        elif reports(module):
            self.reporters.setdefault(path)
            if self.sites is not None:
                return
            numbers = dict(reported(path, module, inputs, output))
            updates = numbers.pop("neuron-step", 0.0)
            self.tally.add(path, numbers)
            if updates:
                self._spiked(path, updates, output, max(*leading(output.shape, self.images), 1))
        elif self.sites is None and frame.neuron and not (outer and outer.neuron):
            spikes = next(tensors(output))
            self._spiked(path, float(spikes.numel()), spikes, steps_of(module, spikes))

    def _spiked(self, layer: str, updates: float, spikes: Tensor, steps: int) -> None:
        self.tally.layers.setdefault(layer)
        neurons = self.tally.neurons.setdefault(layer, Spiking())
        neurons.updates += updates
        neurons.spikes += float(spikes.sum())
        neurons.steps += steps * self.images

    def see(self, func: Any, args: tuple, kwargs: Mapping[str, Any], out: Any) -> None:
        """Count one operation of torch, and note whether its result is known beforehand."""
        name = operation(func)
        known = [self._constants.hold(t) for t in tensors((args, kwargs))]
        call = Call(name, args, kwargs, out, self._constants.hold_value)
        if all(known):
            self._constants.learn(call, bool(known), self.images)
            return
        if func._schema.is_mutable:
            self._constants.forget(tensors(out))
        frame = self.frames[-1] if self.frames else None
        if not (name in FREE or func.is_view or (frame is not None and frame.silent)):
            self._enter(call, frame)
        if func._schema.is_mutable:
            self._sums.forget(tensors(out))

    def _enter(self, call: Call, frame: Frame | None) -> None:
        """Enter what an operation multiplies, and what it does besides."""
        if call.name in PRODUCTS and all(x.numel() for x in tensors(call.args)):  # of nothing: nothing
            for found in PRODUCTS[call.name](call):
                self._multiply(call.name, found, frame)
            self._sums.learn(call, True, self.images)
        if self.sites is None and not (frame is not None and frame.neuron):
            self._count(call)

    def _count(self, call: Call) -> None:
        """Enter what an operation does, apart from products."""
        if call.name in PRODUCTS:
            self.tally.add(self.layer, beside(call))
        elif call.name == "add" and self._bias(call):
            return
        elif call.name in TABLE:
            if not (self.fold and call.name in BATCH_NORMS and not own_statistics(call)):
                self.tally.add(self.layer, TABLE[call.name](call))
        else:
            self.tally.add(self.layer, {f"aten.{call.name}": float(call.size)})

    def _bias(self, call: Call) -> bool:
        """Return whether a known tensor is added to a sum of products: sums start from the bias."""
        sums = [self._sums.hold(t) for t in tensors(call.args[:2])]
        known = [self._constants.hold(t) for t in tensors(call.args[:2])]
        return sums != known and sorted(sums) == sorted(known) == [False, True]

    def _multiply(self, name: str, found: Found, frame: Frame | None) -> None:
        """Enter one product under the layer of its matrix."""
        layer, matrix = self.layer, found.matrix
        if matrix is not None:
            layer, name = self._matrix(matrix, frame)
        site = (layer, name, *found.key)
        if self.sites is not None and site not in self.sites:
            return
        if site not in self.tally.products:
            self.tally.layers.setdefault(layer)
            self.tally.products[site] = Product(layer, matrix is not None, *found.key)
        product = self.tally.products[site]
        found.enter(product)
        leaf = frame is not None and isinstance(found, Factors) and not any(frame.module.children())
        product.leads[leading(frame.shape if leaf and frame else found.shape, self.images)] += self.images

    def _matrix(self, matrix: Tensor, frame: Frame | None) -> tuple[str, str]:
        """Return the layer and name of a learned matrix: the running module's own, else its owner's by
        name.
        """
        name = self._owners.get(matrix.untyped_storage()._cdata)
        if name is None:
            return self.layer, "matrix"
        own = frame.module.parameters(recurse=False) if frame is not None else ()
        storage = matrix.untyped_storage()._cdata
        layer, _, leaf = name.rpartition(".")
        if any(p.untyped_storage()._cdata == storage for p in own):
            layer = self.layer
        return layer or ROOT, f"{leaf}+{matrix.storage_offset()}"


def leading(shape: torch.Size, images: int) -> Lead:
    """Passes of an image in the first axis of a tensor: merged with the images' axis, or before it."""
    if len(shape) > 2 and shape[1] == images:
        return 0, shape[0]
    return (shape[0] // images if shape and shape[0] % images == 0 else 0), 0


class _Operations(TorchDispatchMode):
    """Shows a census every operation of torch; what is made of others is shown in parts."""

    def __init__(self, census: Census) -> None:
        super().__init__()
        self.census = census

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if PAUSED.get() or not self.census.frames:
            return func(*args, **kwargs)
        if operation(func) not in KNOWN:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        self.census.see(func, args, kwargs, out)
        return out


KNOWN = FREE | TABLE.keys() | PRODUCTS.keys()
"""Operations that are in a table; any other is taken apart where torch can."""


@cache
def operation(func: Any) -> str:
    """Return the name of an operation: of aten's its own, an in-place form's that of the plain one."""
    space, _, name = func._schema.name.partition("::")
    name = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    return name if space == "aten" else f"{space}::{name}"
