"""The reference engine: aihwkit's own layers and tiles, array by array.  Slow, and the judge of the fast
engine.

Projections are aihwkit AnalogLinear layers (convolutions unrolled) with its PCM noise model, its drift, its
global compensation and its converters; attention is written by pulsed updates on its tiles, one array, image
and step at a time. What differs by aihwkit's design: after programming it keeps one weight matrix, so a
pair's two devices share one drift and one noise; its converter and drift noise are drawn from torch's global
generator, seeded here for each chip and layer.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import devices
from devices import bridge
from memsim.attention_array import AttentionArray
from memsim.run import Run


class TileWeights:
    """The weight arrays of one layer on every chip, each an aihwkit AnalogLinear: the interface of
    WeightArray.

    matrix_RC; ``read``: x (T, S, B, P, R) -> (T, S, B, P, C).  Only pcm-joshi2020 and ideal weights have an
    aihwkit layer; ValueError for others.
    """

    def __init__(self, name: str, matrix_RC: Tensor, run: Run) -> None:
        self.name, self.run = name, run
        self.matrix_RC = matrix_RC.detach().to(run.dtype)
        self.rows, self.columns = matrix_RC.shape
        self.rng = devices.stream(run.seed, list(run.chips), name, "aihwkit")
        self.layers: list[Any] = []

    def program(self) -> None:
        """New chips: the layers are made when the converters' ranges are known."""
        self.layers, self.input_peak, self.output_peak, self.time = [], None, None, 0.0

    def advance_to(self, t: float) -> None:
        """aihwkit's drift to t [s]; its compensation is one factor for the layer."""
        self.time = t
        for chip, layer in enumerate(self._layers()):
            with self._seeded(chip, 1):
                layer.drift_analog_weights(t)

    def read(self, x: Tensor) -> Tensor:
        """Multiply on every chip's tiles; in calibration, exactly, noting the largest input and output."""
        x = x.to(self.run.dtype)
        if self.run.calibrating:
            y = x @ self.matrix_RC
            spikes = bool(((x == 0) | (x == 1)).all())
            self.input_peak = 1.0 if spikes else float(x.abs().max())
            self.output_peak = (
                float((y.abs() / self.matrix_RC.abs().amax(0).clamp(min=1e-12)).max()) / self.input_peak
            )
            return y
        out = []
        for chip, layer in enumerate(self._layers()):
            with self._seeded(chip, 2):
                out.append(
                    layer(x[:, chip].flatten(0, 2) / self._peak).view(*x[:, chip].shape[:3], self.columns)
                    * self._peak
                )
        return torch.stack(out, 1)

    @property
    def _peak(self) -> float:
        return self.input_peak or 1.0

    def _layers(self) -> list[Any]:
        if not self.layers:
            for chip in range(len(self.run.chips)):
                with self._seeded(chip, 0):
                    self.layers.append(self._layer())
        return self.layers

    def _layer(self) -> Any:
        """One AnalogLinear, programmed."""
        from aihwkit.nn import AnalogLinear

        card = self.run.card
        config = bridge.inference_config(
            card.weight_cell,
            tile=(card.weights.tile_rows, card.weights.tile_columns),
            columnwise=card.weights.scaling == "column",
            compensation=card.weights.compensation == "global",
            dac_bits=card.weights.dac_bits if card.on("dac") and self.output_peak else None,
            adc_bits=card.weights.adc_bits if card.on("adc") and self.output_peak else None,
            out_bound=self.output_peak,
        )
        layer = AnalogLinear(self.rows, self.columns, bias=False, rpu_config=config)
        layer.set_weights(self.matrix_RC.T.float().contiguous(), None)
        layer.eval()
        layer.program_analog_weights()
        return layer

    def _seeded(self, chip: int, use: int) -> Any:
        return bridge.seeded(int(np.atleast_1d(self.rng.keys)[chip] >> np.uint64(2)) + use)

    @property
    def kappa(self) -> float:
        """r g_max N^2 [1] of the whole layer's larger side, cut to a tile."""
        section = self.run.card.weights
        side = max(min(self.rows, section.tile_rows), min(self.columns, section.tile_columns))
        return self.run.card.wire_resistance * section.g_max * side**2


def tile_attention(name: str, leaf: nn.Module, run: Run) -> AttentionArray:
    """An attention array whose writes are aihwkit's pulsed updates; everything around the write is shared."""
    return AttentionArray(name, leaf, run, rewrite=partial(_rewrite, run.card.attention_cell))


def _rewrite(
    cell: devices.PulsedCell,
    fabric: Any,
    pulses: Tensor,
    *,
    rng: devices.Stream,
    image: np.ndarray,
    step: range,
) -> Tensor:
    """PulsedCell.rewrite on aihwkit tiles: (*K, B, T, N, N) pulse counts -> w, one tile update for each."""
    lead = pulses.shape[:-4]
    flat = pulses.reshape(-1, *pulses.shape[-4:])
    out = torch.empty(flat.shape)
    for array in range(flat.shape[0]):
        tile = bridge.TileArray(cell, fabric.take(np.unravel_index(array, lead)))
        for b in range(flat.shape[1]):
            for t in range(flat.shape[2]):
                with bridge.seeded(hash((int(rng.keys.ravel()[array]), int(image[b]), t)) % 2**31):
                    tile.reset()
                    tile.write(flat[array, b, t])
                    out[array, b, t] = tile.weights()
    return out.view(pulses.shape)
