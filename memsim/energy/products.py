"""Products that stay digital: with a learned matrix or of two signals, counted by what their factors hold.

    spikes x weights          an add of a weight for each one and each output that it reaches
    spikes x numbers          likewise; of two spike trains an add for each pair of ones that meets
    numbers x anything        a multiply-accumulate for each factor of each output

Spikes are exactly 0 and 1.  Which it is is decided by value, over every call of the product: spikes that are
numbers once are numbers.  Sums start from the bias, which costs nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from memsim.energy.operations import ADD, FUNCTION, MAC, MULTIPLY, SCALE, Call, softmax_work

Lead = tuple[int, int]
"""Passes of an image in the first axis of a tensor: merged with the images, or before them; else 0."""


@dataclass
class Product:
    """One product of a network, summed over its calls; the first factor is a signal of `rows` values."""

    layer: str
    learned: bool  #: the second factor is a matrix that training made
    rows: int
    columns: int
    taps: int = 1
    left: bool = True  #: the first factor held 0 and 1 alone, in every call
    right: bool = True  #: so did the second
    macs: float = 0.0
    ones: float = 0.0  #: of the first factor; not 0, where it holds numbers
    drives: float = 0.0  #: rows that they drive, over all positions
    inside: float = 0.0  #: rows that see a value and no border, likewise
    by_left: float = 0.0  #: adds for the ones of the first factor
    by_right: float = 0.0  #: for those of the second
    meeting: float = 0.0  #: for the pairs of ones that meet
    vectors: float = 0.0  #: reads of the matrix
    inputs: float = 0.0  #: values that came in, of both factors if both are signals
    leads: Counter[Lead] = field(default_factory=Counter)  #: images that came in so, over all calls

    @property
    def spikes(self) -> bool:
        """Whether a factor holds spikes, and adds are enough."""
        return self.left or self.right

    @property
    def adds(self) -> float:
        """Adds, if a factor holds spikes."""
        if self.left and self.right:
            return self.meeting
        return self.by_left if self.left else self.by_right

    def passes(self, steps: int) -> float:
        """Passes of all images in a network of `steps` time steps: a step that comes in a call of its own, or
        in an axis of the first factor.
        """
        return sum(
            images * (steps if axis == steps or (merged and not axis and merged % steps == 0) else 1)
            for (merged, axis), images in self.leads.items()
        )

    @property
    def event(self) -> tuple[str, float]:
        """The event, and how often it happened."""
        return (ADD, self.adds) if self.spikes else (MAC, self.macs)


@dataclass(frozen=True)
class Factors:
    """One call of a product: the signal (G, M, K), the other factor (G or 1, K, N)."""

    signal: Tensor
    other: Tensor
    matrix: Tensor | None  #: the learned tensor itself, None for two signals
    shape: torch.Size  #: of the signal as the operation got it

    @property
    def key(self) -> tuple[int, int]:
        """What distinguishes products of one layer."""
        return self.other.shape[-2], self.other.shape[-1]

    def enter(self, product: Product) -> None:
        """Add this call to a product."""
        x, w = self.signal, self.other
        groups, vectors, rows = x.shape
        columns = w.shape[-1]
        spikes = product.left and is_spikes(x)
        ones = float(_total(x if spikes else x != 0, 0, 1).sum())
        product.macs += float(groups * vectors * rows * columns)
        product.vectors += groups * vectors
        product.inputs += x.numel()
        product.ones += ones
        product.drives += ones
        product.inside += groups * vectors * rows
        product.by_left += ones * columns
        product.left = spikes
        if self.matrix is not None:
            product.right = False
            return
        product.inputs += w.numel()
        both = product.right = product.right and is_spikes(w)
        product.by_right += float((w != 0).sum()) * vectors * (groups / w.shape[0])
        if spikes and both:
            product.meeting += float((x.double().sum(1) * w.double().sum(-1)).sum())


@dataclass(frozen=True)
class Convolved:
    """One call of a convolution, transposed or not."""

    signal: Tensor
    weight: Tensor
    matrix: Tensor | None
    how: tuple  #: stride, padding, dilation, transposed, output padding, groups
    outputs: int  #: values of the result

    @property
    def shape(self) -> torch.Size:
        return self.signal.shape

    @property
    def key(self) -> tuple[int, int]:
        transposed = self.how[3]
        rows = self.weight.shape[0] if transposed else self.weight[0].numel()
        return rows, self.weight[0].numel() if transposed else self.weight.shape[0]

    def enter(self, product: Product) -> None:
        """Add this call to a product."""
        x, transposed, groups = self.signal, self.how[3], self.how[5]
        maps = self.weight.shape[1] if transposed else self.weight.shape[0] // groups
        taken = x.numel() if transposed else self.outputs
        spikes = product.left and is_spikes(x)
        pixels = _total(x if spikes else x != 0, 0, 1)
        ones, seen = self._seen(pixels)
        product.taps = math.prod(self.weight.shape[2:])
        product.macs += float(taken * self.weight[0].numel())
        product.vectors += x.numel() / x.shape[1] if transposed else self.outputs / self.weight.shape[0]
        product.inputs += x.numel()
        product.ones += ones
        share = maps / self.key[1]  # a row of the unrolled matrix reaches all columns
        product.drives += seen * share
        _, within = self._seen(pixels.new_full(pixels.shape, x.shape[0] * x.shape[1]))
        product.inside += within * share
        product.by_left += seen * maps
        product.left, product.right = spikes, False

    def _seen(self, ones: Tensor) -> tuple[float, float]:
        """Return ones by pixel -> all of them, and the positions that see them: fewer at the edge."""
        stride, padding, dilation, transposed, more, _ = self.how
        pixels = ones[None, None]
        kernel = torch.ones(1, 1, *self.weight.shape[2:], dtype=torch.float64, device=pixels.device)
        seen = torch.ops.aten.convolution(
            pixels, kernel, None, stride, padding, dilation, transposed, more, 1
        )
        return float(pixels.sum()), float(seen.sum())


Found = Factors | Convolved


def is_spikes(x: Tensor) -> bool:
    """Return whether a tensor holds 0 and 1 alone: what is its own square."""
    return torch.equal(x, x * x) and bool(torch.isfinite(x.sum()))


def _total(x: Tensor, *axes: int) -> Tensor:
    """Return sums of small whole numbers over some axes, in float64, each exact in float32."""
    return x.sum(axes, dtype=torch.promote_types(x.dtype, torch.float32)).double()


def _pair(call: Call, a: Tensor, b: Tensor) -> Iterator[Found]:
    """a (..., M, K) times b (..., K, N); what is learned stands second."""
    three = (a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:]))
    if call.constant(a) and not call.constant(b):
        yield Factors(three[1].mT, three[0].mT, a, b.shape)
    else:
        yield Factors(*three, b if call.constant(b) else None, a.shape)


def _matmul(first: int) -> Callable[[Call], Iterator[Found]]:
    """Yield a product of the arguments from number `first` on; a vector is a matrix of one column or row."""

    def factors(call: Call) -> Iterator[Found]:
        a, b = call.args[first : first + 2]
        a = a[None] if a.dim() == 1 else a
        yield from _pair(call, a, b[:, None] if b.dim() == 1 else b)

    return factors


def _linear(call: Call) -> Iterator[Found]:
    x, weight = call.args[:2]
    yield from _pair(call, x.reshape(-1, x.shape[-1]), weight.mT)


def _convolution(call: Call) -> Iterator[Found]:
    x, weight, _, stride, padding, dilation, transposed, more, groups = call.args[:9]
    axes = weight.dim() - 2
    x = x if x.dim() == weight.dim() else x[None]
    how = tuple(list(part) * (axes if len(part) == 1 else 1) for part in (stride, padding, dilation, more))
    learned = weight if call.constant(weight) else None
    yield Convolved(x, weight, learned, (*how[:3], transposed, how[3], groups), call.size)


def _attention(call: Call) -> Iterator[Found]:
    """Scaled dot products: q k^T, and the weights (numbers, as softmax leaves them) times v."""
    q, k, v = call.args[:3]
    k, v = (t.repeat_interleave(q.shape[-3] // t.shape[-3], -3) if q.dim() > 2 else t for t in (k, v))
    yield from _pair(call, q, k.mT)
    weights = torch.full((*q.shape[:-1], k.shape[-2]), 0.5, dtype=v.dtype, device=v.device)
    yield from _pair(call, weights, v)


def _trilinear(call: Call) -> Iterator[Found]:
    """nn.Bilinear: the outer product of both inputs times a matrix."""
    a, w, b = call.args[:3]
    outer = (a[..., :, None] * b[..., None, :]).reshape(1, len(a), -1)
    yield Factors(outer, w.reshape(len(w), -1).mT[None], w, a.shape)


def _recurrent(call: Call) -> Iterator[Found]:
    """Yield a layer of LSTM in one operation: inputs, then hidden states (numbers), times their matrices."""
    x, w_in, w_hidden, hidden = call.args[0], call.args[1], call.args[2], call.out[0]
    yield Factors(x.reshape(1, -1, x.shape[-1]), w_in.mT[None], w_in, x.shape)
    yield Factors(hidden.reshape(1, -1, hidden.shape[-1]), w_hidden.mT[None], w_hidden, x.shape)


PRODUCTS: dict[str, Callable[[Call], Iterator[Found]]] = {
    "mm": _matmul(0), "bmm": _matmul(0), "mv": _matmul(0), "dot": _matmul(0), "vdot": _matmul(0),
    "addmm": _matmul(1), "addmv": _matmul(1), "baddbmm": _matmul(1), "addbmm": _matmul(1),
    "_addmm_activation": _matmul(1), "linear": _linear, "convolution": _convolution,
    "_trilinear": _trilinear, "mkldnn_rnn_layer": _recurrent,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}  # fmt: skip
"""Operations that multiply matrices -> their factors."""


def beside(call: Call) -> dict[str, float]:
    """Return what such an operation does besides its products: adds of a full tensor, a softmax, gates."""
    name = call.name
    if name.startswith("_scaled_dot_product"):
        q, k = call.args[:2]
        values = float(q.numel() // q.shape[-1] * k.shape[-2])
        return softmax_work(values, values / k.shape[-2]) | {SCALE: values}
    if name == "mkldnn_rnn_layer":
        n = float(call.out[0].numel())
        return {ADD: 5 * n, FUNCTION: 5 * n, MULTIPLY: 3 * n}
    if name == "_trilinear":
        return {MULTIPLY: float(call.args[0].numel() * call.args[2].shape[-1])}
    added = call.args[0] if name in ("addmm", "addmv", "baddbmm", "addbmm") else None
    return {ADD: float(call.size)} if isinstance(added, Tensor) and not call.constant(added) else {}
