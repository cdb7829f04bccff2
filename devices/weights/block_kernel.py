"""Recorded laws carried out for pairs of devices, a block at a time: nothing leaves the cache but the sums.

Every operation is rounded by itself, as torch does it, so the bits are those of the laws on whole tensors;
every device has its place in the random numbers, so they do not depend on blocks or threads.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numba import prange

from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.kernel_cache import compiled
from memsim.devices.numerics.simd import exp, log, power, whole

CHUNK = 1024  #: devices that registers hold: eight of them stay in the first cache

_OPTIONS = {"nogil": True, "error_model": "numpy"}  # no fused or reordered arithmetic
_exact: Any = compiled(**_OPTIONS)
_parallel: Any = compiled(**_OPTIONS, parallel=True)


class Op(IntEnum):
    """Operations on values a, b and a number k."""

    INPUT = 0
    NORMAL = 1  #: draw b of stream a
    FULL = 2  #: k
    ADD = 3  #: a + b
    SUBTRACT = 4  #: a - b
    MULTIPLY = 5  #: a b
    DIVIDE = 6  #: a / b
    ADD_NUMBER = 7  #: a + k
    MULTIPLY_NUMBER = 8  #: k a
    DIVIDE_NUMBER = 9  #: a / k
    FROM_NUMBER = 10  #: k - a
    RECIPROCAL = 11  #: 1 / a
    ABS = 12
    SQRT = 13
    AT_LEAST = 14  #: max(a, k)
    AT_MOST = 15  #: min(a, k)
    LOG = 16
    EXP = 17
    POWER = 18  #: a^k
    BELOW = 19  #: 1 where a < k, else 0
    WHERE = 20  #: b where a is not 0, else c
    STUCK = 21  #: the level of a device that is stuck, a of others


class Program(NamedTuple):
    """Steps on registers, as a kernel takes them. Register 0 holds the targets."""

    steps: np.ndarray  #: (steps, 5) int64: operation, register it fills, three operands
    numbers: np.ndarray  #: (steps,) float32
    registers: int
    result: int  #: register that holds the result
    keys: np.ndarray  #: (streams, arrays) uint64


def pair_sums(
    goal: np.ndarray, arrays: int, low: float, pairs: int, program: Program, stuck: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of G+ - G- and of G+ + G- over the devices of a pair, both float32 (arrays, weights).

    goal (groups, weights) float32: G+ - G- as it is to be in array 0, 1, ..., and again from the first group
    on; low: what both sides hold beyond that; pairs: devices on either side; stuck (arrays, 2 pairs, weights)
    float32: level of each stuck device, NaN of others. The program's result is G.
    """
    difference = np.empty((arrays, goal.shape[1]), np.float32)
    total = np.empty_like(difference)
    match_threads()
    steps, numbers, registers, result, keys = program
    stuck = np.empty((0, 2 * pairs, 0), np.float32) if stuck is None else stuck
    _pair_sums(difference, total, goal, np.float32(low), stuck, steps, numbers, registers, result, keys)
    return difference, total


