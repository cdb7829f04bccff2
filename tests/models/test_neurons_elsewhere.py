"""The neuron fires with SpikingJelly's, snnTorch's and Norse's: none of 100,000 spikes differ."""

import pytest
import torch

from memsim.models.parts.neurons import LIF

STEPS, NEURONS = 50, 2000


def currents(gain: float = 1.0) -> torch.Tensor:
    """Normal currents (T, neurons); no membrane meets its threshold exactly."""
    return gain * torch.randn(STEPS, NEURONS, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.numel() == 100_000 and int((ours != theirs.to(ours)).sum()) == 0
    assert 0.05 < float(ours.mean()) < 0.6


@pytest.mark.parametrize(
    ("law", "theirs"),
    [
        ({"decay_input": True}, {"tau": 2.0}),
        ({}, {"tau": 2.0, "decay_input": False}),
        (
            {"tau": 4 / 3, "v_threshold": 0.5},
            {"tau": 4 / 3, "decay_input": False, "v_threshold": 0.5},
        ),  # MS-ResNet's
        (
            {"tau": 10 / 7, "v_threshold": 0.3},
            {"tau": 10 / 7, "decay_input": False, "v_threshold": 0.3},
        ),  # MA-SNN's
    ],
    ids=["decayed input", "plain input", "ms-resnet", "masnn"],
)
def test_spikingjelly(law, theirs):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    x = currents(2.0 if law.get("decay_input") else 1.0)
    same(LIF(**law)(x), neuron.LIFNode(**theirs, step_mode="m")(x))


def test_spikingjelly_without_a_leak():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    x = currents()
    same(LIF(tau=float("inf"))(x), neuron.IFNode(step_mode="m")(x))
    with pytest.raises(ValueError, match="the input over tau is 0"):
        LIF(tau=float("inf"), decay_input=True)


@pytest.mark.parametrize("reset_delay", [False, True])
def test_snntorch(reset_delay):
    snn = pytest.importorskip("snntorch")
    leaky = snn.Leaky(beta=0.5, reset_mechanism="zero", reset_delay=reset_delay).double()
    x, membrane, fired = currents(), leaky.reset_mem(), []
    for current in x:
        spike, membrane = leaky(current, membrane)
        fired.append(spike)
    same(LIF(tau=2.0)(x), torch.stack(fired))


def test_norse():
    norse = pytest.importorskip("norse.torch")
    box = pytest.importorskip("norse.torch.functional.lif_box")
    parameters = box.LIFBoxParameters(tau_mem_inv=torch.tensor(500.0, dtype=torch.float64))
    cell, x, state, fired = norse.LIFBoxCell(parameters, dt=1e-3), currents(2.0), None, []
    for current in x:
        spike, state = cell(current, state)
        fired.append(spike)
    same(LIF(tau=2.0, decay_input=True)(x), torch.stack(fired))
