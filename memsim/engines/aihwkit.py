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
from aihwkit.inference import GlobalDriftCompensation
from aihwkit.inference.compensation.drift import PerColumnDriftCompensation
from aihwkit.nn import AnalogLinear
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, WeightNoiseType
from torch import Tensor

from memsim import devices
from memsim.arrays.attention_array import AttentionArray
from memsim.arrays.reading.unrolling import Unrolling
from memsim.arrays.reading.weight_read import unfold
from memsim.arrays.written_attention import WrittenAttention
from memsim.card.chip_card import ChipCard
from memsim.card.sections import AttentionSection, Compensation
from memsim.devices.pulses import bridge
from memsim.devices.weights.noise_models import noise_model
from memsim.run import Run

COMPENSATIONS = {"global": GlobalDriftCompensation, "column": PerColumnDriftCompensation}
"""aihwkit's own compensations; each works tile by tile."""


class TileWeights:
    """The weight arrays of one layer on every chip, each an aihwkit AnalogLinear, as WeightArray has them.

    matrix_RC; ``read``: x (T, S, B, P, R) -> (T, S, B, P, C).  One pair for each weight, of cells aihwkit has
    a noise model of (reram-wan2022 at its fitted times alone); ValueError for others.
    """

    upkeep: ClassVar[dict[str, float]] = {}  #: aihwkit's layers report no events

    def __init__(self, name: str, matrix_RC: Tensor, run: Run) -> None:
        devices_per_weight = run.card.weights.devices_per_weight
        if devices_per_weight > 1:
            raise ValueError(
                f"engine aihwkit: weights.devices_per_weight = {devices_per_weight}; its layers hold one "
                "pair for each weight: take 1, or engine memsim"
            )
        self.name, self.run = name, run
        self.matrix_RC = matrix_RC.detach().float()
        self.rows, self.columns = matrix_RC.shape
        self.rng = devices.stream(run.seed, list(run.chips), name, "aihwkit")
        self.layers: list[Any] = []

    def program(self) -> None:
        """New chips: the layers are made when the converters' ranges are known."""
        self.layers, self.one_bit, self.input_peak, self.output_peak = [], True, 1.0, None
        self.cycle = 0

    @torch.no_grad()
    def advance_to(self, t: float, compensation: Compensation | None = None) -> None:
        """aihwkit's drift to t [s] and its compensation, a factor for each tile or for each column of one;
        another writing is another layer.
        """
        section, cell = self.run.card.weights, self.run.card.weight_cell
        if cell.exact:
            return
        cycle, age = section.last_write(t)
        fitted = getattr(noise_model(cell), "coeff_dic", {age: ()})
        if age not in fitted:
            raise ValueError(
                f"engine aihwkit: its model of {cell.name} stands at {', '.join(f'{k:g}' for k in fitted)} s"
                f" after the write alone, not at {age:g} s; engine memsim goes between"
            )
        if cycle != self.cycle:
            self.layers, self.cycle = [], cycle
        rule = COMPENSATIONS.get(compensation or section.compensation)
        for chip, layer in enumerate(self._layers()):
            for tile in layer.analog_tiles():
                tile.rpu_config.drift_compensation = rule and rule()
            with self._seeded(chip, 3):
                for tile in layer.analog_tiles() if rule else ():
                    tile.tile.set_weights(tile.programmed_weights)
                    tile.drift_baseline = tile.rpu_config.drift_compensation.init_baseline(tile)
            with self._seeded(chip, 1):
                layer.drift_analog_weights(age)

    @torch.no_grad()
    def read(self, x: Tensor, unrolling: Unrolling | None = None) -> Tensor:
        """Multiply on every chip's tiles; in calibration, exactly, noting the largest input and output."""
        x = unfold(x.float().flatten(3), unrolling, self.rows)
        if self.run.calibrating:
            y = x @ self.matrix_RC
            self.one_bit = bool(((x == 0) | (x == 1)).all())
            self.input_peak = 1.0 if self.one_bit else float(x.abs().max())
            column = self.matrix_RC.abs().amax(0).clamp(min=1e-12)
            self.output_peak = float((y.abs() / column).max()) / self.input_peak
            return y
        out = []
        for chip, layer in enumerate(self._layers()):
            with self._seeded(chip, 2):
                one = x[:, chip]
                out.append(
                    layer(one.flatten(0, 2) / self.input_peak).view(*one.shape[:-1], -1) * self.input_peak
                )
        return torch.stack(out, 1)

    def _layers(self) -> list[Any]:
        """The layers of all chips, made and programmed at first use."""
        card = self.run.card
        if not self.layers:
            config = inference_config(
                card,
                input_bits=card.weights.dac_bits if card.on("dac") and not self.one_bit else None,
                output_bits=card.weights.adc_bits if card.on("adc") else None,
                output_bound=self.output_peak,
            )
            for chip in range(len(self.run.chips)):
                with self._seeded(chip, 0):
                    self.layers.append(programmed_layer(self.matrix_RC, config))
        return self.layers

    def _seeded(self, chip: int, use: int) -> Any:
        rng = self.rng.child("rewrite", self.cycle) if self.cycle else self.rng
        return seeded((int(np.atleast_1d(rng.keys)[chip]) >> 2) + use)

    @property
    def kappa(self) -> float:
        """r g_max N^2 [1] of the largest tile."""
        side = self.run.card.weights.longest_side(self.rows, self.columns)
        return self.run.card.wire_resistance * self.run.card.weight_cell.g_max * side**2


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's global generator, from which aihwkit's noise models draw, seeded inside and put back after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        yield


