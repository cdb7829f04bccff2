"""The reference engine: aihwkit's own layers and tiles, array by array; slow, and the fast engine's judge.

Projections are aihwkit AnalogLinear layers (convolutions unrolled) with its noise model, its drift, its
global compensation and its converters; attention is written by pulsed updates on its tiles, one array, image
and step at a time. What differs by aihwkit's design: after programming it keeps one weight matrix, so a
pair's two devices share one drift and one noise.  Its noise models draw from torch's global generator, seeded
here for each chip and layer; its compiled tiles seed themselves from the clock, so this engine alone does not
repeat a run bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig
from torch import Tensor

from memsim import devices
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import unfold
from memsim.card.chip_card import ChipCard
from memsim.card.sections import AttentionSection, Compensation
from memsim.card.to_rpu_config import COMPENSATIONS, inference_config
from memsim.devices.pulses import bridge
from memsim.devices.pulses.corrupt import Corrupt
from memsim.devices.weights.model_of_cell import noise_model
from memsim.engines.common_effects import lacks
from memsim.run import Address, Run
from memsim.written_attention import WrittenAttention


class TileWeights:
    """The weight arrays of one layer on every chip, each an aihwkit AnalogLinear, as WeightArray has them.

    blocks (R, C) or (G, R, C), a layer for each group; ``calibrate`` and ``read`` as WeightArray's.  One pair
    for each weight, of cells aihwkit has a noise model of (reram-wan2022 at its fitted times alone);
    ValueError for others.
    """

    upkeep: ClassVar[dict[str, float]] = {}  #: aihwkit's layers report no events
    defects: ClassVar[None] = None  #: none of its devices is faulty

    def __init__(self, name: str, blocks: Tensor, run: Run) -> None:
        devices_per_weight = run.card.weights.devices_per_weight
        if devices_per_weight > 1:
            raise ValueError(
                f"engine aihwkit: weights.devices_per_weight = {devices_per_weight}; its layers hold one "
                "pair for each weight: take 1, or engine memsim"
            )
        if not run.card.weights.coding.plain:
            raise ValueError(
                f"engine aihwkit: weights.coding = {run.card.weights.coding}; its layers hold pairs: take"
                ' "pair", or engine memsim'
            )
        if run.card.weights.bias_rows:
            raise ValueError(
                f"engine aihwkit: weights.bias_rows = {run.card.weights.bias_rows}; it adds biases digitally:"
                " take 0, or engine memsim"
            )
        if run.card.weights.reference != "written":
            raise ValueError(
                'engine aihwkit: weights.reference = "weights"; its compensation goes back to what was '
                'written: take "written", or engine memsim'
            )
        self.name, self.run = name, run
        self.blocks = blocks.detach() if blocks.dim() == 3 else blocks.detach()[None]
        self.groups, self.rows, self.columns = self.blocks.shape
        self.tiles, self.column_tiles = run.card.weights.tiles(self.rows, self.columns)
        if lacking := lacks(run.card):
            raise ValueError(
                f"engine aihwkit: it does not have {', '.join(lacking)}; take card.without("
                f"{', '.join(map(repr, lacking))}), or engine memsim"
            )
        check_converters(run.card)
        self.rng = devices.stream(run.seed, list(run.chips), name, "aihwkit")
        self.layers: list[list[Any]] = []

    def program(self) -> None:
        """New chips: the layers are made when the converters' ranges are known."""
        self.layers, self.one_bit, self.input_peak, self.output_peak = [], True, 0.0, 0.0
        self.cycle = 0

    @torch.no_grad()
    def advance_to(self, t: float, compensation: Compensation | None = None) -> None:
        """aihwkit's drift to t [s] and its compensation, a factor for each tile or for each column of one;
        another writing is another layer.
        """
        section = self.run.card.weights
        if self.run.card.weight_cell.exact:
            return
        check_time(self.run.card, t)
        cycle, age = section.last_write(t)
        if cycle != self.cycle:
            self.layers, self.cycle = [], cycle
        rule = COMPENSATIONS.get(compensation or section.compensation)
        for chip, layers in enumerate(self._layers()):
            tiles = [tile for layer in layers for tile in layer.analog_tiles()]
            for tile in tiles:
                tile.rpu_config.drift_compensation = rule and rule()
            with self._seeded(chip, 3):
                for tile in tiles if rule else ():
                    tile.tile.set_weights(tile.programmed_weights)
                    tile.drift_baseline = tile.rpu_config.drift_compensation.init_baseline(tile)
            with self._seeded(chip, 1):
                for layer in layers:
                    layer.drift_analog_weights(age)

    @torch.no_grad()
    def calibrate(self, drive: Tensor, at: Address | None, unrolling: Unrolling | None = None) -> Tensor:
        """Multiply exactly, noting the largest input and output over all calls."""
        x = self._by_group(drive.float(), unrolling)  # (T, S, G, B, P, R)
        blocks = self.blocks.float()[:, None]
        y = x @ blocks
        self.one_bit = self.one_bit and bool(((x == 0) | (x == 1)).all())
        self.input_peak = max(self.input_peak, float(x.abs().max()), 1e-12)
        column = blocks.abs().amax(-2, keepdim=True).clamp(min=1e-12)
        self.output_peak = max(self.output_peak, float((y.abs() / column).max()))
        return self._numbers(y, unrolling)

    @torch.no_grad()
    def read(self, drive: Tensor, at: Address | None = None, unrolling: Unrolling | None = None) -> Tensor:
        """Multiply on every chip's tiles; inputs and outputs as WeightArray's."""
        if self.run.calibrating:
            return self.calibrate(drive, at, unrolling)
        x, peak = self._by_group(drive.float(), unrolling), self._peak
        out = []
        for chip, layers in enumerate(self._layers()):
            with self._seeded(chip, 2):
                one = [
                    layer(group.flatten(0, 2) / peak).view(*group.shape[:-1], -1) * peak
                    for layer, group in zip(layers, x[:, chip].unbind(1), strict=True)
                ]
            out.append(torch.stack(one, 1))
        return self._numbers(torch.stack(out, 1), unrolling)

    def _by_group(self, x: Tensor, unrolling: Unrolling | None) -> Tensor:
        """(T, S, B, F) -> (T, S, G, B, P, R)."""
        return unfold(x.flatten(3).unflatten(3, (self.groups, -1)).movedim(3, 2), unrolling, self.rows)

    def _numbers(self, y: Tensor, unrolling: Unrolling | None) -> Tensor:
        """(T, S, G, B, P, C) as WeightArray gives it."""
        y = y.movedim(2, 3)
        if unrolling is not None:
            return y.transpose(-1, -2).flatten(3, 4)
        return y[:, :, :, 0] if self.groups == 1 else y

    @property
    def _peak(self) -> float:
        return 1.0 if self.one_bit else self.input_peak

    def _layers(self) -> list[list[Any]]:
        """Return the layers of all chips and groups, made and programmed at first use."""
        card = self.run.card
        if not self.layers:
            config = inference_config(
                card,
                card.weight_cell,
                input_bits=card.weights.dac_bits if card.on("dac") and not self.one_bit else None,
                output_bits=card.weights.adc_bits if card.on("adc") else None,
                output_bound=self.output_peak / self._peak if self.output_peak else None,
            )
            config.drift_compensation = None  # until it ages
            for chip in range(len(self.run.chips)):
                with self._seeded(chip, 0):
                    self.layers.append([programmed_layer(one, config) for one in self.blocks.float()])
        return self.layers

    def _seeded(self, chip: int, use: int) -> Any:
        rng = self.rng.child("rewrite", self.cycle) if self.cycle else self.rng
        return seeded((int(np.atleast_1d(rng.keys)[chip]) >> 2) + use)

    @property
    def kappa(self) -> float:
        """r g_max N^2 [1] of the largest tile."""
        side = self.run.card.weights.longest_side(self.rows, self.columns)
        return self.run.card.segment().resistance * self.run.card.weight_cell.g_max * side**2


