"""What one operation of torch is in digital events, from its arguments and its result.

    ReLU, clamp, a < b, max over values   a compare for each value
    a + b, sum, mean, average pool        an add for each value that goes in (a mean's quotient is a scale)
    a * b                                 a multiply; by a plain number a scale, folded into what is beside
    exp, tanh, GELU, root, quotient       a function for each value (GELU and SiLU: and a multiply)
    max pool                              a compare for each value of a window but the first
    batch norm                            a multiply-accumulate for each value
    layer and group norm                  an add and two multiply-accumulates for each value (with weights
                                          three), a function for each group
    softmax                               for each value a compare, two adds, a function and a multiply; a
                                          function for each row

Products are in `memsim.energy.products`.  Copies, views, selections and new tensors cost nothing.  What is in
no table is counted under its own name, ``aten.NAME``, a number for each value of its result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

ADD, MAC, MULTIPLY, COMPARE = "digital-add", "digital-mac", "digital-multiply", "digital-compare"
FUNCTION, SCALE = "digital-function", "digital-scale"

Numbers = Mapping[str, float]


class Call(NamedTuple):
    """One operation of torch: its name without the mark of an in-place form, arguments, result."""

    name: str
    args: tuple
    kwargs: Mapping[str, Any]
    out: Any
    constant: Callable[[Any], bool]  #: whether an argument holds nothing of the network's input

    @property
    def size(self) -> int:
        """Values of the first tensor of the result."""
        return next((t.numel() for t in tensors(self.out)), 0)

    @property
    def taken(self) -> int:
        """Values of the first argument."""
        return next((t.numel() for t in tensors(self.args)), 0)


def tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in a value: itself, or those in its sequences and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors(part)


FREE = frozenset(
    """
    view _unsafe_view reshape _reshape_alias permute transpose t numpy_T expand slice select squeeze unsqueeze
    clone copy contiguous detach alias cat stack split split_with_sizes unsafe_split chunk unbind narrow
    diagonal unfold as_strided im2col index index_select gather take scatter slice_scatter select_scatter
    index_put index_copy index_fill embedding repeat repeat_interleave flip roll rot90 constant_pad_nd
    reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
    tril triu masked_fill masked_scatter masked_select where fill zero resize set lift lift_fresh
    lift_fresh_copy _to_copy to type_as view_as_real view_as_complex real imag
    pixel_shuffle pixel_unshuffle channel_shuffle
    upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d max_unpool2d max_unpool3d
    _local_scalar_dense item is_nonzero _assert_async _assert_scalar nonzero size numel dim stride
    native_dropout dropout empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like
    new_zeros ones ones_like new_ones full full_like new_full arange linspace eye scalar_tensor rand rand_like
    randn randn_like randint randint_like randperm bernoulli uniform normal tril_indices triu_indices meshgrid
    broadcast_tensors one_hot movedim swapaxes flatten unflatten dropout_ alias_copy view_copy expand_copy
    """.split()
)
"""Operations that compute nothing: views, copies, selections, new tensors."""


def _each(*events: str) -> Callable[[Call], Numbers]:
    """So many events for each value of the result."""
    return lambda call: {event: float(events.count(event) * call.size) for event in events}


def _taken(*events: str) -> Callable[[Call], Numbers]:
    """Return the events for each value of the first argument."""
    return lambda call: {event: float(events.count(event) * call.taken) for event in events}


def _other(call: Call) -> Any:
    return call.args[1] if len(call.args) > 1 else call.kwargs.get("other", 1.0)


def _number(call: Call, value: Any) -> bool:
    """Return whether a factor is one plain number, known beforehand."""
    return not isinstance(value, Tensor) or (value.numel() == 1 and call.constant(value))


def _mul(call: Call) -> Numbers:
    plain = any(_number(call, factor) for factor in (call.args[0], _other(call)))
    return {SCALE if plain else MULTIPLY: float(call.size)}


def _div(call: Call) -> Numbers:
    divisor = _other(call)
    if _number(call, divisor):
        return {SCALE: float(call.size)}
    return {MULTIPLY if call.constant(divisor) else FUNCTION: float(call.size)}


def _pow(call: Call) -> Numbers:
    exponent = call.args[1]
    whole = isinstance(exponent, (int, float)) and exponent in (1, 2, 3, 4)
    return {MULTIPLY: float((exponent - 1) * call.size)} if whole else {FUNCTION: float(call.size)}


def _clamp(call: Call) -> Numbers:
    bounds = (*call.args[1:3], *(call.kwargs.get(name) for name in ("min", "max")))
    return {COMPARE: float(call.size * sum(bound is not None for bound in bounds))}


def _rows(call: Call, dim: Any) -> float:
    size = call.args[0].shape[dim] if call.args[0].dim() else 1
    return call.size / max(size, 1)


def _softmax(call: Call) -> Numbers:
    n, rows = float(call.size), _rows(call, call.args[1])
    return softmax_work(n, rows)


def softmax_work(values: float, rows: float) -> dict[str, float]:
    """Return a softmax of values in rows."""
    return {COMPARE: values, ADD: 2 * values, FUNCTION: values + rows, MULTIPLY: values}


def _log_softmax(call: Call) -> Numbers:
    n = float(call.size)
    return {COMPARE: n, ADD: 3 * n, FUNCTION: n + _rows(call, call.args[1])}


def _deviation(call: Call) -> Numbers:
    n = float(call.taken)
    return {ADD: n, MAC: n} | ({FUNCTION: float(call.size)} if call.name.startswith("std") else {})


def _vector_norm(call: Call) -> Numbers:
    return {MAC: float(call.taken), FUNCTION: float(call.size)}


def _batch_norm(call: Call) -> Numbers:
    if own_statistics(call):
        return {ADD: float(call.size), MAC: 2.0 * call.size}
    return {MAC: float(call.size)}


def own_statistics(call: Call) -> bool:
    """Return whether a batch norm measures its batch, as in training, instead of using what training left."""
    return any(value is True for value in call.args[3:])


def _group_norm(call: Call) -> Numbers:
    n = float(call.size)
    weighted = any(isinstance(value, Tensor) for value in call.args[1:])
    groups = next(iter(t.numel() for t in tensors(call.out[1:])), 0)
    return {ADD: n, MAC: (3.0 if weighted else 2.0) * n, FUNCTION: float(groups)}


def _rms_norm(call: Call) -> Numbers:
    n = float(call.size)
    return {MAC: n, MULTIPLY: 2 * n, FUNCTION: n / max(math.prod(call.args[1]), 1)}


def _max_pool(call: Call) -> Numbers:
    return {COMPARE: float(call.size * (_window(call) - 1))}


def _avg_pool(call: Call) -> Numbers:
    return {ADD: float(call.size * _window(call))}


def _window(call: Call) -> int:
    """Return values of a pooling window; one number stands for each axis."""
    kernel, axes = call.args[1], 3 if call.name.startswith(("max_pool3d", "avg_pool3d")) else 2
    kernel = list(kernel) if isinstance(kernel, (tuple, list)) else [kernel]
    return math.prod(kernel if len(kernel) > 1 else kernel * axes)


def _adaptive(event: str, less: int) -> Callable[[Call], Numbers]:
    """Return pools of a given size of result: windows overlap where it does not divide the input's."""

    def count(call: Call) -> Numbers:
        out = next(tensors(call.out))
        axes = 3 if call.name.endswith("3d") else 2
        before, after = call.args[0].shape[-axes:], out.shape[-axes:]
        sides = zip(before, after, strict=True)
        seen = math.prod(sum(-(-(i + 1) * n // m) - i * n // m for i in range(m)) for n, m in sides)
        maps = out.numel() / max(math.prod(after), 1)
        return {event: maps * (seen - less * math.prod(after))}

    return count


def _taps(number: int) -> Callable[[Call], Numbers]:
    """Return an interpolation between neighbouring values."""
    return lambda call: {MAC: float(number * call.size)}


def _added(call: Call) -> Numbers:
    """Return what is added into places of a tensor."""
    return {ADD: float(list(tensors(call.args))[-1].numel())}


TABLE: dict[str, Callable[[Call], Numbers]] = {
    "mul": _mul, "div": _div, "true_divide": _div, "pow": _pow, "square": _each(MULTIPLY),
    "addcmul": _each(MAC), "addcdiv": _each(FUNCTION, ADD), "lerp": _each(ADD, MAC),
    "leaky_relu": _each(COMPARE, MULTIPLY), "_prelu_kernel": _each(COMPARE, MULTIPLY),
    "hardtanh": _each(COMPARE, COMPARE), "clamp": _clamp, "neg": _each(SCALE),
    "hardsigmoid": _each(ADD, COMPARE, COMPARE), "hardswish": _each(ADD, COMPARE, COMPARE, MULTIPLY),
    "_softmax": _softmax, "_log_softmax": _log_softmax, "_safe_softmax": _softmax,
    "logsumexp": _taken(COMPARE, ADD, ADD, FUNCTION),
    "linalg_vector_norm": _vector_norm, "prod": _taken(MULTIPLY),
    "native_layer_norm": _group_norm, "native_group_norm": _group_norm, "_fused_rms_norm": _rms_norm,
    "max_pool2d_with_indices": _max_pool, "max_pool3d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool, "avg_pool3d": _avg_pool,
    "adaptive_max_pool2d": _adaptive(COMPARE, 1), "adaptive_max_pool3d": _adaptive(COMPARE, 1),
    "_adaptive_avg_pool2d": _adaptive(ADD, 0), "_adaptive_avg_pool3d": _adaptive(ADD, 0),
    "upsample_linear1d": _taps(2), "upsample_bilinear2d": _taps(4), "upsample_trilinear3d": _taps(8),
    "_upsample_bilinear2d_aa": _taps(4), "upsample_bicubic2d": _taps(16),
    "index_add": _added, "scatter_add": _added, "index_reduce": _added, "scatter_reduce": _added,
}  # fmt: skip
"""Operations by name -> what one call is."""

BATCH_NORMS = frozenset(
    """
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm
    _batch_norm_with_update _batch_norm_no_update miopen_batch_norm
    """.split()
)

TABLE |= dict.fromkeys(BATCH_NORMS, _batch_norm)
TABLE |= {name: _each(ADD) for name in ("add", "sub", "rsub", "_add_relu")}
TABLE |= {name: _taken(ADD) for name in ("sum", "mean", "cumsum", "nansum")}
TABLE |= dict.fromkeys(("std", "var", "std_mean", "var_mean"), _deviation)
TABLE |= {
    name: _each(COMPARE)
    for name in """
    relu relu6 clamp_min clamp_max threshold maximum minimum fmax fmin abs sign sgn heaviside ge gt le lt eq
    ne logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor isnan
    isinf isfinite
    """.split()
}
TABLE |= {
    name: _taken(COMPARE) for name in "max min amax amin argmax argmin aminmax any all cummax cummin".split()
}
TABLE |= {
    name: _each(FUNCTION)
    for name in """
    exp exp2 expm1 log log2 log10 log1p sigmoid tanh erf erfc sqrt rsqrt reciprocal sin cos tan atan atan2
    sinh cosh softplus elu log_sigmoid_forward round floor ceil trunc frac remainder fmod floor_divide
    """.split()
}
TABLE |= {name: _each(FUNCTION, MULTIPLY) for name in ("gelu", "silu", "mish", "glu")}
