"""The array kernels: whole stacks in one pass over memory, compiled by numba, for CPU tensors of float32."""

from pathlib import Path

import numpy as np
from numba import prange

from memsim import devices
from memsim.arrays.kernels.multiply import multiply
from memsim.arrays.kernels.sum_rows import sum_rows
from memsim.devices.numerics import philox as px
from memsim.devices.numerics.compile import drop_stale_cache, inlined, parallel_kernel, spliced


@inlined
def add_driven_rows(total, matrix, rows, drive, squared, first, end):
    """total[c] = sum of x_r (or x_r^2) matrix[r, c] over the listed rows r and their drives x."""
    total[:] = 0.0
    for i in range(first, end):
        x, row = drive[i] * drive[i] if squared else drive[i], matrix[rows[i]]
        for c in range(len(total)):
            total[c] += x * row[c]


@spliced
def add_noise(current, variance, noise, xi, first, cell, many):
    """current += noise sqrt(variance) xi, `many` columns from `first`, and cells of xi (1, cells) from
    `cell`.
    """
    first, cell = np.uint64(first), np.uint64(cell)
    for i in range(np.uint64(many)):
        current[first + i] += noise * np.sqrt(variance[first + i]) * xi[np.uint64(0), cell + i]


@spliced
def convert(current, step, levels, gain, out):
    """out += gain ADC(current); returns how many clipped.  levels = 0: no rounding."""
    inverse = np.float32(1.0) / step
    over = np.int32(0)
    if levels > 0:
        for c in range(len(current)):
            code = np.rint(current[c] * inverse)
            kept = min(max(code, -levels), levels)
            over += np.int32(code != kept)
            out[c] += kept * step * gain[c]
    else:
        for c in range(len(current)):
            out[c] += current[c] * gain[c]
    return over


@inlined
def are_spikes(x):
    """Whether all are 0 or 1."""
    others = 0
    for i in range(len(x)):
        others += x[i] * x[i] != x[i]
    return others == 0


