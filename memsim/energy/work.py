"""What a digital network does for one image, as counts: matrices, attention, neurons, and the rest.

The counts are values: a run fills them by watching a network (`DigitalWork`), a formula from shapes and spike
rates; what they cost is `memsim.energy.baselines`' business.  A layer's input counts as spikes only if it is
exactly {0, 1} in the first batch.  Batch norm folds into the matrix before it and costs its bias alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from memsim.energy.digital_events import PRICED_AS, compares, is_spikes, ones_and_drives
from memsim.mapping.layers import attention_layers, matrix_layers


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A learned matrix of rows x columns, read at so many positions of an image in each pass (time step)."""

    name: str
    rows: int
    columns: int
    positions: float
    passes: float
    inputs: float  #: values that come in in one pass
    taps: int = 1  #: positions that see one input: height x width of a kernel
    spikes: bool = True  #: inputs are 0 or 1
    ones: float  #: non-zero inputs in all passes
    drives: float  #: rows they drive, over all positions and passes

    @property
    def dense(self) -> float:
        """Multiply-accumulates of one pass."""
        return self.rows * self.columns * self.positions

    @property
    def outputs(self) -> float:
        """Sums that come out in one pass."""
        return self.columns * self.positions

    @property
    def accumulates(self) -> float:
        """Additions of a weight, one for each spike and each output it reaches."""
        return self.drives * self.columns

    @property
    def rate(self) -> float:
        """Share of ones among its inputs."""
        return self.ones / (self.inputs * self.passes)


@dataclass(frozen=True, kw_only=True)
class Attention:
    """STDP attention of all heads in all steps; q, k and v are spikes."""

    name: str
    steps: float
    heads: int
    tokens: int
    width: int  #: features of a head
    q: float
    k: float
    v: float

    @property
    def pairs(self) -> float:
        """Weights A_ij in all steps: devices written."""
        return self.steps * self.heads * self.tokens**2


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """A layer of neurons and the spikes it sends in all steps."""

    name: str
    number: float
    steps: float
    spikes: float


@dataclass(frozen=True, kw_only=True)
class Other:
    """An event of the rest: pooling, shortcuts, the mean before the head."""

    name: str
    event: str
    number: float


Work = Matrix | Attention | Neurons | Other

SPIKES = {Matrix: ("ones", "drives"), Attention: ("q", "k", "v"), Neurons: ("spikes",)}
"""Fields that grow with the spike rate."""


def scaled(works: Sequence[Work], factor: float) -> list[Work]:
    """The same network with so many times the spikes; what is counted from pixels and membranes stays."""
    return [_scaled(work, factor) for work in works]


def _scaled(work: Work, factor: float) -> Work:
    if isinstance(work, Other) or (isinstance(work, Matrix) and not work.spikes):
        return work
    return replace(work, **{name: factor * getattr(work, name) for name in SPIKES[type(work)]})


def spike_rate(works: Sequence[Work]) -> float:
    """Mean spike rate at the inputs of the matrices, weighted by their operations [1]: accumulates over dense
    operations, as the papers' count has it.
    """
    matrices = [work for work in works if isinstance(work, Matrix) and work.spikes]
    dense = sum(m.dense * m.passes for m in matrices)
    return sum(m.dense * m.passes * m.rate for m in matrices) / dense if dense else 0.0


@dataclass
class DigitalWork:
    """Watches a network while open; ``works`` is what it did for one image, a mean over all it has seen."""

    net: nn.Module
    images: int = 0
    sums: dict[tuple[type, str, str], dict[str, float]] = field(default_factory=dict)
    shapes: dict[tuple[type, str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        matrices, attentions = matrix_layers(self.net), attention_layers(self.net)
        watched: dict[nn.Module, Callable[..., None]] = {m: self._matrix(name) for name, m in matrices}
        watched |= {module: self._attention(name) for name, module in attentions}
        for name, module in self.net.named_modules():
            if isinstance(module, nn.MaxPool2d):
                watched[module] = self._pool(name)
            elif hasattr(module, "events") and module not in watched:
                watched[module] = self._reported(name)
        self._watched = watched

    def __enter__(self) -> DigitalWork:
        self._hooks = [self.net.register_forward_pre_hook(self._image)]
        self._hooks += [module.register_forward_hook(enter) for module, enter in self._watched.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    @property
    def works(self) -> list[Work]:
        """What was done for one image, in the order of the network."""
        n = max(self.images, 1)
        return [
            key[0](name=key[1], **self.shapes[key], **{what: total / n for what, total in sums.items()})
            for key, sums in self.sums.items()
        ]

    def _add(self, kind: type, name: str, shape: dict[str, Any], **numbers: float) -> None:
        key = (kind, name, shape.get("event", ""))
        self.shapes[key] = shape
        sums = self.sums.setdefault(key, defaultdict(float))
        for what, number in numbers.items():
            sums[what] += number

    def _image(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.batch = len(inputs[0])
        self.images += self.batch

    def _matrix(self, name: str):
        def enter(layer: nn.Linear | nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            x = inputs[0]
            columns, rows = layer.weight.flatten(1).shape
            conv, known = isinstance(layer, nn.Conv2d), self.shapes.get((Matrix, name, ""))
            spikes = is_spikes(x) if known is None else known["spikes"]
            passes = x.shape[0] / self.batch if conv else x.shape[0] if x.dim() > 2 else 1
            shape = {
                "rows": rows,
                "columns": columns,
                "positions": output.numel() / (columns * passes * self.batch),
                "passes": passes,
                "inputs": x.numel() / (passes * self.batch),
                "taps": math.prod(layer.kernel_size) if isinstance(layer, nn.Conv2d) else 1,
                "spikes": spikes,
            }
            ones, drives = ones_and_drives(layer, x if spikes else x != 0)
            self._add(Matrix, name, shape, ones=ones, drives=drives)

        return enter

    def _attention(self, name: str):
        def enter(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
            q, k, v = inputs[:3]
            heads, tokens, width = v.shape[2:]
            shape = {"steps": len(v), "heads": heads, "tokens": tokens, "width": width}
            self._add(Attention, name, shape, q=float(q.sum()), k=float(k.sum()), v=float(v.sum()))

        return enter

    def _pool(self, name: str):
        def enter(layer: nn.MaxPool2d, _: tuple[Tensor, ...], output: Tensor) -> None:
            self._add(Other, name, {"event": "digital-compare"}, number=compares(layer, output))

        return enter

    def _reported(self, name: str):
        def enter(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found = module.events(inputs, output)  # type: ignore[operator]
            if "neuron_step" in found:
                shape = {"number": output[0].numel() / self.batch, "steps": output.shape[0]}
                self._add(Neurons, name, shape, spikes=float(output.sum()))
                return
            for event in (event for event in found if event in PRICED_AS):
                self._add(Other, name, {"event": PRICED_AS[event]}, number=found[event])

        return enter
