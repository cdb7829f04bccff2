"""Counter-based random bits and normals as numba pieces, written so that LLVM turns every loop into SIMD.

Cells are numbered in blocks of 256. Cell c of a row takes word w = (c % 256) // 64 of the Philox counter
(64 (c // 256) + c % 64, step, image, draw): four 64-cell stripes a block, so no lane ever has to be shuffled.
Every block is computed whole, hence by the same instructions, whatever part of it is wanted.

Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11 (Philox4x32-10 and
-7).
"""

import numpy as np

from memsim.devices.numerics.compile import inlined, leaf
from memsim.devices.numerics.simd import log, whole

BLOCK = 256  #: cells that one call of :func:`normals` serves
LANES = BLOCK // 4

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_SIGN = np.uint32(0x80000000)


@inlined
def _round(c0, c1, c2, c3, k0, k1):
    p0, p1 = _M0 * (c0 & _LOW), _M1 * (c2 & _LOW)
    c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
    return c0, c1, c2, c3, (k0 + _W0) & _LOW, (k1 + _W1) & _LOW


@inlined
def seven_rounds(c0, c1, c2, c3, k0, k1):
    """Seven Philox rounds, the fewest that pass every test of BigCrush; returns four words and the next key.

    Written out: a loop here would keep LLVM from vectorising the loop around the call.
    """
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    return _round(c0, c1, c2, c3, k0, k1)