@inlined
def find_driven(x, start, position, row, many, rows, drive):
    """List the driven rows of every position in order, and (where there is room) their drives: many (P,),
    rows (P, R), drive (P, R) or (P, 0).
    """
    height, numbers = rows.shape[1], drive.shape[1] > 0
    many[:] = 0
    if start.size == 0:
        for p in range(np.uint64(rows.shape[0])):
            count = np.uint32(0)
            for r in range(np.uint64(height)):
                value = x[p * np.uint64(height) + r]
                rows[p, count] = r
                if numbers:
                    drive[p, count] = value
                count += np.uint32(value != 0)
            many[p] = count
        return
    plane = len(start) - 1
    planes = len(x) // plane
    for c in range(planes):
        base = np.uint32(c * (height // planes))
        first = np.uint64(c * plane)
        for f in range(np.uint64(plane)):
            value = x[first + f]
            if value != 0:
                for e in range(np.uint64(start[f]), np.uint64(start[f + np.uint64(1)])):
                    p, r = position[e], row[e] + base
                    count = many[p]
                    rows[p, count] = r
                    if numbers:
                        drive[p, count] = value
                    many[p] = count + np.uint32(1)


@inlined
def dissipated(rows, drive, many, siemens):
    """sum x^2 G over the driven rows of one position, x = 1 where no drives are told."""
    total, other = 0.0, 0.0  # two sums side by side, for speed
    if len(drive):
        for i in range(many):
            total += drive[i] * drive[i] * siemens[rows[i]]
        return total
    for i in range(many // 2):
        total += siemens[rows[2 * i]]
        other += siemens[rows[2 * i + 1]]
    if many % 2:
        total += siemens[rows[many - 1]]
    return total + other


@parallel_kernel
def read_array(
    x, start, position, row, volt, power, noise, keys, images, time, call, height, step, levels, gain,
    rows_siemens, out, maps, counted,
):  # fmt: skip
    """Read every chip's array with every vector: only driven rows add their currents.

    x (T, S, B, F) in read voltages, F the values of one image; value f of the first channel drives row[e] at
    position[e] for e from start[f] to start[f + 1], and so in every channel, each with rows of its own (all
    empty: F = P R, as they lie); volt, power (S, R, C); step (S, K), tiles of `height` rows; gain (S, C);
    rows_siemens (S, R).  Normals are numbered (position, tile, column) in each image, step (from `time`) and
    call.  Fills out (T, S, B, P, C), or (T, S, B, C, P) for `maps`, and counted (T, S, B, 4): clips, driven
    rows, x^2 G [S], whether numbers drive the rows.
    """
    steps, chips, count, _ = x.shape
    columns, tiles = volt.shape[2], step.shape[1]
    positions = out.shape[4] if maps else out.shape[3]
    for job in prange(steps * chips * count):
        b, s, t = job % count, job // count % chips, job // count // chips
        z, words = np.zeros((1, px.BLOCK), np.float32), np.empty((1, px.BLOCK), np.uint32)
        current, spread = np.empty(columns, np.float32), np.empty(columns, np.float32)
        numbers, many = np.empty(columns, np.float32), np.empty(positions, np.uint32)
        one_bit = are_spikes(x[t, s, b])
        rows = np.empty((positions, volt.shape[1]), np.uint32)
        drive = np.empty((positions, 0 if one_bit else volt.shape[1]), np.float32)
        find_driven(x[t, s, b], start, position, row, many, rows, drive)
        block, cell = 0, px.BLOCK
        over, used, energy = 0, 0, 0.0
        # taken here once: every slice counts a reference, which costs as much as adding a row
        amperes, variances, scale, siemens, to = volt[s], power[s], gain[s], rows_siemens[s], out[t, s, b]
        for p in range(positions):
            numbers[:] = 0.0
            reached, listed, driving = np.int64(many[p]), rows[p], drive[p]
            used += reached
            energy += dissipated(listed, driving, reached, siemens)
            end = 0
            for k in range(tiles):
                first = end
                if k + 1 == tiles:
                    end = reached
                while end < reached and listed[end] < (k + 1) * height:
                    end += 1
                if one_bit:
                    sum_rows(current, amperes, listed, first, end)
                else:
                    add_driven_rows(current, amperes, listed, driving, False, first, end)
                if noise > 0:
                    if one_bit:
                        sum_rows(spread, variances, listed, first, end)
                    else:
                        add_driven_rows(spread, variances, listed, driving, True, first, end)
                    done = 0
                    while done < columns:
                        if cell == px.BLOCK:
                            px.normals(z, words, keys[s], block, time + t, images[b], call, 1)
                            cell, block = 0, block + 1
                        run = min(columns - done, px.BLOCK - cell)
                        add_noise(current, spread, noise, z, done, cell, run)
                        done, cell = done + run, cell + run
                over += convert(current, step[s, k], levels, scale, numbers)
            if maps:
                for c in range(columns):
                    to[c, p] = numbers[c]
            else:
                for c in range(columns):
                    to[p, c] = numbers[c]
        counted[t, s, b, 0], counted[t, s, b, 1], counted[t, s, b, 2] = over, used, energy
        counted[t, s, b, 3] = 0.0 if one_bit else 1.0


@inlined
def add_weights(weight, column, w, floor, rest, scale, first):
    """Floor w, set `weight` to scale (w - rest) or add it, sum w in `column`; returns how many it floored."""
    low = np.int32(0)
    for i in range(len(w)):
        states, weights = w[i], weight[i]
        for j in range(len(states)):
            low += np.int32(states[j] < floor)
            column[j] += max(states[j], floor)
        if first:
            for j in range(len(states)):
                weights[j] = (max(states[j], floor) - rest) * scale
        else:
            for j in range(len(states)):
                weights[j] += (max(states[j], floor) - rest) * scale
    return low


@inlined
def tell(numbers, many, step, levels, gain, shift):
    """Turn the currents of all word lines into gain ADC(current) + shift many; returns how many clipped."""
    inverse = np.float32(1.0) / step
    over = np.int32(0)
    if levels > 0:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                code = np.rint(line[d] * inverse)
                kept = min(max(code, -levels), levels)
                over += np.int32(code != kept)
                line[d] = g * (kept * step) + s * many[d]
    else:
        for i in range(len(numbers)):
            line, g, s = numbers[i], gain[i], shift[i]
            for d in range(len(line)):
                line[d] = g * line[d] + s * many[d]
    return over


@parallel_kernel
def read_attention(plus, minus, weight, law, images, values, step, levels, gain, shift, column, out):
    """Weights from the states w of devices or, where there is a `minus`, of pairs; numbers from weights and
    value spikes; returns how many states were floored and how many conversions clipped.

    plus, minus, weight (arrays, N, N), arrays numbered by chip, head, image and step; law: floor, rest,
    scale; values, out (T, chips images, heads, N, D); step (chips,); gain, shift (chips, heads, N); column
    (arrays, N) takes the sums of w over word lines and sides. Where weight or values are empty, they are not
    wanted; weight may be plus.
    """
    arrays, tokens, _ = plus.shape
    steps, stack, heads, _, features = values.shape
    floors, clips = 0, 0
    for a in prange(arrays):
        own, total = np.empty((tokens, tokens), np.float32), np.zeros(tokens, np.float32)
        low = add_weights(own, total, plus[a], law[0], law[1], law[2], True)
        if len(minus):
            low += add_weights(own, total, minus[a], law[0], law[1], -law[2], False)
        floors += low
        column[a] = total
        if len(weight):
            weight[a] = own
        if stack:
            t, image = a % steps, a // steps % images
            head, chip = a // (steps * images) % heads, a // (steps * images * heads)
            at = chip * images + image
            spikes, numbers = values[t, at, head], out[t, at, head]
            many = np.zeros(features, np.float32)
            for j in range(tokens):
                for d in range(features):
                    many[d] += spikes[j, d]
            multiply(numbers, own, spikes)
            clips += tell(numbers, many, step[chip], levels, gain[chip, head], shift[chip, head])
    return floors, clips


drop_stale_cache(Path(__file__).parent, Path(devices.__file__).parent)
