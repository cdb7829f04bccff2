"""The read of arrays whose rows carry spikes: only driven rows add their currents.

A job is one array, one step and one image.  The driven rows of every position are listed.  As many
positions are read at a time as have currents that stay in the cache with those of a tile.
"""

from pathlib import Path

import numpy as np
from numba import prange

from memsim import devices
from memsim.arrays.kernels.converting import add_noise, convert, store
from memsim.arrays.kernels.driven import are_spikes, dissipated, list_pixels, list_vectors
from memsim.arrays.kernels.sum_rows import sum_rows
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import bare, drop_stale_cache, parallel_kernel

CELLS = 2048  #: currents that are summed, noised and converted at a time


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
def sum_cells(total, matrix, rows, drive, spikes, noise, bounds):
    """Currents (with noise: variances, those of spikes over f(1)) of all positions and tiles in a block,
    (position, tile, column).

    bounds (tiles, positions, 2): where the part of each list begins and ends that is in a tile.
    """
    tiles, columns = len(bounds), matrix.shape[1]
    for k in range(tiles):
        for i in range(bounds.shape[1]):
            at, first, end = (i * tiles + k) * columns, bounds[k, i, 0], bounds[k, i, 1]
            if spikes:
                sum_rows(total, at, matrix, rows, first, end)
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
def find_bounds(bounds, rows, many, start, every, height):
    """Where each list of the positions from `start` enters and leaves each tile."""
    tiles = len(bounds)
    for i in range(bounds.shape[1]):
        end = (start + i) * every
        last = end + np.int64(many[start + i])
        for k in range(tiles):
            bounds[k, i, 0] = end
            end = last if k + 1 == tiles else end
            while end < last and rows[end] < (k + 1) * height:
                end += 1
            bounds[k, i, 1] = end


@bare
def read_image(
    out, maps, rows, drive, many, volt, power, noise, floor, key, image, step_number, call, height, step,
    levels, curve, gain, spikes, bounds, z, words, current, spread, numbers,
):  # fmt: skip
    """Read one array with one image at one step, rows and drives listed; returns how many clipped."""
    columns, tiles, lines = volt.shape[1], len(step), bounds.shape[1]
    over, block, cell = 0, 0, px.BLOCK
    one = noise[1] + noise[2] + noise[3] if spikes else np.float32(1.0)  # f(1)
    factor = noise[0] * np.sqrt(one)
    for first in range(0, len(many), lines):
        here = bounds[:, : min(lines, len(many) - first)]
        find_bounds(here, rows, many, first, len(volt), height)
        sum_cells(current, volt, rows, drive, spikes, noise[:0], here)
        if factor > 0:
            sum_cells(spread, power, rows, drive, spikes, noise, here)
            if floor.shape[1] > 0:
                add_floor(spread, floor, one, here.shape[1])
        done, cells = 0, here.shape[1] * tiles * columns
        while factor > 0 and done < cells:
            if cell == px.BLOCK:
                px.normals(z, words, key, block, step_number, image, call, 1)
                cell, block = 0, block + 1
            run = min(cells - done, px.BLOCK - cell)
            add_noise(current, spread, factor, z, done, cell, run)
            done, cell = done + run, cell + run
        numbers[:] = 0.0
        for i in range(here.shape[1]):
            for k in range(tiles):
                at = (i * tiles + k) * columns
                over += convert(current, at, step[k], levels, curve[k], gain, numbers, i)
        store(out, maps, numbers, 0, here.shape[1], first)
    return over


@parallel_kernel
def read_sparse(
    x, start, position, row, volt, power, noise, floor, keys, images, time, call, height, step, levels,
    curve, gain, rows_siemens, out, maps, counted,
):  # fmt: skip
    """Read every chip's array with every vector of spikes (or, more slowly, of numbers).

    x (T, S, B, F) in read voltages, F the values of one image; value f of the first channel drives row[e] at
    position[e] for e from start[f] to start[f + 1], and so in every channel, each with rows of its own (all
    empty: F = P R, in the order of the input); volt, power (S, R, C); noise (4,): factor of the root, f's
    square, linear and driven; floor (S, K, C), C = 0: none; step (S, K), tiles of `height` rows;
    curve (S, K, P, C), P = 0 for ideal ADCs; gain (S, C); rows_siemens (S, R).  Normals are numbered
    (position, tile, column) in each image, step (from `time`) and call.  Fills out (T, S, B, P, C), or
    (T, S, B, C, P) for `maps`, and counted (T, S, B, 4): clips, driven rows, x^2 G [S], whether numbers drive
    the rows.
    """
    steps, chips, count, _ = x.shape
    every, columns, tiles = volt.shape[1], volt.shape[2], step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    lines = min(positions, max(1, CELLS // (tiles * columns)))  # positions at a time
    for job in prange(steps * chips * count):
        b, s, t = job % count, job // count % chips, job // count // chips
        spikes, many = are_spikes(x[t, s, b]), np.zeros(positions, np.uint32)
        rows = np.empty(positions * every, np.uint32)
        drive = np.empty(0 if spikes else len(rows), np.float32)
        if start.size == 0:
            list_vectors(x[t, s, b], not spikes, every, many, rows, drive)
        else:
            list_pixels(x[t, s, b], start, position, row, not spikes, every, many, rows, drive)
        used, energy = dissipated(rows, drive, not spikes, every, many, rows_siemens[s])
        z, words = np.zeros((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        current = np.empty(lines * tiles * columns, np.float32)
        spread = np.empty(lines * tiles * columns, np.float32)
        numbers, bounds = np.empty((lines, columns), np.float32), np.empty((tiles, lines, 2), np.int64)
        over = read_image(
            out[t, s, b], maps, rows, drive, many, volt[s], power[s], noise, floor[s], keys[s], images[b],
            time + t, call, height, step[s], levels, curve[s], gain[s], spikes, bounds, z, words, current,
            spread, numbers,
        )  # fmt: skip
        counted[t, s, b, 0], counted[t, s, b, 1], counted[t, s, b, 2] = over, used, energy
        counted[t, s, b, 3] = 0.0 if spikes else 1.0


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
