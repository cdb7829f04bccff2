"""A configuration of aihwkit's on aihwkit's own tiles, and its card on memsim's arrays: the same outputs."""

import copy

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.simulator.configs import InferenceRPUConfig
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType, WeightNoiseType
from torch import nn

import memsim
from memsim.arrays.weight_array import WeightArray
from memsim.engines.aihwkit import seeded
from tests.statistics import assert_same_mean

CHIPS, DAY = 20, 86400.0


def configuration() -> InferenceRPUConfig:
    """PCM noise, 8-bit converters, noise of outputs and of reads, global compensation."""
    config = InferenceRPUConfig()
    config.mapping.weight_scaling_omega = 1.0
    config.mapping.weight_scaling_columnwise = True
    io = config.forward
    io.inp_res = io.out_res = 1 / 254
    io.out_noise, io.w_noise, io.w_noise_type = 0.04, 0.0175, WeightNoiseType.PCM_READ
    io.noise_management, io.nm_thres = NoiseManagementType.CONSTANT, 1.0
    io.bound_management = BoundManagementType.NONE
    return config


def network() -> tuple[nn.Module, torch.Tensor]:
    """Three linear layers and images."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(96, 64), nn.Tanh(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 10, bias=False)
    )
    return net.eval(), torch.rand(128, 96, generator=generator) * 2 - 1


def ranged(config: InferenceRPUConfig, array: WeightArray, chip: int) -> InferenceRPUConfig:
    """The configuration with the ranges that one of memsim's chips found for a layer."""
    (drives,), cell = array.ranges.of(0), array.cell
    largest = (cell.g_max - cell.g_min) * array.run.card.weights.read_voltage
    config.forward.nm_thres = float(drives.peak_S[chip])
    config.forward.out_bound = float(drives.full_scale_SK[chip, 0]) / largest
    return config


@torch.no_grad()
def theirs(net: nn.Module, x: torch.Tensor, chip: memsim.Chip, wrong: float = 1.0) -> torch.Tensor:
    """Outputs (chips, images, classes) of aihwkit's tiles; `wrong`: factor of the last layer's range."""
    outputs = []
    for k in range(CHIPS):

        def one(name: str, module: nn.Module, config: InferenceRPUConfig, k: int = k) -> InferenceRPUConfig:
            if name not in chip.weight_arrays:
                return config
            config = ranged(config, chip.weight_arrays[name], k)
            config.forward.out_scale = wrong if name == "4" else 1.0
            return config

        with seeded(k):
            analog = convert_to_analog(
                copy.deepcopy(net), configuration(), specific_rpu_config_fun=one, verbose=False
            ).eval()
            for layer in analog.analog_layers():
                layer.program_analog_weights()
                layer.drift_analog_weights(DAY)
            outputs.append(analog(x))
    return torch.stack(outputs)


def gain_and_spread(outputs: torch.Tensor, exact: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each chip: its outputs' slope against exact ones, and the rms of what is left, relative."""
    gain = (outputs * exact).sum((1, 2)) / exact.square().sum()
    rest = outputs - gain[:, None, None] * exact
    return gain, rest.square().mean((1, 2)).sqrt() / exact.square().mean().sqrt()


@pytest.mark.slow
def test_a_configuration_and_its_card_give_the_same_outputs_and_a_wrong_range_does_not():
    """One day after the write, 20 chips a side: mean and spread agree within five standard errors, output by
    output and as the chips' gains and errors; with the last range 3 % wrong the gains do not.
    """
    net, x = network()
    card, report = memsim.ChipCard.from_rpu_config(configuration(), strict=True)
    assert report.lossy == () and card.weights.output_noise == 0.04
    chip = memsim.to_crossbar(net, card, chips=CHIPS, seed=0, calibration=x).program().advance_to(DAY)
    with torch.no_grad():
        ours, exact = chip(x), net(x)
    others = theirs(net, x, chip)
    error = ((ours.var(0) + others.var(0)) / CHIPS).sqrt()
    assert float(((ours.mean(0) - others.mean(0)).abs() / error).max()) < 5.0
    (gain, spread), (gains, spreads) = (gain_and_spread(outputs, exact) for outputs in (ours, others))
    assert_same_mean(gain, gains)
    assert_same_mean(spread, spreads)
    assert 0.05 < float(spread.mean()) < 0.3  # the noise is seen
    wrong, _ = gain_and_spread(theirs(net, x, chip, wrong=1.03), exact)
    with pytest.raises(AssertionError, match="differ"):
        assert_same_mean(gain, wrong)


@pytest.mark.slow
def test_noise_of_outputs_that_is_left_out_is_found():
    """The comparison sees it: without it on one side the spreads differ."""
    net, x = network()
    config = configuration()
    config.forward.out_noise = 0.0
    card, _ = memsim.ChipCard.from_rpu_config(config)
    chip = memsim.to_crossbar(net, card, chips=CHIPS, seed=0, calibration=x).program().advance_to(DAY)
    with torch.no_grad():
        ours, exact = chip(x), net(x)
    (_, spread), (_, spreads) = (gain_and_spread(o, exact) for o in (ours, theirs(net, x, chip)))
    with pytest.raises(AssertionError, match="differ"):
        assert_same_mean(spread, spreads)
