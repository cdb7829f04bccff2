"""A network on simulated chips: its matrices on arrays in a copy, programmed, aged, run."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.weight_array import UPKEEP, WeightArray
from memsim.card.chip_card import ChipCard
from memsim.card.sections import Compensation
from memsim.energy.ledger import Ledger
from memsim.layout import FEWER, IMAGES
from memsim.mapping.attention import AttentionSite
from memsim.mapping.batches import Axis, Batch, apart, output_axes
from memsim.mapping.exchange import copied, held, link, place
from memsim.mapping.layers import replace
from memsim.mapping.norms import ChipNorms
from memsim.mapping.probing import Found, probe, probe_run
from memsim.mapping.products import ArrayParameter
from memsim.mapping.recording import Record, joined, tapped
from memsim.mapping.report import MappingReport, NotMapped, report
from memsim.mapping.state import NetState
from memsim.mapping.watch_digital import DigitalWatch
from memsim.run import Run
from memsim.saving import digest, load, save
from memsim.training import Learning

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many are done, how many there are."""


class Engine(NamedTuple):
    """What executes the matrices: a kind of weight array and a kind of attention array."""

    name: str
    weights: Callable[..., Any]
    attention: Callable[..., Any]


CALIBRATION_NAME = 2**31
"""Training images that set converter ranges are named from here on, apart from any test image's noise."""

RECALIBRATION_NAME, RECALIBRATION_BATCH = 3 * 2**30, 64
"""Likewise those that batch norms are estimated on, and how many at a time."""

CALIBRATION_BATCH = 64
"""Training images that go through all chips in one pass."""


