"""What a digital network does for one image, as counts: matrices, attention, neurons, and the rest.

The counts are values: a run fills them (`memsim.energy.digital_work`), or a formula from shapes and spike
rates; what they cost is `memsim.energy.baselines`' business.  Batch norm folds into the matrix before it and
costs its bias alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A learned matrix of rows x columns, read at a number of positions of an image in each pass (step)."""

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
    inside: float | None = None  #: rows that see a value and no border, likewise (None: all do)

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
    def entered(self) -> float:
        """Values that enter its rows, over all positions and passes; zeros at a border are none."""
        return self.rows * self.positions * self.passes if self.inside is None else self.inside

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
class TwoSignals:
    """A product of two signals, such as queries and keys, in all passes."""

    name: str
    passes: float
    values: float  #: that come in in one pass, of both
    macs: float  #: multiply-accumulates, if both are numbers
    adds: float  #: additions, if one of them is spikes
    spikes: bool


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """Arrays of M x N cells that are written at run time, of each head: they take area, and count no work."""

    name: str
    heads: int
    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class Other:
    """An event of the rest: pooling, shortcuts, norms, activations."""

    name: str
    event: str
    number: float


Work = Matrix | Attention | Neurons | TwoSignals | Other

SPIKES = {Matrix: ("ones", "drives"), Attention: ("q", "k", "v"), Neurons: ("spikes",), TwoSignals: ("adds",)}
"""Fields that grow with the spike rate."""


def scaled(works: Sequence[Work], factor: float) -> list[Work]:
    """Return the same network with `factor` times the spikes; what is counted from pixels and membranes
    stays.
    """
    return [_scaled(work, factor) for work in works]


def _scaled(work: Work, factor: float) -> Work:
    if isinstance(work, Other) or (isinstance(work, Matrix | TwoSignals) and not work.spikes):
        return work
    return replace(work, **{name: factor * getattr(work, name) for name in SPIKES[type(work)]})


def spike_rate(works: Sequence[Work]) -> float:
    """Return the mean spike rate at the inputs of the matrices, weighted by their operations [1]: accumulates
    over dense operations, as the papers' count has it.
    """
    matrices = [work for work in works if isinstance(work, Matrix) and work.spikes]
    dense = sum(m.dense * m.passes for m in matrices)
    return sum(m.dense * m.passes * m.rate for m in matrices) / dense if dense else 0.0
