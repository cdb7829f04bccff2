"""Examples for the suite of equals: of each operation, calls that reach it, and how near a kernel must be."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from memsim.arrays.kernels.counts import spike_counts
from memsim.arrays.kernels.pair_sums import column_sizes, row_sums
from memsim.arrays.weight_devices import seen
from memsim.devices import LinePulses, get, stream
from memsim.devices.numerics import stable
from memsim.memory.conversion import noisy_numbers
from memsim.memory.drive_powers import drive_powers
from memsim.models.parts.attention_kernel import count_gradients, gather_weights
from memsim.models.parts.lif import Law, potentials, spikes
from memsim.wires.crosspoints import Crossing, seen_states
from memsim.wires.effective import ladders_product
from memsim.wires.ladder import ladder
from memsim.wires.loaded_lines import driven_currents, sensed_currents
from memsim.wires.nodes import node_sweeps
from memsim.wires.sweeps import sweep_currents
from tests.devices.pulsed_cells import cell_of


class Example(NamedTuple):
    """A call that reaches an operation, and how far a kernel may be from the torch form."""

    call: Callable[[], Tensor | tuple[Tensor, ...]]
    atol: float = 0.0
    rtol: float = 0.0


def _numbers(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def _counts(high: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(seed))


def draws(kind: str) -> Iterator[Example]:
    """Whole and partial rows, the ends of the ranges of counter words."""
    rng = getattr(stream(3, range(2), "a"), kind)
    for dtype, atol in ((torch.float32, 1.5e-6), (torch.float64, 1e-14)):
        for first in (0, 1, 255, 256, 700, 2**34 - 600):
            call = partial(rng, (600,), image=[5, 2**32 - 1], step=[0, 2**31, 7], first=first, dtype=dtype)
            yield Example(call, atol=0.0 if kind == "uniform" else atol)
    yield Example(partial(rng, (0,)))


def conversions() -> Iterator[Example]:
    """Noise that is not rounded, currents that are, by steps of each line and of all."""
    keys, images, reads = (torch.tensor(x) for x in ([7, -5, 2**62], [3, 2**31], [0, 4, 70]))
    held = torch.tensor([1, 260, 300])
    current, variance = 0.4 * _numbers(3, 2, 3, 300), _numbers(3, 2, 3, 300, seed=1)
    one, each = torch.full((3, 1), 0.1), 0.05 + 0.1 * _numbers(3, 300, seed=2).abs()
    for spread, levels, step in ((variance, 0, one), (None, 7, one), (None, 7, each)):
        address = (keys, images, reads, 2, levels)
        yield Example(partial(noisy_numbers, current, spread, step, held, *address), atol=1e-5)


def powers() -> Iterator[Example]:
    """Drives of both signs and of 0, and none."""
    x = _numbers(2, 3, 37).relu() - _numbers(2, 3, 37, seed=1).relu()
    yield Example(partial(drive_powers, x, 0.5, 0.25, 2.0), rtol=1e-6)
    yield Example(partial(drive_powers, x[:0], 0.5, 0.25, 2.0))


def loaded(kind: str) -> Iterator[Example]:
    """Lines of one tile and of several, with gaps, for readers with few and with all lines; and bit lines
    whose voltages are beyond float64.
    """
    g = (1e-5 * _numbers(2, 5, 11, dtype=torch.float64)).abs()
    x = _numbers(2, 3, 11 if kind == "driven" else 5, dtype=torch.float64, seed=1)
    present = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 0, 1, 0], [1, 1, 1, 1, 1]]).bool()
    x = x if kind == "driven" else x * present
    currents = driven_currents if kind == "driven" else sensed_currents
    for ohm, tile in ((0.0, 0), (50.0, 0), (50.0, 3), (1e75, 0)):
        call = partial(currents, x, 0.5 * g, g, [0, 1, 4, 6, 7], present, ohm, tile)
        yield Example(call, atol=1e-20, rtol=1e-12)


PLACES, IMAGES, STEPS, CELLS = range(2), [4, 9, 5], range(2), (11, 33)


def writes(name: str) -> Iterator[Example]:
    """Resets and pulses, pulses from given states, and no pulses, of a cell; also with its noises off."""
    for cell in (cell_of(name), cell_of(name).only()):
        told = cell.describe()
        fabric = cell.fabricate(CELLS, rng=stream(0, PLACES, "spread"))
        how = {"rng": stream(1, PLACES, "noise"), "image": IMAGES, "step": STEPS}
        shape = (len(PLACES), len(IMAGES), len(STEPS), *CELLS)
        n = _counts(cell.n_max + 1, *shape).float()
        n = n if cell.one_sided else n * (2 * _counts(2, *shape, seed=1) - 1)
        n[0, 0] /= 2
        begin = cell.rewrite(fabric, n.flip(-1), **how, visible=False)
        for pulses, start in ((n, None), (n, begin), (0 * n, None)):
            call = partial(cell.rewrite, fabric, pulses, **how, start=start, visible=start is None)
            yield Example(call, atol=1e-6 * (told.high - told.low))


def lines() -> Iterator[Example]:
    for words, bits in ((16, 16), (5, 300), (1, 1)):
        table, q, k = _numbers(7, 9), _counts(7, 2, 3, words), _counts(9, 2, 3, bits, seed=1)
        yield Example(LinePulses(table, q, k).cells)


def neurons() -> Iterator[Example]:
    """Spikes are the same bits, gradients nearly the same."""
    for dtype, rtol in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        for detach in (False, True):
            law = Law(0.4, 0.6, 0.1, 1.0, -0.2, 4.0, detach)
            x = 2 * _numbers(5, 3, 1111, dtype=dtype)
            yield Example(partial(spikes, x, law))
            yield Example(partial(_gradient, x, law), atol=rtol, rtol=rtol)
    yield Example(partial(spikes, _numbers(1, 70).expand(4, 70), law))
    yield Example(partial(spikes, _numbers(4, 0), law))
    yield Example(partial(spikes, (2 * _numbers(5, 3, 1111)).bfloat16(), law))


def membranes() -> Iterator[Example]:
    for dtype, rtol in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        x = 2 * _numbers(5, 3, 1111, dtype=dtype)
        yield Example(partial(potentials, x, Law(0.4, 0.6, 0.1, 1.0, -0.2, 4.0, True)), atol=rtol, rtol=rtol)


def _gradient(x: Tensor, law: Law) -> Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad((spikes(x, law) * _numbers(*x.shape, seed=1)).sum(), x)[0]


def tables(kind: str) -> Iterator[Example]:
    for dtype, rtol in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        table, gradient = _numbers(9, 9, dtype=dtype), _numbers(6, 13, 13, dtype=dtype, seed=3)
        q, k = _counts(9, 6, 13).to(dtype), _counts(9, 6, 13, seed=2).to(dtype)
        if kind == "weights":
            yield Example(partial(gather_weights, table, q, k))
        else:
            yield Example(partial(count_gradients, table, q, k, gradient), atol=rtol, rtol=rtol)


def functions(function: Callable[..., Tensor], *more: float) -> Iterator[Example]:
    for dtype, rtol in ((torch.float32, 1e-6), (torch.float64, 1e-15)):
        yield Example(partial(function, 3 * _numbers(1001, dtype=dtype).abs() + 1e-6, *more), rtol, rtol)


def _laws(*names: str) -> Iterator[Example]:
    for name in names:
        yield from writes(name)


WEIGHT_CELLS = (
    "pcm-joshi2020",
    "pcm-hermes2023-1",
    "reram-wan2022",
    "reram-cmo-falcone2025-2pct",
    "reram-milo2021",
    "ideal",
)


def pairs(*names: str) -> Iterator[Example]:
    """Weight devices of each law, a day old, one and two on either side of a pair, on two chips, a tenth of
    them stuck or none.
    """
    for name in names:
        cell: Any = get(name)
        goal = _numbers(1, 40, 33).clamp(-1, 1) * (cell.g_max - cell.g_min)
        for number in (1, 2):
            call = partial(seen, goal, cell, stream(0, range(2), "layer"), 86400.0, number, 0.2)
            yield Example(call, atol=5e-6 * number * cell.g_max)
            levels = _numbers(2, 2 * number, 40, 33, seed=5).abs().clamp(max=1) * cell.g_max
            faults = levels.where(_counts(10, *levels.shape, seed=6) == 0, torch.nan)
            yield Example(partial(call, faults), atol=5e-6 * number * cell.g_max)


def sums(function: Callable[[Tensor], Tensor]) -> Iterator[Example]:
    for dtype in (torch.float32, torch.float64):
        yield Example(partial(function, _numbers(3, 70, 130, dtype=dtype)), atol=1e-12)


def wires(kind: str) -> Iterator[Example]:
    """Arrays of every remainder of the kernels' vectors, lines driven from either side or left open."""
    for rows, columns in ((1, 1), (9, 8), (16, 21)):
        g, v = (_numbers(3, rows, columns, dtype=torch.float64, seed=s).abs() for s in (0, 1))
        ends = [20 * _counts(2, 3, n, seed=s).double() for s, n in enumerate((rows, rows, columns, columns))]
        if kind == "ladder":
            yield Example(partial(ladder, g, *ends[2:], 30.0), atol=1e-13)
        for word, bit in ((20.0, 30.0), (20.0, math.inf), (math.inf, 30.0)):
            if kind == "product":
                for activity in (1.0, 0.15):
                    yield Example(partial(ladders_product, g, *ends, word, bit, activity), atol=1e-13)
            if kind == "nodes":
                ends[3] = ends[3] + 20.0
                yield Example(partial(node_sweeps, g, v, v.flip(0), *ends, word, bit, 3), atol=1e-12)
        for inputs, sweeps in ((1, 0), (8, 3), (11, 6)):
            if kind == "currents":
                drive = _numbers(3, inputs, rows, dtype=torch.float64, seed=2)
                sides = torch.tensor([20.0, 0.0, 10.0, 30.0], dtype=torch.float64)
                yield Example(partial(sweep_currents, drive, g, v, v, sides, 20.0, 30.0, sweeps), atol=1e-11)