class Chip:
    """One network on a stack of chips that differ in their devices alone.

    ``program`` writes it, ``advance_to`` ages it, calling it runs the network: its own outputs, with a
    leading axis of chips.  ``ledger`` holds events and energies, ``mapping`` what is on arrays, ``net`` the
    network whose matrices are read from them.
    """

    def __init__(
        self, net: nn.Module, run: Run, calibration: Any, engine: Engine, output: Any, batch_axis: Axis
    ) -> None:
        self.run, self.calibration, self.output, self.batch_axis = run, calibration, output, batch_axis
        self.engine = engine.name
        self.learning: Learning | None = None
        self.net = copied(net, run.dtype)
        self.digest = digest(self.net)
        self._held = held(self.net, run.card.digital)
        self.weight_arrays, self.attention_arrays = place(
            self.net, self._held, run, engine.weights, engine.attention
        )
        self._state = NetState(self.net)
        self._found: dict[tuple, Found] = {}
        self._uses: dict[str, frozenset[str]] = {}
        self.norms = ChipNorms(self.net, run)
        on_arrays = {one.module for one in self._held if not one.digital}
        self._digital = DigitalWatch(self.net, {*on_arrays, *self.attention_arrays})
        self.time, self._next = float("nan"), 0

    @property
    def chips(self) -> tuple[int, ...]:
        """Names of the chips; chip 3 of one run is chip 3 of another."""
        return self.run.chips

    @property
    def card(self) -> ChipCard:
        """The card the chips were made from."""
        return self.run.card

    @property
    def ledger(self) -> Ledger:
        """Events and energies since the last ``ledger.clear()``."""
        return self.run.ledger

    @property
    def compensation(self) -> str:
        """The compensation of drift that is set now."""
        return next((array.compensation for array in self.weight_arrays.values()), "none")

    @property
    def arrays(self) -> dict[str, Any]:
        """Every array by the name of its layer."""
        return {**self.weight_arrays, **self.attention_arrays}

    @property
    def mapping(self) -> MappingReport:
        """Which module is on which arrays, what stayed digital and why, shares of parameters and
        operations.
        """
        found = list(self._found.values())
        macs = {name: n for one in found for name, n in one.macs.items()} if found else None
        calls = {name: calls for one in found for name, calls in one.layouts.items()}
        shared = frozenset(name for name, of in calls.items() if all(one is None for one in of))
        notes = []
        if self._found and self._state.classes:
            notes.append(f"every call starts from the state given: {', '.join(self._state.classes)} keep one")
        return report(self.net, self._held, self.attention_arrays, macs, shared, self._uses, notes)

    @property
    def upkeep(self) -> dict[str, float]:
        """What keeping one chip's weights fit has cost until now: "writes" of devices and "reads" (rows x
        columns, for the compensation), with "write energy [J]" and "read energy [J]".

        The first programming and the images are not in it.  Empty for engine aihwkit, which counts no
        events.  Raises CardError where the card has no price for a write.
        """
        parts = [array.upkeep for array in self.weight_arrays.values()]
        if not all(parts):
            return {}
        parts += [array.measured for array in self.attention_arrays.values() if array.measured]
        return {key: sum(part[key] for part in parts) for key in UPKEEP}

    @property
    def cycles(self) -> dict[str, float]:
        """Cycles of an attention device for one image, by layer: what `[wear] cycles_before` counts."""
        return {name: array.wear.cycles for name, array in self.attention_arrays.items()}

    def recalibrate(self, images: Tensor | None) -> dict[str, float]:
        """Re-estimate every batch norm's mean and variance on each chip as it is now, from training images
        (n, C, h, w); None: back to the trained ones.

        The images must be distributed as in training, augmented where that was.  Returns what it cost a
        chip: "images" and "energy [J]".  Raises RuntimeError for a chip not programmed.
        """
        self.norms.forget()
        if images is None:
            return {"images": 0.0, "energy [J]": 0.0}
        with torch.no_grad(), self.ledger.apart(), self.norms.measuring():
            self.own_norms()
            for start in range(0, len(images), RECALIBRATION_BATCH):
                part = images[start : start + RECALIBRATION_BATCH]
                first = RECALIBRATION_NAME + start
                self(part, image=range(first, first + len(part)))
            priced = not self.card.ideal and self.ledger.counts
            return {
                "images": float(len(images)),
                "energy [J]": self.ledger.energy * len(images) if priced else 0.0,
            }

    def program(self, progress: Progress | None = None) -> Chip:
        """Write every weight once and set the converters' ranges on training images; the clock is at 0.

        Images are numbered from 0 again.  progress(what, done, total) is called after each layer.
        """
        for _ in _told("programming", list(self.arrays.values()), progress):
            _.program()
        self.time, self._next = 0.0, 0
        self.norms.forget()
        if self.calibration is not None:
            self._calibrate(_batch_of(self.calibration, self.batch_axis), progress)
        elif self.card.on("adc") or self.card.on("dac"):
            raise ValueError(
                "the converters need training images to set their ranges: pass calibration= to to_crossbar, "
                "or switch them off with card.without('adc', 'dac')"
            )
        return self

    def advance_to(
        self, t: float, compensation: Compensation | None = None, progress: Progress | None = None
    ) -> Chip:
        """Age the weight arrays to t [s] after programming, absolute; attention is rewritten anyway.

        compensation: of the drift from here on, "global", "column" or "none" (default: the card's).  The same
        devices whatever it is: at the time the chip already stands at only the digital factors change.
        Raises ValueError for a time or a compensation that is none, RuntimeError for a chip not programmed.
        """
        if not t >= 0 or t == float("inf"):
            raise ValueError(
                f"time = {t} s: seconds since programming must be a number >= 0 (1 day is 86400)"
            )
        if compensation not in (None, *get_args(Compensation)):
            raise ValueError(f"compensation = {compensation!r}: one of {', '.join(get_args(Compensation))}")
        self._needs_programming()
        for array in _told("ageing", list(self.weight_arrays.values()), progress):
            array.advance_to(float(t), compensation)
        self.time = float(t)
        return self

    def __call__(self, *inputs: Any, image: Sequence[int] | None = None, **named: Any) -> Any:
        """Run the network: its outputs with a leading axis of chips, (chips, images, ...).

        inputs, named: what the network takes; tensors that hold images do so on ``batch_axis``.  image:
        names of the images (default: numbered on from the last call); noise is keyed by the name.
        """
        self._needs_programming()
        batch = Batch(inputs, named, self.batch_axis)
        if image is None:
            image = range(self._next, self._next + batch.count)
            self._next += batch.count
        if self.learning is not None:
            return self.learning.run(self, batch, image)
        chip_images = batch.count * len(self.chips)
        if self.ledger.open:
            self.ledger.images += chip_images
        self._probed(batch)
        with self._digital.counting(self.ledger, chip_images, batch.signature):
            return self._pass(batch, image)

    def _pass(self, batch: Batch, image: Sequence[int], **how: Any) -> Any:
        """Run the network on all chips; how: fields of the pass."""
        found = self._probed(batch)
        self.run.begin(batch.count, image, layouts=found.layouts, **how)
        self._state.restore()
        args, named = batch.repeated(len(self.chips), self.run.dtype)
        return apart(self.picked(self.net(*args, **named)), found.outputs, len(self.chips))

    def picked(self, out: Any) -> Any:
        """What ``output`` picks of the network's outputs: a function of them, or a key or place in them."""
        if self.output is None:
            return out
        return self.output(out) if callable(self.output) else out[self.output]

    def record(self, *inputs: Any, image: Sequence[int] | None = None, **named: Any) -> Record:
        """Run the network once and keep spikes, membranes and written attention, by layer.

        Every tensor has the axes (chips, images, ...).  Nothing is counted.
        """
        self._needs_programming()
        batch = Batch(inputs, named, self.batch_axis)
        self._probed(batch)
        names = range(self._next, self._next + batch.count) if image is None else image
        was_open, self.ledger.open = self.ledger.open, False
        for array in self.attention_arrays.values():
            array.recording = True
        try:
            with torch.no_grad(), tapped(self.net) as tap:
                out = self._pass(batch, names)
            axes = self._tap_axes(batch)
        finally:
            self.ledger.open = was_open
            for array in self.attention_arrays.values():
                array.recording = False
        spikes, membranes = (
            {
                name: axes[kind, name].by_image(x, len(self.chips))
                for name, x in joined(calls).items()
                if axes.get((kind, name)) is not None
            }
            for kind, calls in (("spikes", tap.spikes), ("membranes", tap.membranes))
        )
        attention = {name: array.recorded for name, array in self.attention_arrays.items()}
        return Record(out, spikes, membranes, attention)

    def _tap_axes(self, batch: Batch) -> dict[tuple[str, str], Any]:
        """Where images are in what the neurons of the network give."""
        runs = []
        for change, images in ((None, IMAGES), (0, IMAGES), (None, FEWER)):
            with tapped(self.net) as tap:
                probe_run(self.net, batch, self.run, self._state, change, images)
            kept = (("spikes", tap.spikes), ("membranes", tap.membranes))
            runs.append({(kind, name): x for kind, calls in kept for name, x in joined(calls).items()})
        first, changed, fewer = runs
        return {
            key: output_axes(first[key], [changed[key]], fewer[key])[0]
            for key in first
            if key in changed and key in fewer
        }

    def train(self, fresh: bool = True, times: float | tuple[float, float] = 0.0, **how: Any) -> Chip:
        """Let gradients reach the digital weights of ``net``, straight through everything that arrays do.

        From here on every call is one batch of a training: with ``fresh``, on chips that no call met before,
        at a time [s] since their programming: ``times``, or drawn log-uniformly between two.  how: fields of
        `Learning`.  ``parameters()`` go to an optimizer; ``eval()`` ends it, and ``program()`` writes the
        trained weights.  Raises ValueError for the engine aihwkit and for times that are none.
        """
        if self.engine != "memsim":
            raise ValueError("engine aihwkit has no gradients; use engine memsim")
        self.learning = Learning(fresh=fresh, times=times, **how)
        self.net.train().requires_grad_(True)
        return self

    def eval(self) -> Chip:
        """End a training: the chip is to be programmed anew, with the weights as they are now."""
        if self.learning is not None:
            self.run.chips, self.learning, self.time = self.learning.chips, None, float("nan")
        self.net.eval().requires_grad_(False)
        self.digest = digest(self.net)
        return self

    def renew(self, t: float, compensation: Compensation | None, calibrate: bool) -> None:
        """Write chips of the names in ``run.chips`` and age them to t [s], for a batch of a training."""
        for array in self.arrays.values():
            array.renew()
        for array in self.weight_arrays.values():
            array.advance_to(t, compensation)
        self.time = t
        if calibrate and self.calibration is not None:
            training = self.net.training
            self.net.eval()
            self._calibrate(_batch_of(self.calibration, self.batch_axis), None)
            self.net.train(training)

    def parameters(self) -> Iterator[nn.Parameter]:
        """The digital parameters of the network."""
        return self.net.parameters()

    def digital(self) -> nn.Module:
        """A plain copy of the network with its digital weights, as they are now."""
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

    def to(self, device: torch.device | str) -> Chip:
        """Move network and arrays; kernels are chosen by device."""
        self.net.to(device)
        for array in self.arrays.values():
            array.to(device)
        self._relink()
        return self

    def save(self, path: str | Path) -> Path:
        """Write the programmed chip to a file; `Chip.load` reads it beside the same network."""
        return save(self, path)

    @staticmethod
    def load(path: str | Path, net: nn.Module, **options: Any) -> Chip:
        """The chip in a file, of the network it was made from; options: calibration, output, batch_axis."""
        return load(path, net, to_crossbar, **options)

    def own_norms(self) -> None:
        """Let batch norms take statistics of each chip's own, whose rows are to be found, too."""
        self.norms.link()
        self._found.clear()

    def _relink(self) -> None:
        """Let parameters lead to the arrays of this chip: after a copy or a move."""
        link(self.net, self._held, self.weight_arrays, self.run)
        if self.norms.own:
            self.norms.link()

    def __deepcopy__(self, memo: dict[int, Any]) -> Chip:
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({key: copy.deepcopy(value, memo) for key, value in vars(self).items()})
        made._relink()
        return made

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._relink()

    def _probed(self, batch: Batch) -> Found:
        """The layouts of inputs of this shape, found once."""
        signature = batch.signature
        if signature not in self._found:
            was_open, self.ledger.open = self.ledger.open, False
            names, watched = self._watch()
            try:
                self._found[signature] = probe(self.net, batch, self.run, self._state, self.picked)
            finally:
                self.ledger.open = was_open
                for (module, parameter), before in watched.items():
                    uses = module._parameters[parameter].uses
                    name = names[module, parameter]
                    self._uses[name] = self._uses.get(name, frozenset()) | uses
                    module._parameters[parameter] = before
            self._learn_digital(batch)
        return self._found[signature]

    def _learn_digital(self, batch: Batch) -> None:
        """Count the digital work of an image of this shape."""
        was_open, self.ledger.open = self.ledger.open, False
        once = partial(probe_run, self.net, batch, self.run, self._state, None, IMAGES)
        try:
            self._digital.learn(once, IMAGES, batch.signature)
        finally:
            self.ledger.open = was_open

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

    def _needs_programming(self) -> None:
        if self.time != self.time:
            raise RuntimeError("the chip is not programmed; call chip.program() first")

    def _calibrate(self, batch: Batch, progress: Progress | None) -> None:
        """Find converter ranges over all training images."""
        self._probed(batch)
        if self.card.ideal:
            return
        was_open, self.ledger.open = self.ledger.open, False
        starts = list(range(0, batch.count, CALIBRATION_BATCH))
        try:
            with torch.no_grad():
                for start in _told("calibrating", starts, progress):
                    part = batch.part(start, start + CALIBRATION_BATCH)
                    names = range(CALIBRATION_NAME + start, CALIBRATION_NAME + start + part.count)
                    self._pass(part, names, calibrating=True)
        finally:
            self.ledger.open = was_open
            self.run.begin(0)

    def __repr__(self) -> str:
        tiles = sum(getattr(a, "groups", 1) * a.tiles * a.column_tiles for a in self.weight_arrays.values())
        mapping = self.mapping
        left = len(mapping.left)
        return (
            f"Chip({type(self.net).__name__}, {len(self.chips)} chips of card {self.card.name}: "
            f"{len(self.weight_arrays)} weight arrays ({tiles} tiles), {len(self.attention_arrays)} "
            "attention layers, "
            f"{mapping.share('parameters'):.1%} of parameters; {left} products left digital; "
            + ("not programmed)" if self.time != self.time else f"{self.time:g} s after programming)")
        )


