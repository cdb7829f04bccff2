"""The read of arrays whose rows carry spikes: only driven rows add their currents.

A job is one array, one step and one image.  The driven rows of every position are listed.  As many
positions are read at a time as have currents that stay in the cache with those of a tile.
"""

import numpy as np
from numba import prange

from memsim.arrays.kernels.converting import add_noise, convert, store
from memsim.arrays.kernels.driven import are_spikes, list_pixels, list_vectors
from memsim.arrays.kernels.sum_rows import BLOCK, sum_rows
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare, parallel_kernel

CELLS = 2048  #: currents that are summed, noised and converted at a time
_PARTS = 64  #: that the jobs are cut into; each has room of its own to work in


@bare
def add_driven(total, at, matrix, rows, drive, noise, first, end):
    """total[at + c] = sum of x_r (or f(x_r), where there is noise) matrix[r, c] over the listed rows r and
    their drives x, which are not 0.
    """
    for c in range(matrix.shape[1]):
        total[at + c] = 0.0
    for i in range(first, end):
        x, r = drive[i], rows[i]
        if len(noise) > 0:
            x = noise[1] * (x * x) + noise[2] * abs(x) + noise[3]
        for c in range(matrix.shape[1]):
            total[at + c] += x * matrix[r, c]


@bare
def sum_cells(total, matrix, rows, ends, drive, spikes, noise, tiles, height, start, lines):
    """Sums over the listed rows of a matrix for the `lines` positions from `start`, (position, tile, column).

    A tile's columns are walked in blocks, so that a block stays in the cache for all positions.
    """
    columns = matrix.shape[1]
    for k in range(tiles):
        for c in range(0, columns, BLOCK if spikes else columns):
            for i in range(lines):
                at, n = (i * tiles + k) * columns, (start + i) * tiles + k
                first, end = n * height, np.int64(ends[n])
                if spikes:
                    sum_rows(total, at, matrix, rows, first, end, c)
                else:
                    add_driven(total, at, matrix, rows, drive, noise, first, end)


@bare
def add_floor(total, floor, unit, lines):
    """total (lines, tile, column) += floor (tile, column) / unit."""
    flat = floor.reshape(-1)
    for i in range(lines):
        at = i * len(flat)
        for n in range(len(flat)):
            total[at + n] += flat[n] / unit


@bare
def read_image(
    out, maps, rows, drive, ends, volt, power, noise, floor, key, image, step_number, call, height, step,
    levels, curve, gain, spikes, z, words, current, spread, numbers,
):  # fmt: skip
    """Read one array with one image at one step, rows and drives listed; returns how many clipped."""
    columns, tiles, lines = volt.shape[1], len(step), len(numbers)
    positions = len(ends) // tiles
    over, block, cell = 0, 0, px.BLOCK
    one = noise[1] + noise[2] + noise[3] if spikes else np.float32(1.0)  # f(1)
    factor = noise[0] * np.sqrt(one)
    for first in range(0, positions, lines):
        here = min(lines, positions - first)
        done, cells = 0, here * tiles * columns
        sum_cells(current, volt, rows, ends, drive, spikes, noise[:0], tiles, height, first, here)
        if factor > 0:
            sum_cells(spread, power, rows, ends, drive, spikes, noise, tiles, height, first, here)
        if factor > 0 and floor.shape[1] > 0:
            add_floor(spread, floor, one, here)
        while factor > 0 and done < cells:
            if cell == px.BLOCK:
                px.normals(z, words, key, block, step_number, image, call, 1)
                cell, block = 0, block + 1
            run = min(cells - done, px.BLOCK - cell)
            add_noise(current, spread, factor, z, done, cell, run)
            done, cell = done + run, cell + run
        numbers[:] = 0.0
        for i in range(here):
            for k in range(tiles):
                at = (i * tiles + k) * columns
                over += convert(current, at, step[k], levels, curve[k], gain, numbers, i)
        store(out, maps, numbers, 0, here, first)
    return over


