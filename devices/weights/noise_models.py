"""aihwkit's inference noise models, their defects repaired; a test pins each and fails when aihwkit moves."""

from collections.abc import Sequence
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from aihwkit.inference import PCMLikeNoiseModel, ReRamCMONoiseModel, ReRamWan2022NoiseModel
from aihwkit.inference.noise.base import BaseNoiseModel
from aihwkit.inference.noise.hermes import HermesNoiseModel
from torch import Tensor

_WAN_G_MAX = 40.0  #: conductance at which Wan et al. 2022 was fitted [uS]


def wan2022(**options: Any) -> ReRamWan2022NoiseModel:
    """ReRamWan2022NoiseModel whose polynomials, fitted at 40 uS, are scaled to g_max.

    aihwkit stores the 40 uS under a name it never reads, so at g_max = 25 uS the error is 1.6 times too
    large; and a reference passed by its own name is not stored at all. Options as for the class.
    """
    reference = options.pop("coeff_g_max_reference", None)
    model = ReRamWan2022NoiseModel(**options)
    if reference is not None:
        model.coeff_g_max_reference = float(reference)
    elif options.get("coeff_dic") is None:
        model.coeff_g_max_reference = _WAN_G_MAX
    return model


class RepairedCMO(ReRamCMONoiseModel):
    """ReRamCMONoiseModel with a read noise for devices that relax below g_min: that of g_min."""

    def apply_drift_noise_to_conductance(
        self, g_prog: Tensor, drift_noise_param: Tensor | None, t_inference: float
    ) -> Tensor:
        if t_inference == 0:
            return g_prog
        log_t = float(np.log(t_inference))
        mean, spread = self.decay_dict["mean"][0] * log_t, self.decay_dict["std"]
        relaxed = g_prog + mean * self.drift_scale
        relaxed = relaxed + (spread[0] * log_t + spread[1]) * self.drift_scale * torch.randn_like(g_prog)
        t_read = self.read_dict["t_read"]
        growth = self.read_dict["K"] * np.sqrt(np.log((t_inference + t_read) / (2 * t_read)))
        sigma = growth * relaxed.clamp(min=max(self.g_min, 1e-3)).log10() * self.read_noise_scale
        return (relaxed + sigma * torch.randn_like(g_prog)).clamp(min=self.g_min, max=self.g_max)


def cmo(*, acceptance: float = 2.0, **options: Any) -> RepairedCMO:
    """ReRamCMONoiseModel at an acceptance range of 2 or 0.2 per cent of the target.

    aihwkit's own default, 0.02, is none of its keys and silently means 0.2 %. Raises ValueError for other
    ranges.
    """
    if options.get("coeff_dict") is None and acceptance not in (0.2, 2.0):
        raise ValueError(f"acceptance={acceptance}: fitted at 0.2 and 2 per cent of the target")
    return RepairedCMO(acceptance_range=acceptance, **options)


def pcm_like(
    *,
    prog_coeff: Sequence[float] | None = None,
    prog_coeff_g_max_reference: float | None = None,
    **options: Any,
) -> PCMLikeNoiseModel:
    """PCMLikeNoiseModel that also takes both a polynomial and the g_max [uS] it was fitted at.

    aihwkit then leaves the reference unset and fails at the first use.
    """
    model = PCMLikeNoiseModel(prog_coeff=None if prog_coeff is None else list(prog_coeff), **options)
    if prog_coeff is not None and prog_coeff_g_max_reference is not None:
        model.prog_coeff_g_max_reference = float(prog_coeff_g_max_reference)
    return model


class RepairedHermes(HermesNoiseModel):
    """HermesNoiseModel without the warnings of its indexing x[[mask]], which torch means to read otherwise
    one day.
    """

    def generate_drift_coefficients(self, g_target: Tensor) -> Tensor:
        with catch_warnings():
            simplefilter("ignore", UserWarning)
            return super().generate_drift_coefficients(g_target)

    def apply_drift_noise_to_conductance(
        self, g_prog: Tensor, drift_noise_param: Tensor, t_inference: float
    ) -> Tensor:
        with catch_warnings():
            simplefilter("ignore", UserWarning)
            return super().apply_drift_noise_to_conductance(g_prog, drift_noise_param, t_inference)


def apply_noise(model: BaseNoiseModel, weights: Tensor, t: float) -> Tensor:
    """Return the model's noise t seconds after programming; t = 0 is programming alone.

    aihwkit raises at t = 0, where it keeps no device. Raises ValueError for a negative time.
    """
    if not t >= 0.0:
        raise ValueError(f"t={t} s: time since programming cannot be negative")
    return model.apply_programming_noise(weights)[0] if t == 0.0 else model.apply_noise(weights, t)