def _told(what: str, items: Sequence[Any], progress: Progress | None) -> Iterable[Any]:
    """The items one by one, each reported when it is done."""
    for number, item in enumerate(items):
        yield item
        if progress is not None:
            progress(what, number + 1, len(items))


def _batch_of(images: Any, axis: Axis) -> Batch:
    """Calibration images as arguments of a network: a tensor, a tuple of inputs, or a mapping of named
    ones.
    """
    try:
        if isinstance(images, Mapping):
            return Batch((), images, axis)
        return Batch(tuple(images) if isinstance(images, (tuple, list)) else (images,), {}, axis)
    except (TypeError, ValueError) as error:
        raise type(error)(f"calibration: {error}") from None


def to_crossbar(
    net: nn.Module,
    card: ChipCard | str = "default",
    *,
    chips: int | Sequence[int] = 8,
    seed: int = 0,
    calibration: Any = None,
    engine: str = "memsim",
    strict: bool = False,
    output: Callable[[Any], Any] | str | int | None = None,
    batch_axis: Axis = 0,
) -> Chip:
    """Put a network on crossbars: every product with a learned matrix, and STDP attention, goes to arrays.

    net: any module.  Matrices of linear layers, convolutions, transposed convolutions, multi-head attention,
    recurrent and bilinear layers (and their subclasses) are on arrays in a copy, but for those that the card
    leaves ``digital``; ``chip.mapping`` lists them.  card: ChipCard or the name or file of one.  chips: how
    many, or their names.  calibration: training images for the converters' ranges, a tensor or the network's
    inputs as a tuple or mapping; a bundled network brings its own.  engine: "memsim" (whole stacks at once)
    or "aihwkit" (aihwkit's own tiles, one by one: the reference).  strict: refuse products that would stay
    digital (default: warn).  output: picks the logits from other outputs, a function, key or place.
    batch_axis: the axis of the inputs that holds images.  Raises CardError, TypeError and ValueError by name.
    """
    card = card if isinstance(card, ChipCard) else ChipCard.load(card)
    names = _names_of(chips)
    if calibration is None:
        calibration = getattr(net, "calibration_images", None)
    if engine not in ("memsim", "aihwkit"):
        raise ValueError(f"engine = {engine!r}: 'memsim' or 'aihwkit'")
    run = Run(card=card, chips=names, seed=int(seed), ledger=Ledger(card))
    arrays = Engine("memsim", WeightArray, AttentionArray)
    if engine == "aihwkit":
        from memsim.engines.aihwkit import TileWeights, tile_attention

        arrays = Engine("aihwkit", TileWeights, tile_attention)
    chip = Chip(net, run, calibration, arrays, output, batch_axis)
    if calibration is not None:
        chip._probed(_batch_of(calibration, batch_axis))
    _tell_left(chip, strict)
    return chip