@bare
def read_job(
    x, t, s, b, start, place, row, tile_of, volt, power, noise, floor, keys, images, time, call, height, step,
    levels, curve, gain, siemens, out, maps, counted, ends, rows, drive, z, words, current, spread, numbers,
):  # fmt: skip
    """Read array s with image b at step t; arguments as those of `read_sparse`, and room."""
    spikes = are_spikes(x[t, s, b])
    if start.size == 0:
        energy = list_vectors(x[t, s, b], not spikes, volt.shape[1], height, ends, rows, drive, siemens[s])
    else:
        for n in range(len(ends)):
            ends[n] = n * height
        energy = list_pixels(
            x[t, s, b], start, place, row, not spikes, tile_of, ends, rows, drive, siemens[s]
        )
    over = read_image(
        out[t, s, b], maps, rows, drive, ends, volt[s], power[s], noise, floor[s], keys[s], images[b],
        time + t, call, height, step[s], levels, curve[s], gain[s], spikes, z, words, current, spread,
        numbers,
    )  # fmt: skip
    used = 0
    for n in range(len(ends)):
        used += np.int64(ends[n]) - n * height
    counted[t, s, b, 0], counted[t, s, b, 1], counted[t, s, b, 2] = over, used, energy
    counted[t, s, b, 3] = 0.0 if spikes else 1.0


@bare
def read_jobs(
    first, end, x, start, place, row, tile_of, volt, power, noise, floor, keys, images, time, call, height,
    step, levels, curve, gain, siemens, out, maps, counted, ends, rows, drive, z, words, current, spread,
    numbers,
):  # fmt: skip
    """Do the jobs from `first` to `end`, image by image.

    A function of its own: it takes its parts of the arrays without counting references to them.
    """
    chips, count = x.shape[1:3]
    for job in range(first, end):
        read_job(
            x, job // count // chips, job // count % chips, job % count, start, place, row, tile_of, volt,
            power, noise, floor, keys, images, time, call, height, step, levels, curve, gain, siemens, out,
            maps, counted, ends, rows, drive, z, words, current, spread, numbers,
        )  # fmt: skip


@parallel_kernel
def read_sparse(
    x, start, position, row, volt, power, noise, floor, keys, images, time, call, height, step, levels,
    curve, gain, siemens, out, maps, counted,
):  # fmt: skip
    """Read every chip's array with every vector of spikes (or, more slowly, of numbers).

    x (T, S, B, F) in read voltages, F the values of one image; value f of the first channel drives row[e] at
    position[e] for e from start[f] to start[f + 1], and so in every channel, each with rows of its own (all
    empty: F = P R, in the order of the input); volt, power (S, R, C); noise (4,): factor of the root, f's
    square, linear and driven; floor (S, K, C), C = 0: none; step (S, K), tiles of `height` rows;
    curve (S, K, P, C), P = 0 for ideal ADCs; gain (S, C); siemens: of each row (S, R), of a convolution of
    all rows that a value drives (S, F).  Normals are numbered (position, tile, column) in each image, step
    (from `time`) and call.  Fills out (T, S, B, P, C), or (T, S, B, C, P) for `maps`, and counted
    (T, S, B, 4): clips, driven rows, x^2 G [S], whether numbers drive the rows.
    """
    steps, chips, count, _ = x.shape
    every, columns, tiles = volt.shape[1], volt.shape[2], step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    lines = min(positions, max(1, CELLS // (tiles * columns)))  # positions at a time
    jobs = steps * chips * count
    parts = min(jobs, _PARTS)
    for part in prange(parts):
        tile_of, ends = np.empty(every, np.uint32), np.empty(positions * tiles, np.uint32)
        for r in range(every):
            tile_of[r] = r // height
        place = position * np.uint32(tiles)
        rows, drive = np.empty(len(ends) * height, np.uint32), np.empty(len(ends) * height, np.float32)
        z, words = np.zeros((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        current = np.empty(lines * tiles * columns, np.float32)
        spread, numbers = np.empty(len(current), np.float32), np.empty((lines, columns), np.float32)
        read_jobs(
            part * jobs // parts, (part + 1) * jobs // parts, x, start, place, row, tile_of, volt, power,
            noise, floor, keys, images, time, call, height, step, levels, curve, gain, siemens, out, maps,
            counted, ends, rows, drive, z, words, current, spread, numbers,
        )  # fmt: skip