def check_time(card: ChipCard, t: float) -> None:
    """Raise ValueError for a cell that aihwkit has no model of, or a time [s] that its model lacks."""
    cell = card.weight_cell
    if cell.exact:
        return
    _, age = card.weights.last_write(t)
    fitted = getattr(noise_model(cell), "coeff_dic", {age: ()})
    if age not in fitted:
        raise ValueError(
            f"engine aihwkit: its model of {cell.name} stands at {', '.join(f'{k:g}' for k in fitted)} s"
            f" after the write alone, not at {age:g} s; engine memsim goes between"
        )


def check_converters(card: ChipCard) -> None:
    """Raise ValueError for converters that aihwkit has none of."""
    adcs, dac = (card.design.weight_adc, card.design.attention_adc), card.design.dac
    if not all(adc.exact for adc in adcs) or dac.kind != "amplitude":
        raise ValueError(
            f"engine aihwkit: ADCs {adcs[0].kind!r} and {adcs[1].kind!r} with errors, DACs {dac.kind!r};"
            " it has uniform ADCs without errors and rows that take amplitudes: take those, or engine memsim"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global generator, from which aihwkit's noise models draw, seeded inside and put back after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        yield


def programmed_layer(matrix_RC: Tensor, config: InferenceRPUConfig) -> Any:
    """Return one AnalogLinear that holds the matrix, programmed with its noise model."""
    layer = AnalogLinear(*matrix_RC.shape, bias=False, rpu_config=config)
    layer.set_weights(matrix_RC.T.float().contiguous(), None)
    layer.eval()
    if config.noise_model is not None:
        layer.program_analog_weights()
    return layer


def tile_attention(name: str, leaf: Any, run: Run) -> AttentionArray:
    """Return an attention array whose writes are aihwkit's pulsed updates; everything around the write is
    shared.
    """
    section, plain = run.card.attention, AttentionSection()
    if not isinstance(leaf, WrittenAttention):
        raise ValueError(
            f"engine aihwkit: attention.order = {section.order!r}; products of spikes are digital there: take"
            ' "digital", or engine memsim'
        )
    for field in ("devices_per_synapse", "reset", "verify_rounds", "row_gain"):
        if getattr(section, field) != getattr(plain, field):
            raise ValueError(
                f"engine aihwkit: attention.{field} = {getattr(section, field)}; its tiles are written once: "
                f"take {getattr(plain, field)}, or engine memsim"
            )
    if section.coding == "per-device" or (run.card.on("wear") and run.card.wear.cycles_before):
        raise ValueError("engine aihwkit has no counts for each device and no wear; engine memsim has both")
    faults = run.card.attention_faults
    if run.card.on("faults") and (faults.lasting or faults.spare_rows or faults.spare_columns):
        raise ValueError(
            "engine aihwkit: attention_faults; of faulty devices its tiles know corrupt ones alone: take"
            " engine memsim"
        )
    cell = run.card.attention_cell
    cell = replace(cell.device if isinstance(cell, Corrupt) else cell, n_max=run.card.full_write)
    return AttentionArray(name, leaf, run, rewrite=partial(_rewrite, cell))


def _rewrite(
    cell: devices.PulsedCell,
    fabric: devices.Fabric,
    pulses: devices.LinePulses,
    *,
    rng: devices.Stream,
    image: np.ndarray,
    step: range,
) -> Tensor:
    """PulsedCell.rewrite on aihwkit's tiles: (*K, B, T, N, N) pulse counts -> w, one update an array."""
    counts = pulses.cells()
    places = tuple(np.ndindex(*rng.keys.shape))
    out = torch.empty(counts.shape)
    for place in places:
        tile = bridge.TileArray(cell, fabric, place)
        for b, t in np.ndindex(len(image), len(step)):
            with seeded(int(rng.child(int(image[b]), int(step[t])).keys[place]) >> 2):
                tile.reset()
                tile.write(counts[(*place, b, t)])
            out[(*place, b, t)] = tile.weights()
    return out