def _names_of(chips: Any) -> tuple[int, ...]:
    """Names of chips from their number, or as given; ValueError for none, or what is no whole number."""
    try:
        names = tuple(range(chips)) if isinstance(chips, int) else tuple(chips)
    except TypeError:
        names = ()
    if not names or not all(isinstance(c, int) and not isinstance(c, bool) and c >= 0 for c in names):
        raise ValueError(f"chips = {chips}: at least one chip, named by whole numbers >= 0")
    if len(set(names)) < len(names):
        raise ValueError(f"chips = {chips}: a name stands twice")
    return names


def _tell_left(chip: Chip, strict: bool) -> None:
    """Warn of products that stay digital, or refuse them."""
    mapping = chip.mapping
    if not mapping.left and (chip._held or chip.attention_arrays):
        return
    left = "; ".join(f"{line.layer} ({line.kind}): {line.reason}" for line in mapping.left[:5])
    more = f" and {len(mapping.left) - 5} more" if len(mapping.left) > 5 else ""
    share = f"{1 - mapping.share('parameters'):.1%} of parameters"
    if any(line.operations for line in mapping):
        share += f", {1 - mapping.share('operations'):.1%} of operations"
    text = (
        f"{share} stay digital: {left or 'nothing of this network is a product with a learned matrix'}{more}"
    )
    if strict:
        raise ValueError(f"strict: {text}")
    warnings.warn(text, NotMapped, stacklevel=3)