def one_way() -> Iterator[Example]:
    """Lines of one end each, of every remainder of vectors and bands, some of them beyond float64's range."""
    for rows, columns, size in ((1, 1, 1.0), (9, 8, 1.0), (70, 45, 1.0), (33, 40, 1.0), (33, 40, 1e20)):
        g = size * _numbers(3, rows, columns, dtype=torch.float64).abs()
        for word, bit in ((20.0, 30.0), (20.0, math.inf), (math.inf, 30.0)):
            near = [torch.full((3, n), x, dtype=torch.float64) for n, x in ((rows, word), (columns, bit))]
            ends = (near[0], torch.zeros_like(near[0]), torch.zeros_like(near[1]), near[1])
            for activity in (1.0, 0.15):
                yield Example(partial(ladders_product, g, *ends, word, bit, activity), atol=1e-13)


def line_products() -> Iterator[Example]:
    yield from wires("product")
    yield from one_way()


def crosspoints() -> Iterator[Example]:
    """States of devices beside references, and of pairs, some below the floor."""
    plus, minus = (_numbers(5, 13, 13, seed=s) for s in (0, 1))
    for other in (minus[:0], minus):
        for word, bit in ((3e3, 2e3), (0.0, 2e3), (3e3, 0.0)):
            for activity in (0.2, 1.0):
                crossing = Crossing(2e-5, 1e-5, 1.8e-5, word, bit, activity)
                yield Example(partial(seen_states, plus, other, crossing), atol=1e-5)


