"""Networks of aihwkit brought back to plain torch."""

import copy

import pytest
import torch
from aihwkit.nn.conversion import convert_to_analog
from aihwkit.nn.modules.rnn.cells import AnalogLSTMCell
from aihwkit.simulator.configs import InferenceRPUConfig
from torch import nn

import memsim

NET = nn.Sequential(
    nn.Conv2d(1, 4, 3),
    nn.ReLU(),
    nn.Flatten(),
    nn.Sequential(nn.Linear(144, 20), nn.ReLU()),
    nn.Linear(20, 5),
)
IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def analog(net: nn.Module = NET, omega: float = 0.7) -> nn.Module:
    """A network on aihwkit's tiles, cut and with scales for each column."""
    config = InferenceRPUConfig()
    config.mapping.weight_scaling_omega, config.mapping.weight_scaling_columnwise = omega, True
    config.mapping.max_input_size = 50
    return convert_to_analog(copy.deepcopy(net), config, verbose=False)


@pytest.mark.parametrize("net", [NET, NET[4]], ids=["nested", "one layer"])
def test_the_weights_come_back_and_the_network_is_plain(net):
    back = memsim.from_aihwkit(analog(net))
    assert [type(m) for m in back.modules()] == [type(m) for m in net.modules()]
    for one, other in zip(back.parameters(), net.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_weights_are_those_before_a_writing_and_the_network_given_stays_written():
    made = analog().eval()
    for layer in made.analog_layers():
        layer.program_analog_weights()
        layer.drift_analog_weights(86400.0)
    before = next(made.analog_tiles()).get_weights()[0].clone()
    back = memsim.from_aihwkit(made)
    assert torch.allclose(back(IMAGES), NET(IMAGES), atol=1e-5)
    assert torch.equal(next(made.analog_tiles()).get_weights()[0], before)
    assert not torch.allclose(before, NET[0].weight.flatten(1), atol=1e-3)


def test_other_networks_are_refused_by_name():
    with pytest.raises(TypeError, match="no analog layer of aihwkit in this Sequential"):
        memsim.from_aihwkit(NET)
    with pytest.raises(TypeError, match=r"memsim\.from_aihwkit\(net\)"):
        memsim.to_crossbar(analog(), "default", chips=1, calibration=IMAGES)
    cell = nn.Sequential(AnalogLSTMCell(4, 5, True, InferenceRPUConfig()))
    with pytest.raises(ValueError, match="no plain layer for"):
        memsim.from_aihwkit(cell)