def inference_config(
    card: ChipCard, *, input_bits: int | None, output_bits: int | None, output_bound: float | None
) -> InferenceRPUConfig:
    """aihwkit's configuration of the card's weight arrays; bits None: an ideal converter.

    Its noise model of the cell, effects at their strengths, none for ideal cells; ValueError for cells
    aihwkit has no model of.
    """
    config = InferenceRPUConfig()
    cell, section = card.weight_cell, card.weights
    if cell.exact:
        config.noise_model = None  # type: ignore[assignment]
    else:
        config.noise_model = noise_model(cell)
    config.drift_compensation = None  # until it ages
    config.mapping.max_input_size, config.mapping.max_output_size = section.tile_rows, section.tile_columns
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = section.scaling == "column"
    io = config.forward
    io.is_perfect = input_bits is None and output_bits is None and not cell.on("read-noise")
    io.noise_management, io.bound_management = NoiseManagementType.NONE, BoundManagementType.NONE
    io.inp_noise = io.out_noise = 0.0
    io.inp_bound, io.inp_res = 1.0, (-1.0 if input_bits is None else 1 / (2**input_bits - 2))
    io.out_bound = output_bound if output_bits and output_bound else -1.0
    io.out_res = -1.0 if output_bits is None else 1 / (2**output_bits - 2)
    noisy = cell.on("read-noise")
    io.w_noise = cell.read_noise
    io.w_noise_type = WeightNoiseType.PCM_READ if noisy else WeightNoiseType.NONE
    return config


def programmed_layer(matrix_RC: Tensor, config: InferenceRPUConfig) -> Any:
    """One AnalogLinear that holds the matrix, programmed with its noise model."""
    layer = AnalogLinear(*matrix_RC.shape, bias=False, rpu_config=config)
    layer.set_weights(matrix_RC.T.float().contiguous(), None)
    layer.eval()
    if config.noise_model is not None:
        layer.program_analog_weights()
    return layer


def tile_attention(name: str, leaf: WrittenAttention, run: Run) -> AttentionArray:
    """An attention array whose writes are aihwkit's pulsed updates; everything around the write is shared."""
    section, plain = run.card.attention, AttentionSection()
    for field in ("devices_per_synapse", "reset", "verify_rounds", "row_gain"):
        if getattr(section, field) != getattr(plain, field):
            raise ValueError(
                f"engine aihwkit: attention.{field} = {getattr(section, field)}; its tiles are written once: "
                f"take {getattr(plain, field)}, or engine memsim"
            )
    if section.coding == "per-device" or (run.card.on("wear") and run.card.wear.cycles_before):
        raise ValueError("engine aihwkit knows no counts of each device's own and no wear: engine memsim")
    cell = replace(run.card.attention_cell, n_max=run.card.full_write)
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
