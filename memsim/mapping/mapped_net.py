"""A network with its matrices on arrays: probed once for each shape of inputs, then run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from memsim.energy.census import ROOT
from memsim.layout import FEWER, IMAGES
from memsim.mapping.attention import AttentionSite
from memsim.mapping.batches import Batch, apart, output_axes
from memsim.mapping.exchange import copied, held, link, place
from memsim.mapping.folding import Folded, fold_norms
from memsim.mapping.layers import replace
from memsim.mapping.lowering.products import ArrayParameter
from memsim.mapping.norms import ChipNorms
from memsim.mapping.probing import Found, probe, probe_run
from memsim.mapping.recording import Record, joined, tapped
from memsim.mapping.report import MappingReport, report
from memsim.mapping.state import NetState, evaluating
from memsim.mapping.watch_digital import DigitalWatch
from memsim.run import Run


class Engine(NamedTuple):
    """What executes the matrices: a kind of weight array and a kind of attention array."""

    name: str
    weights: Callable[..., Any]
    attention: Callable[..., Any]


class MappedNet:
    """A copy of a network on a stack of chips: ``net``, whose matrices are read from ``weight_arrays`` and
    ``attention_arrays``.

    What inputs of one shape do in it is found by a probe before their first run: whose rows are whose, and
    the digital work of an image.
    """

    def __init__(
        self, net: nn.Module, run: Run, engine: Engine, output: Any, example: Batch | None = None
    ) -> None:
        self.run, self.output = run, output
        self.net = copied(net, run.dtype)
        self.folded = self._folded(example)
        self.held = held(self.net, run.card.digital)
        self.weight_arrays, self.attention_arrays = place(
            self.net, self.held, run, engine.weights, engine.attention
        )
        self.state = NetState(self.net)
        self.found: dict[tuple, Found] = {}
        self.uses: dict[str, frozenset[str]] = {}
        self.norms = ChipNorms(self.net, run)
        self.work = DigitalWatch(self.net, self.attention_arrays)

    @property
    def report(self) -> MappingReport:
        """Which module is on which arrays, what stayed digital and why."""
        found = list(self.found.values())
        macs = {name: n for one in found for name, n in one.macs.items()} if found else None
        calls = {name: calls for one in found for name, calls in one.layouts.items()}
        shared = frozenset(name for name, of in calls.items() if all(one is None for one in of))
        notes = []
        if self.found and self.state.classes:
            notes.append(f"every call starts from the state given: {', '.join(self.state.classes)} keep one")
        notes += [f"{norm} is folded into {layer}" for norm, layer in self.folded.layers.items()]
        notes += [f"{norm} stays digital: {why}" for norm, why in self.folded.left.items()]
        learned = [one.macs for one in self.work.learned.values()]
        digital = {"net" if name == ROOT else name: n for one in learned for name, n in one.items()}
        return report(
            self.net, self.held, self.attention_arrays, macs, digital, shared, self.uses, notes, self.holders,
            {one.module: self.run.card.weights.bias_rows for one in self.held if one.matrix.bias},
        )  # fmt: skip

    def _folded(self, example: Batch | None) -> Folded:
        """Fold the batch norms where the card says so.  Raises ValueError where no images are given, or
        nothing folds."""
        if self.run.card.weights.batch_norm == "digital":
            return Folded({}, {})
        if example is None:
            raise ValueError(
                'weights.batch_norm = "folded": which norm follows which layer is found on training images;'
                " pass calibration= to to_crossbar"
            )
        found = fold_norms(self.net, example)
        if not found.layers:
            left = "; ".join(f"{norm}: {why}" for norm, why in found.left.items())
            raise ValueError(
                'weights.batch_norm = "folded": this network has no batch norm that folds into a layer of an'
                f' array ({left or "it has none"}); take "digital"'
            )
        return found

    def check_norms(self) -> None:
        """Raise ValueError where norms are in the conductances, so that none can be estimated anew."""
        if self.folded.layers:
            raise ValueError(
                'weights.batch_norm = "folded": norms are in the conductances, there are none to estimate;'
                ' take batch_norm = "digital"'
            )

    @property
    def holders(self) -> str:
        """What holds a weight, in words."""
        section = self.run.card.weights
        return section.coding.words(section.devices_per_weight)

    def probed(self, batch: Batch) -> Found:
        """Return what inputs of this shape do in the network, found once; nothing is counted."""
        signature = batch.signature
        if signature not in self.found:
            with self.run.ledger.closed(), evaluating(self.net):
                names, watched = self._watch()
                try:
                    self.found[signature] = probe(self.net, batch, self.run, self.state, self.picked)
                finally:
                    for (module, parameter), before in watched.items():
                        name, uses = names[module, parameter], module._parameters[parameter].uses
                        self.uses[name] = self.uses.get(name, frozenset()) | uses
                        module._parameters[parameter] = before
                once = partial(probe_run, self.net, batch, self.run, self.state, None, IMAGES)
                self.work.learn(once, IMAGES, signature)
        return self.found[signature]

    def counted(self, batch: Batch, image: Sequence[int]) -> Any:
        """Run the network on all chips, its work entered into the ledger."""
        found, chip_images = self.probed(batch), batch.count * len(self.run.chips)
        if self.run.ledger.open:
            self.run.ledger.images += chip_images
        with self.work.counting(self.run.ledger, chip_images, batch.signature):
            return self._pass(batch, found, image)

    def uncounted(self, batch: Batch, image: Sequence[int], **how: Any) -> Any:
        """Run the network on all chips, nothing counted; how: fields of the pass."""
        found = self.probed(batch)
        with self.run.ledger.closed():
            return self._pass(batch, found, image, **how)

    def _pass(self, batch: Batch, found: Found, image: Sequence[int], **how: Any) -> Any:
        self.run.begin(batch.count, image, layouts=found.layouts, **how)
        self.state.restore()
        args, named = batch.repeated(len(self.run.chips), self.run.dtype)
        return apart(self.picked(self.net(*args, **named)), found.outputs, len(self.run.chips))

    def picked(self, out: Any) -> Any:
        """Return what ``output`` picks of the network's outputs: a function of them, or a key or place in
        them.
        """
        if self.output is None:
            return out
        return self.output(out) if callable(self.output) else out[self.output]

    def record(self, batch: Batch, image: Sequence[int]) -> Record:
        """Run the network once and keep spikes, membranes and written attention, by layer."""
        arrays, chips = self.attention_arrays.values(), len(self.run.chips)
        for array in arrays:
            array.recording = True
        try:
            with torch.no_grad(), tapped(self.net) as tap:
                out = self.uncounted(batch, image)
        finally:
            for array in arrays:
                array.recording = False
        axes = self._tap_axes(batch)
        spikes, membranes = (
            {
                name: axes[kind, name].by_image(x, chips)
                for name, x in joined(calls).items()
                if axes.get((kind, name)) is not None
            }
            for kind, calls in (("spikes", tap.spikes), ("membranes", tap.membranes))
        )
        return Record(out, spikes, membranes, {n: a.recorded for n, a in self.attention_arrays.items()})

    def _tap_axes(self, batch: Batch) -> dict[tuple[str, str], Any]:
        """Return where images are in what the neurons of the network give."""
        runs = []
        for change, images in ((None, IMAGES), (0, IMAGES), (None, FEWER)):
            with tapped(self.net) as tap, self.run.ledger.closed():
                probe_run(self.net, batch, self.run, self.state, change, images)
            kept = (("spikes", tap.spikes), ("membranes", tap.membranes))
            runs.append({(kind, name): x for kind, calls in kept for name, x in joined(calls).items()})
        first, changed, fewer = runs
        shared = first.keys() & changed.keys() & fewer.keys()
        return {key: output_axes(first[key], [changed[key]], fewer[key])[0] for key in shared}

    def digital(self) -> nn.Module:
        """Return a plain copy of the network with its digital weights, as they are now."""
        plain = copy.deepcopy(self.net)
        for module in plain.modules():
            for name, parameter in module._parameters.items():
                if isinstance(parameter, ArrayParameter):
                    module._parameters[name] = nn.Parameter(parameter.data, parameter.requires_grad)
            if isinstance(module, nn.RNNBase):
                module._flat_weights = [getattr(module, name) for name in module._flat_weights_names]
        for name, site in list(plain.named_modules()):
            if isinstance(site, AttentionSite):
                replace(plain, name, site.leaf)
        return plain

    def own_norms(self) -> None:
        """Let batch norms take statistics of each chip's own, whose rows are to be found, too."""
        self.state.restore()
        self.norms.link()
        self.state.retake()  # a pass puts back what it finds changed, before the first probe of norms too
        self.found.clear()

    def to(self, device: torch.device | str) -> None:
        """Move network, arrays and statistics of norms; state goes back to where it began before."""
        self.state.restore()
        self.net.to(device)
        for array in (*self.weight_arrays.values(), *self.attention_arrays.values()):
            array.to(device)
        self.norms.to(device)
        self.link()
        self.state.retake()

    def link(self) -> None:
        """Let parameters lead to the arrays of this network: after a copy or a move."""
        link(self.net, self.held, self.weight_arrays, self.run)
        if self.norms.own:
            self.norms.link()

    def __deepcopy__(self, memo: dict[int, Any]) -> MappedNet:
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({key: copy.deepcopy(value, memo) for key, value in vars(self).items()})
        made.link()
        return made

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.link()

    def _watch(self) -> tuple[dict[Any, str], dict[Any, Any]]:
        """Let every wide parameter note what functions take it; returns names and what stood there."""
        names, watched = {}, {}
        for path, module in self.net.named_modules():
            for name, parameter in module._parameters.items():
                if parameter is not None and parameter.dim() > 1:
                    names[module, name] = f"{path}.{name}".lstrip(".")
                    watched[module, name] = parameter
                    if isinstance(parameter, ArrayParameter):
                        parameter.uses = set()
                    else:
                        module._parameters[name] = ArrayParameter.of(parameter, {})
        return names, watched
