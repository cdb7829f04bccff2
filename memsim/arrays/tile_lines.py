"""What the resistance of a tile's lines leaves of its devices, as a chip card sets it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memsim.arrays.weight_devices import Sensed, means
from memsim.card.fields import CardFields
from memsim.coding.lines import Lines as CodedLines
from memsim.wires.lines import Lines
from memsim.wires.segment import Segment, settling_time
from memsim.wires.tiles import devices_through_lines, pairs_through_lines


def settling(segment: Segment, rows: int, bit_lines: int, bits: int) -> float:
    """Return the time [s] after which both lines of an array are within half a step of a converter."""
    share = 2.0 ** -(bits + 1)
    return settling_time(segment, bit_lines, share=share) + settling_time(segment, rows, share=share)


def lines_of(card: CardFields) -> Lines | None:
    """Return the lines of weight tiles; None where they lose nothing."""
    how, segment = card.weights.wires, card.segment().resistance
    if how == "none" or not card.on("wires") or not segment:
        return None
    return Lines(segment, segment, "off" if how == "idle-off" else how)


def coded_behind(
    wires: Lines, parts: list[tuple[Tensor, Tensor]], paired: Sequence[bool], coding: CodedLines,
    row_tiles: int, activity: float,
) -> list[tuple[Tensor, Tensor]]:  # fmt: skip
    """Return what a read sees of each plane, and of the reference columns, (difference, total) (S, R, C) [S].

    The devices of a weight stand side by side, plane after plane; a tile's reference column stands last.
    """
    sides = [
        [((whole + sign * difference) / 2).clamp(min=0) for sign in (1, -1)] if pair else [whole]
        for (difference, whole), pair in zip(parts, paired, strict=True)
    ]
    devices = torch.cat([one for part in sides for one in part], -1)
    widths = [one.shape[-1] for part in sides for one in part]
    of_columns = len(widths) if coding.reference is None else len(widths) - len(sides[-1])
    order = device_order(coding, widths, of_columns).to(devices.device)
    empty = torch.nn.functional.pad(devices, (0, 1))  # the last place of all is none
    seen = devices_through_lines(
        empty[..., order.flatten()], wires, (row_tiles, len(order)), activity, together=order.shape[1]
    )
    empty[..., order.flatten()] = seen
    found, rest = [], list(empty[..., :-1].split(widths, -1))
    for part in sides:
        m = [rest.pop(0) for _ in part]
        found.append((m[0] - m[1], m[0] + m[1]) if len(m) == 2 else (m[0], m[0]))
    return found


def device_order(coding: CodedLines, widths: Sequence[int], of_columns: int) -> Tensor:
    """Return places of devices along the word line of each column tile, (tiles, most of a tile).

    Groups of `widths` devices lie one after the other: `of_columns` of them a device for each column, the
    others one for each tile's reference; the sum of the widths stands for no device.
    """
    starts = torch.tensor([sum(widths[:n]) for n in range(len(widths))])
    lines = []
    for tile in range(coding.column_tiles):
        columns = (coding.tile_of_column == tile).nonzero()[:, 0]
        weights = (columns[:, None] + starts[:of_columns]).flatten()
        lines.append(torch.cat([weights, starts[of_columns:] + tile]))
    return torch.nn.utils.rnn.pad_sequence(lines, batch_first=True, padding_value=sum(widths))


def behind(lines: Lines, sensed: Sensed, tiles: tuple[int, int], activity: float, noisy: bool) -> Sensed:
    """Return what a read sees of `sensed`, its total among it, behind the lines of row and column tiles.

    The sums of rows that energy goes by stay those of ideal lines; the total is kept for `noisy` reads alone.
    """
    total, difference = sensed.total_SRC, sensed.difference_SRC
    assert total is not None
    plus, minus = ((total + sign * difference).clamp(min=0) / 2 for sign in (1, -1))
    plus, minus = pairs_through_lines(plus, minus, lines, tiles, activity)
    seen = plus - minus
    return sensed._replace(
        difference_SRC=seen, total_SRC=plus + minus if noisy else None,
        **means(seen, len(sensed.mean_column)),
    )  # fmt: skip
