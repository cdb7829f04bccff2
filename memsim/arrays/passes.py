"""What a DAC makes of numbers on rows: one read, or passes of one-bit drives that are added digitally.

    y = sum_n w_n gain sum_k ADC(I_k of pass n)      numbers of up to `levels` steps: x = sum_n w_n drive_n

Each pass is read and converted separately, with noise of its own; a pass that a chip's numbers do not need
does not happen there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor

from memsim.arrays.ranges import Drives, Ranges, whole_numbers
from memsim.arrays.reading.grouping import by_array
from memsim.arrays.reading.line_read import LineRead
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import Reading, ReadOut
from memsim.card.chip_card import ChipCard
from memsim.converters.dac import Dac
from memsim.run import Address


def check_signs(name: str, drive: Tensor, card: ChipCard) -> None:
    """Raise ValueError for numbers of both signs where the DAC has one bit."""
    if card.weights.dac_bits == 1 and card.on("dac") and bool((drive < 0).any()):
        raise ValueError(
            f"{name}: weights.dac_bits = 1 has no level for numbers of both signs, which drive its rows; take"
            " 2 or more"
        )


def not_spikes(name: str, at: Address) -> RuntimeError:
    """Return the refusal of numbers on rows that had spikes alone."""
    return RuntimeError(
        f"{name}: numbers drive its rows where calibration saw spikes alone (call {at.call + 1}); add images"
        " like these to calibration="
    )


def read_numbers(
    name: str, read_of: ReadOut | LineRead, x: Tensor, drives: Drives, card: ChipCard, groups: int,
    unrolling: Unrolling | None, at: Address,
) -> tuple[Reading, int]:  # fmt: skip
    """Read the chips of one sort with numbers x (T, S, B, F); and how many values their DACs clipped.

    Raises RuntimeError where whole numbers were calibrated and others come.
    """
    section, dac = card.weights, card.design.dac
    if not card.on("dac"):
        x = x / drives.peak_S.view(1, -1, 1, 1)
        return read_of(by_array(x, groups), unrolling, at), 0
    if dac.counts:
        _check_whole(name, x, drives, at)
    levels = drives.levels(dac)
    x, clipped = drives.convert(x, levels)
    levels = levels if groups == 1 else [most for most in levels for _ in range(groups)]
    if dac.serial:
        codes = whole_codes(by_array(x, groups), levels)
        return read_passes(read_of, codes, levels, dac, unrolling, at), clipped
    x = by_array(x, groups)
    reading = read_of(x, unrolling, at)
    if dac.timed:
        length = torch.tensor(levels, dtype=torch.float64).view(-1, 1) * (dac.unit_pulse / section.read_time)
        siemens = siemens_by_length(x, unrolling, read_of.whole.row_siemens_SR).to("cpu") * length
        reading = reading._replace(siemens=siemens.to(reading.siemens))
    return reading, clipped


def _check_whole(name: str, x: Tensor, drives: Drives, at: Address) -> None:
    """Raise RuntimeError for numbers that are not whole on chips where calibration saw whole ones alone."""
    if bool((drives.whole_S & ~whole_numbers(x)).any()):
        raise RuntimeError(
            f"{name}: numbers that are not whole drive its rows where calibration saw whole ones alone (call "
            f"{at.call + 1}); add images like these to calibration="
        )


def read_passes(
    read_of: ReadOut | LineRead, codes: Tensor, levels: Sequence[int], dac: Dac,
    unrolling: Unrolling | None, at: Address,
) -> Reading:  # fmt: skip
    """Read with whole numbers codes (T, S, B, F), S arrays of up to levels (S,) each, pass by pass.

    Gradients reach codes and weights as those of one exact read.
    """
    passes = torch.tensor([dac.by.passes(most) for most in levels], device=codes.device)
    whole = read_of.whole
    quiet = read_of.changed(volt_SRC=whole.volt_SRC.detach())
    found: list[Reading] = []
    for n, (weight, drive) in enumerate(dac.by.planes(codes.detach(), int(passes.max()))):
        one = quiet.changed(rng=whole.rng.child("pass", n))(drive, unrolling, at)
        factor = ((passes > n) * weight).to(one.numbers).view(1, -1, *[1] * (one.numbers.dim() - 2))
        found.append(one._replace(numbers=one.numbers * factor))
    numbers = sum_of([one.numbers for one in found])
    if torch.is_grad_enabled() and (codes.requires_grad or whole.volt_SRC.requires_grad):
        exact = read_of.changed(bits=0, curve_SKPC=None, power_SRC=None)(codes, unrolling, at).numbers
        numbers = numbers + exact - exact.detach()
    return Reading(
        numbers, sum(one.clips for one in found), sum_of([one.driven for one in found]),
        sum_of([one.siemens for one in found]), 0,
    )  # fmt: skip


def sum_of(parts: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors of one shape, one after the other: the bits do not depend on the shape."""
    return reduce(torch.add, parts)


def whole_codes(x: Tensor, levels: Sequence[int]) -> Tensor:
    """Return numbers (T, S, B, F) in units of the largest as whole steps; gradients pass."""
    steps = x * torch.tensor(levels, dtype=x.dtype, device=x.device).view(1, -1, 1, 1)
    return steps + (steps.round() - steps).detach()


def largest_pass(
    ranges: Ranges, drive: Tensor, dac: Dac, groups: int, largest: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the largest current of each array and tile (S, K) [A] in any pass of drives (T, S, B, F).

    largest: that of drives (T, S G, B, F) as they are.
    Steps of numbers that are not whole are those of the largest number seen until now.
    """
    if not dac.serial:
        return largest(by_array(drive, groups))
    peak, signed = drive.abs().amax((0, 2, 3)), (drive < 0).any(-1).any(2).any(0)
    for one in ranges.calls:
        peak, signed = torch.maximum(peak, one.peak_S), signed | one.signed_S
    now = Drives(False, None, signed, peak.clamp(min=1e-12), whole_numbers(drive), peak.new_empty(0))
    levels = now.levels(dac)
    codes = whole_codes(now.convert(drive, now.levels(dac))[0], levels)
    most = max(dac.by.passes(one) for one in levels)
    found = [largest(by_array(plane, groups)) for _, plane in dac.by.planes(codes, most)]
    return torch.stack(found).amax(0)


def siemens_by_length(x: Tensor, unrolling: Unrolling | None, row_siemens_SR: Tensor) -> Tensor:
    """Return the sum of |x| G over the rows that x (T, S, B, F) drives, at all positions, by array and step
    (S, T) [S]: what pulses of length x dissipate.
    """
    size, rows = x.detach().abs().double(), row_siemens_SR.shape[1]
    if unrolling is None:
        return (size.unflatten(-1, (-1, rows)).sum((2, 3)) * row_siemens_SR).sum(-1).T
    return (size.sum(2) * unrolling.siemens_of_values(row_siemens_SR).to(size.device)).sum(-1).T
