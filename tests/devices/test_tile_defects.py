"""What aihwkit's tiles do otherwise than their documentation says; each test fails when aihwkit changes it.

Not here: the match of compiled tiles and torch (`memsim doctor`), and pulse counts on a GPU.
"""

import inspect

import pytest
import torch
from aihwkit.simulator.configs import SingleRPUConfig
from aihwkit.simulator.configs.devices import ConstantStepDevice
from aihwkit.simulator.parameters import IOParameters, io
from aihwkit.simulator.parameters.enums import BoundManagementType, NoiseManagementType
from aihwkit.simulator.tiles.analog import AnalogTile


def tile(rows, columns, forward=None, **device):
    """A tile of equal devices."""
    equal = dict.fromkeys(("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod", "lifetime_dtod"), 0.0)
    config = SingleRPUConfig(device=ConstantStepDevice(**equal, **device))
    if forward is not None:
        config.forward = forward
    return AnalogTile(rows, columns, config)


def test_the_ir_drop_ratio_is_of_five_microsiemens_where_the_text_says_milli():
    assert IOParameters().ir_drop_g_ratio == pytest.approx(1.0 / 0.35 / 5e-6)
    assert "5mS maximal conductance" in inspect.getsource(io)


def test_ir_drop_is_largest_at_the_last_input_where_the_text_says_the_first_is_farthest():
    assert "assuming that the first input is" in inspect.getsource(io)
    forward = IOParameters(
        inp_res=-1, out_res=-1, out_noise=0.0, ir_drop=1.0, inp_bound=10.0, out_bound=1e6,
        noise_management=NoiseManagementType.NONE, bound_management=BoundManagementType.NONE,
    )  # fmt: skip
    made = tile(1, 128, forward, w_max=1.0, w_min=-1.0)
    made.set_weights(torch.full((1, 128), 0.5))
    with torch.no_grad():
        first, last = (0.5 - float(made.forward(torch.eye(128)[[k]])) for k in (0, 127))
    assert first < 1e-7 and last > 1e-5


def test_pulses_are_not_counted_on_the_cpu():
    made = tile(2, 3, count_pulses=True)
    made.update(torch.ones(1, 3), torch.ones(1, 2))
    assert made.tile.get_pulse_counters().numel() == 0


def test_decay_is_by_mini_batch_whatever_its_size():
    made = tile(2, 3, lifetime=10.0, w_max=1.0, w_min=-1.0, reset=0.0, reset_dtod=0.0)
    for batch in (1, 50):
        made.set_weights(torch.full((2, 3), 0.5))
        made.update(torch.zeros(batch, 3), torch.zeros(batch, 2))
        made.post_update_step()
        assert torch.allclose(made.get_weights()[0], torch.full((2, 3), 0.45))


@pytest.mark.parametrize("up_down, up, down", [(0.2, 1.0, 0.8), (-0.2, 0.8, 1.0)])
def test_an_asymmetry_reduces_one_direction_where_the_text_has_both_change(up_down, up, down):
    hidden = tile(1, 1, up_down=up_down, dw_min=0.001).get_hidden_parameters()
    assert float(hidden["dwmin_up"]) == pytest.approx(0.001 * up)
    assert float(hidden["dwmin_down"]) == pytest.approx(0.001 * down)