@inlined
def philox(c0, c1, c2, c3, k0, k1):
    """Ten Philox rounds on 32-bit words held in uint64; returns four words (their upper halves are zero)."""
    c0, c1, c2, c3, k0, k1 = seven_rounds(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = _round(c0, c1, c2, c3, k0, k1)
    return c0, c1, c2, c3


@leaf
def bits(words, key, block, step, image, draw, count):
    """Fill `words` (uint32, count x 256) with one block's bits, draws draw .. draw + count - 1."""
    k0, k1 = np.uint64(key) & _LOW, np.uint64(key) >> _32
    base = np.uint64(block) * np.uint64(LANES)
    s, i, d = np.uint64(step) & _LOW, np.uint64(image) & _LOW, np.uint64(draw) & _LOW
    for n in range(count):
        for lane in range(LANES):
            x0, x1, x2, x3 = philox(base + np.uint64(lane), s, i, d + np.uint64(n), k0, k1)
            words[n, lane] = np.uint32(x0)
            words[n, lane + LANES] = np.uint32(x1)
            words[n, lane + 2 * LANES] = np.uint32(x2)
            words[n, lane + 3 * LANES] = np.uint32(x3)


@leaf
def normals(out, words, key, block, step, image, draw, count):
    """Fill `out` (float32, count x 256) with standard normals: Box-Muller, polynomials only, error below
    1e-6.

    Words (w0, w2) of a counter give the cells of words 0 and 2, (w1, w3) those of 1 and 3:
    r = sqrt(-2 ln u), u = (w >> 1 + 1/2) / 2^31; z = r sin(pi t) and +-r cos(pi t), t in [-1/2, 1/2) and the
    sign from the other word. The largest value is 6.66.
    """
    bits(words, key, block, step, image, draw, count)
    half = 2 * LANES
    for n in range(count):
        for lane in range(half):
            a, b = words[n, lane], words[n, lane + half]
            u = (np.float32(np.int32(a >> np.uint32(1))) + np.float32(0.5)) * np.float32(2.0**-31)
            r = np.sqrt(max(np.float32(-2.0) * log(u), np.float32(0.0)))
            t = np.float32(np.int32(b)) * np.float32(2.0**-32)
            t2 = t * t
            s = np.float32(0.077659406)
            s = s * t2 - np.float32(0.5982922)
            s = s * t2 + np.float32(2.5500777)
            s = s * t2 - np.float32(5.1677103)
            s = (s * t2 + np.float32(3.1415927)) * t
            c = np.float32(0.2196968)
            c = c * t2 - np.float32(1.3318802)
            c = c * t2 + np.float32(4.058412)
            c = c * t2 - np.float32(4.934793)
            c = c * t2 + np.float32(0.99999994)
            flip = np.uint32((b << np.uint32(31)) & _SIGN)
            c = np.uint32(np.float32(c).view(np.uint32) ^ flip).view(np.float32)
            out[n, lane] = r * s
            out[n, lane + half] = r * c


@leaf
def nearly_normals(out, key, block, step, image, draw, count):
    """Fill `out` (float32, count x 256) with nearly normal numbers, a word each: the noise of a write.

    An odd polynomial of the sum x of three ten-bit numbers, -1 < x < 1. Mean, variance and kurtosis are a
    normal's, its distribution function is met to 0.001, and the largest value is 4.35. Seven rounds, a
    third cheaper than :func:`normals`.
    """
    k0, k1 = np.uint64(key) & _LOW, np.uint64(key) >> _32
    base = np.uint64(block) * np.uint64(LANES)
    s, i, d = np.uint64(step) & _LOW, np.uint64(image) & _LOW, np.uint64(draw) & _LOW
    for n in range(count):
        row = out[n]
        for lane in range(LANES):
            x0, x1, x2, x3, _, _ = seven_rounds(base + np.uint64(lane), s, i, d + np.uint64(n), k0, k1)
            row[lane] = np.uint32(x0).view(np.float32)
            row[lane + LANES] = np.uint32(x1).view(np.float32)
            row[lane + 2 * LANES] = np.uint32(x2).view(np.float32)
            row[lane + 3 * LANES] = np.uint32(x3).view(np.float32)
        _make_normal(row)


@leaf
def nearly_normals_of(out, cells, many, key, block, step, image, draw):
    """Fill `out` (4, BLOCK) with four numbers for each of the first `many` listed cells of a block, made as
    those of :func:`nearly_normals`, and for some more, to make up whole vectors.

    They are the four words of the counter (256 block + cell, step, image, draw).
    """
    many = whole(many, 32)
    k0, k1 = np.uint64(key) & _LOW, np.uint64(key) >> _32
    base = np.uint64(block) * np.uint64(BLOCK)
    s, i, d = np.uint64(step) & _LOW, np.uint64(image) & _LOW, np.uint64(draw) & _LOW
    cells, row0, row1, row2, row3 = cells[:many], out[0, :many], out[1, :many], out[2, :many], out[3, :many]
    for n in range(len(cells)):
        x0, x1, x2, x3, _, _ = seven_rounds(base + np.uint64(cells[n]), s, i, d, k0, k1)
        row0[n], row1[n] = np.uint32(x0).view(np.float32), np.uint32(x1).view(np.float32)
        row2[n], row3[n] = np.uint32(x2).view(np.float32), np.uint32(x3).view(np.float32)
    for word in range(4):
        _make_normal(out[word, :many])


@inlined
def _make_normal(row):
    """Words into numbers, in place; a loop of its own: eight words at a time, not four."""
    for n in range(len(row)):
        row[n] = _bell(np.float32(row[n]).view(np.uint32))


@inlined
def _bell(word):
    ten = np.uint32(0x3FF)
    total = (word & ten) + ((word >> np.uint32(10)) & ten) + ((word >> np.uint32(20)) & ten)
    x = (np.float32(np.int32(total)) - np.float32(1534.5)) * np.float32(1 / 1534.5)
    x2 = x * x
    y = np.float32(2.4696795) * x2 - np.float32(1.718612)
    y = y * x2 + np.float32(0.7722572)
    return (y * x2 + np.float32(2.825247)) * x


@inlined
def normal_exact(words, cell):
    """The normal of one cell of a block in float64: exact functions of the bits of :func:`normals`."""
    half = 2 * LANES
    a, b = words[0, cell % half], words[0, cell % half + half]
    r = np.sqrt(-2.0 * np.log((np.float64(a >> np.uint32(1)) + 0.5) * 2.0**-31))
    t = np.pi * np.float64(np.int32(b)) * 2.0**-32
    if cell < half:
        return r * np.sin(t)
    return r * np.cos(t) if b & np.uint32(1) == 0 else -r * np.cos(t)