def tokens() -> Iterator[Example]:
    """Spikes as neurons lay them out and not, and numbers among them."""
    some = _counts(2, 3, 4, 5, 2, 19).float()  # (T, S B, N, H, D)
    for x in (some.transpose(2, 3), some, some + 0.5, some[..., :0]):
        yield Example(partial(spike_counts, x, 1 - x, 2))


#: examples of every operation by its name
EXAMPLES: dict[str, Callable[[], Iterator[Example]]] = {
    "memsim.arrays.kernels.counts.spike_counts": tokens,
    "memsim.arrays.kernels.pair_sums.column_sizes": partial(sums, column_sizes),
    "memsim.arrays.kernels.pair_sums.row_sums": partial(sums, row_sums),
    "memsim.arrays.weight_devices.seen": partial(pairs, *WEIGHT_CELLS),
    "memsim.devices.numerics.draws.normals": partial(draws, "normal"),
    "memsim.devices.numerics.draws.uniforms": partial(draws, "uniform"),
    "memsim.devices.numerics.stable.exp": partial(functions, stable.exp),
    "memsim.devices.numerics.stable.log": partial(functions, stable.log),
    "memsim.devices.numerics.stable.power": partial(functions, stable.power, 1.7),
    "memsim.devices.numerics.stable.sqrt": partial(functions, stable.sqrt),
    "memsim.devices.pulses.affine_maps.rewrite": partial(
        _laws, "reram-om", "reram-hfo2", "reference", "ecram-li", "linear-additive", "fefet-jerry2017"
    ),
    "memsim.devices.pulses.exponential_pulses.rewrite": partial(
        _laws, "pcm-nandakumar2020", "exponential-complex"
    ),
    "memsim.devices.pulses.exponential_step.rewrite": partial(_laws, "reram-es", "exponential"),
    "memsim.devices.pulses.line_pulses.look_up_cells": lines,
    "memsim.devices.pulses.pcm_nandakumar2018.rewrite": partial(_laws, "pcm-nandakumar2018"),
    "memsim.devices.pulses.piecewise_step.rewrite": partial(_laws, "piecewise"),
    "memsim.devices.pulses.power_step.rewrite": partial(_laws, "power"),
    "memsim.memory.conversion.noisy_numbers": conversions,
    "memsim.memory.drive_powers.drive_powers": powers,
    "memsim.models.parts.attention_kernel.count_gradients": partial(tables, "gradients"),
    "memsim.models.parts.attention_kernel.gather_weights": partial(tables, "weights"),
    "memsim.models.parts.lif.potentials": membranes,
    "memsim.models.parts.lif.spikes": neurons,
    "memsim.wires.crosspoints.seen_states": crosspoints,
    "memsim.wires.effective.ladders_product": line_products,
    "memsim.wires.ladder.ladder": partial(wires, "ladder"),
    "memsim.wires.loaded_lines.driven_currents": partial(loaded, "driven"),
    "memsim.wires.loaded_lines.sensed_currents": partial(loaded, "sensed"),
    "memsim.wires.nodes.node_sweeps": partial(wires, "nodes"),
    "memsim.wires.sweeps.sweep_currents": partial(wires, "currents"),
}