@_parallel
def _pair_sums(difference, total, goal, low, stuck, steps, numbers, registers, result, keys):
    weights = goal.shape[1]
    chunks = (weights + CHUNK - 1) // CHUNK
    for job in prange(len(difference) * chunks):
        row, first = job // chunks, job % chunks * CHUNK
        here = min(CHUNK, weights - first)
        held = np.zeros((registers, CHUNK), np.float32)
        sides = np.zeros((2, CHUNK), np.float32)
        normal = np.empty((CHUNK // px.BLOCK + 1, px.BLOCK), np.float32)
        words = np.empty((1, px.BLOCK), np.uint32)
        for device in range(stuck.shape[1]):
            side = device % 2
            _targets(held[0], goal[row % len(goal), first : first + here], side, low)
            for n in range(len(steps)):
                if steps[n, 0] == Op.NORMAL:
                    cell = device * weights + first
                    key, draw = keys[steps[n, 2], row], steps[n, 3]
                    _normals(held[steps[n, 1], :here], normal, words, key, cell, draw)
                elif steps[n, 0] == Op.STUCK:
                    levels = stuck[row, device, first : first + here]
                    _hold(held[steps[n, 1]], held[steps[n, 2]], levels)
                else:
                    _step(held, steps[n], numbers[n], whole(here, px.BLOCK))
            sides[side] += held[result]
        for i in range(here):
            difference[row, first + i] = sides[0, i] - sides[1, i]
            total[row, first + i] = sides[0, i] + sides[1, i]


@_exact
def _targets(out, goal, side, low):
    """Conductances asked of the devices on one side: the goal where it is of that sign."""
    sign = np.float32(1 - 2 * side)
    for i in range(len(goal)):
        out[i] = max(sign * goal[i], np.float32(0.0)) + low


@_exact
def _normals(out, normal, words, key, cell, draw):
    """Normals of `cell` and those after it."""
    block, skip = cell // px.BLOCK, cell % px.BLOCK
    for n in range((skip + len(out) + px.BLOCK - 1) // px.BLOCK):
        px.normals(normal[n : n + 1], words, key, block + n, 0, 0, draw, 1)
    flat = normal.reshape(-1)[skip:]
    for i in range(len(out)):
        out[i] = flat[i]


@_exact
def _hold(out, a, levels):
    """Levels where there are any, a elsewhere."""
    for i in range(len(levels), len(out)):
        out[i] = a[i]
    for i in range(len(levels)):
        out[i] = a[i] if np.isnan(levels[i]) else levels[i]


@_exact
def _step(held, step, k, count):
    """One operation of :class:`memsim.devices.weights.recorded.Op` on the first `count` devices."""
    op = step[0]
    out, a = held[step[1], :count], held[step[2], :count]
    if op == Op.FULL:
        for i in range(count):
            out[i] = k
    elif op <= Op.DIVIDE or op == Op.WHERE:
        _with_values(op, out, a, held[step[3], :count], held[step[4], :count], k)
    elif op <= Op.FROM_NUMBER or op == Op.AT_LEAST or op == Op.AT_MOST or op == Op.BELOW:
        _with_number(op, out, a, k)
    else:
        _function(op, out, a, k)


@_exact
def _with_values(op, out, a, b, c, k):
    if op == Op.ADD:
        for i in range(len(out)):
            out[i] = a[i] + b[i]
    elif op == Op.SUBTRACT:
        for i in range(len(out)):
            out[i] = a[i] - b[i]
    elif op == Op.MULTIPLY:
        for i in range(len(out)):
            out[i] = a[i] * b[i]
    elif op == Op.DIVIDE:
        for i in range(len(out)):
            out[i] = a[i] / b[i]
    else:
        for i in range(len(out)):
            out[i] = b[i] if a[i] != 0.0 else c[i]


@_exact
def _with_number(op, out, a, k):
    if op == Op.ADD_NUMBER:
        for i in range(len(out)):
            out[i] = a[i] + k
    elif op == Op.MULTIPLY_NUMBER:
        for i in range(len(out)):
            out[i] = a[i] * k
    elif op == Op.DIVIDE_NUMBER:
        for i in range(len(out)):
            out[i] = a[i] / k
    elif op == Op.FROM_NUMBER:
        for i in range(len(out)):
            out[i] = k - a[i]
    elif op == Op.AT_LEAST:
        for i in range(len(out)):
            out[i] = max(a[i], k)
    elif op == Op.BELOW:
        for i in range(len(out)):
            out[i] = np.float32(a[i] < k)
    else:
        for i in range(len(out)):
            out[i] = min(a[i], k)


@_exact
def _function(op, out, a, k):
    if op == Op.RECIPROCAL:
        for i in range(len(out)):
            out[i] = np.float32(1.0) / a[i]
    elif op == Op.ABS:
        for i in range(len(out)):
            out[i] = abs(a[i])
    elif op == Op.SQRT:
        for i in range(len(out)):
            out[i] = np.sqrt(a[i])
    elif op == Op.LOG:
        for i in range(len(out)):
            out[i] = log(a[i])
    elif op == Op.EXP:
        for i in range(len(out)):
            out[i] = exp(a[i])
    else:
        for i in range(len(out)):
            out[i] = power(a[i], k)
