"""The neuron obeys Eq. (7)-(9) by hand, SpikingJelly's law, and its fused form is its plain form."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from memsim.devices.numerics.operation import plain
from memsim.energy.census import Census
from memsim.models.parts.lif_kernel import exp, lif_backward, lif_forward
from memsim.models.parts.neurons import LIF, Add, SpikePool, TokenMean

ROOT = Path(__file__).parents[2]
CASES = [
    {"decay_input": d, "detach_reset": r, "v_reset": v, "tau": t}
    for d in (False, True)
    for r in (False, True)
    for v, t in ((0.0, 2.0), (-0.3, 1.7))
]


def currents(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    return 1.5 * torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def by_loop(lif: LIF, x: torch.Tensor) -> torch.Tensor:
    """The spikes by the loop over time, whatever kernel there is."""
    with plain():
        return lif(x)


def test_equations_7_to_9_by_hand():
    """tau = 2, beta = 0.5: .8 | .4+.7 fires | 0+.5 | .25+.75 fires at the threshold | 0+1.9 fires | 0-1."""
    current = torch.tensor([0.8, 0.7, 0.5, 0.75, 1.9, -1.0]).reshape(6, 1)
    expected = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0]).reshape(6, 1)
    assert torch.equal(by_loop(LIF(tau=2.0), current), expected)
    assert torch.equal(LIF(tau=2.0)(current), expected)


def test_reset_potential_and_leak_by_hand():
    """v_reset = -1, beta = .5, Eq. (9): U = -1+2.5 fires | U = -1+1.8 = .8, H = .4 | U = .4+.6 fires."""
    current = torch.tensor([2.5, 1.8, 0.6]).reshape(3, 1)
    assert LIF(tau=2.0, v_reset=-1.0)(current).flatten().tolist() == [1.0, 0.0, 1.0]


def test_divided_input_is_the_law_with_a_smaller_current():
    current = currents(6, 500)
    assert torch.equal(LIF(tau=4.0, decay_input=True)(current), LIF(tau=4.0)(current / 4.0))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_fused_is_plain(case, dtype):
    lif = LIF(**case)
    x = currents(5, 3, 1111, dtype=dtype).requires_grad_()
    weight = currents(5, 3, 1111, dtype=dtype, seed=1)
    gradients = []
    for form in (lif, partial(by_loop, lif)):
        spikes = form(x)
        gradients.append(torch.autograd.grad((spikes * weight).sum(), x)[0])
        assert spikes.mean() > 0.03
    assert torch.equal(lif(x), by_loop(lif, x))
    scale = float(gradients[1].abs().max())
    assert (
        float((gradients[0] - gradients[1]).abs().max()) < (1e-6 if dtype == torch.float32 else 1e-13) * scale
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_shares_cover_every_neuron(threads):
    x = currents(3, 5001).numpy()
    spikes, membrane, gradient = np.full_like(x, 7), np.full_like(x, 7), np.full_like(x, 7)
    law = tuple(map(np.float32, (0.5, 1.0, 0.0, 1.0, 0.0)))
    lif_forward(x, spikes, membrane, *law, threads)
    lif_backward(membrane, np.ones_like(x), gradient, *law, np.float32(4.0), True, threads)
    plain_x = torch.from_numpy(x).requires_grad_()
    expected = by_loop(LIF(), plain_x)
    expected.sum().backward()
    assert np.array_equal(spikes, expected.detach().numpy())
    assert np.array_equal(membrane >= 1, spikes == 1)
    np.testing.assert_allclose(gradient, plain_x.grad.numpy(), atol=1e-5)


def test_kernels_leave_the_number_of_torch_threads_alone():
    """In a fresh process, since it is numba's first call that would raise it to the number of cores."""
    calls = "models.LIF()(torch.randn(4, 10)); torch.rand(9, 9) @ torch.rand(9, 9)"
    begin = "import torch; from memsim import models; torch.set_num_threads(1)"
    program = f"{begin}; {calls}; print(torch.get_num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"


def test_held_current_is_read_once_and_gathers_all_gradients():
    x = currents(1, 2, 70).requires_grad_()
    weight = currents(4, 2, 70, seed=2)
    lif = LIF()
    spikes = lif(x.expand(4, 2, 70))
    assert torch.equal(spikes, by_loop(lif, x.detach().repeat(4, 1, 1)))
    (spikes * weight).sum().backward()
    (expected,) = torch.autograd.grad((by_loop(lif, x.expand(4, 2, 70)) * weight).sum(), x)
    torch.testing.assert_close(x.grad, expected)


def test_strided_and_empty_currents():
    lif = LIF()
    x = currents(4, 6, 50).transpose(1, 2)
    assert torch.equal(lif(x), by_loop(lif, x))
    assert lif(torch.empty(4, 0)).shape == (4, 0)


def test_kernel_exponential_is_accurate():
    """In the kernel e**x is a polynomial: the derivative of the first spike probes it."""
    z = torch.linspace(-12, 12, 4001)
    x = (z + 1).reshape(1, -1).requires_grad_()
    LIF()(x).sum().backward()
    p = torch.sigmoid(4 * z.double())
    torch.testing.assert_close(x.grad[0].double(), 4 * p * (1 - p), atol=3e-7, rtol=1e-5)
    assert exp(-1.0) == pytest.approx(0.36787944)


@pytest.mark.parametrize("decay_input", [False, True])
@pytest.mark.parametrize("detach_reset", [False, True])
def test_equals_spikingjelly(decay_input, detach_reset):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    law = {"tau": 2.5, "v_threshold": 1.0, "decay_input": decay_input, "detach_reset": detach_reset}
    other = neuron.LIFNode(**law, v_reset=0.0, step_mode="m")
    ours, x, y = (
        LIF(**law),
        currents(8, 2000).double().requires_grad_(),
        currents(8, 2000).double().requires_grad_(),
    )
    weight = currents(8, 2000, seed=1)
    spikes, theirs = ours(x), other(y)
    assert torch.equal(spikes, theirs) and spikes.mean() > 0.05
    (spikes * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9, atol=1e-12)


def test_equals_spikingjelly_with_a_reset_potential():
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    other = neuron.LIFNode(tau=2.0, v_threshold=1.0, v_reset=-0.4, step_mode="m")
    other.v = -0.4
    x = 2 * currents(8, 2000).double()
    assert torch.equal(LIF(v_reset=-0.4, decay_input=True)(x), other(x))


@pytest.mark.parametrize(("tau", "v_threshold"), [(4 / 3, 0.5), (10 / 7, 0.3)], ids=["ms-resnet", "masnn"])
def test_no_spike_of_100_000_differs_from_spikingjellys(tau, v_threshold):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    other = neuron.LIFNode(tau=tau, v_threshold=v_threshold, decay_input=False, step_mode="m")
    x = currents(50, 2000).double()
    spikes = LIF(tau=tau, v_threshold=v_threshold)(x)
    assert int((spikes != other(x)).sum()) == 0 and 0.05 < spikes.mean() < 0.6


def test_events():
    spikes = LIF()(torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    assert LIF().events((), spikes) == {"neuron-step": 6}
    assert Add().events((), spikes) == {"digital-add": 6}
    assert TokenMean().events((torch.zeros(4, 2, 3, 5),), None) == {"digital-add": 120}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tau": float("inf"), "decay_input": True}, "the input divided by tau is 0"),
        ({"tau": 0.5}, "tau=0.5"),
        ({"v_reset": 1.0}, "fire at rest"),
        ({"alpha": 0.0}, "alpha=0.0"),
    ],
)
def test_impossible_neurons_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        LIF(**wrong)


POOLS = [{"kernel_size": 2, "stride": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}]
"""Sides 2 and 3, as networks use them."""


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("size", [(2, 2), (2, 6), (8, 8), (14, 28), (3, 3), (7, 8), (8, 7), (5, 9)], ids=str)
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_spike_pool_is_max_pool(pool, size, grad):
    """Of numbers of either sign too: at the edge nothing but the image counts."""
    spikes = (currents(3, 4, *size) > 1).float()
    for x in (spikes, torch.zeros_like(spikes), currents(3, 4, *size, seed=5) - 9):
        x = x.requires_grad_(grad)
        found, expected = SpikePool(**pool)(x), torch.nn.MaxPool2d(**pool)(x)
        assert torch.equal(found, expected) and bool(torch.isfinite(found).all())
        assert found.requires_grad == grad
        if grad:
            ours, theirs = (torch.autograd.grad(out.sum(), x)[0] for out in (found, expected))
            assert torch.equal(ours, theirs)
        else:
            assert found.is_contiguous()


@pytest.mark.parametrize("pool", [{"kernel_size": 4, "stride": 2}, {"kernel_size": 2, "stride": 1}], ids=str)
def test_other_pools_are_torchs(pool):
    x = currents(2, 3, 8, 8)
    assert torch.equal(SpikePool(**pool)(x), torch.nn.MaxPool2d(**pool)(x))


@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_the_ledger_counts_a_spike_pool(pool):
    net = torch.nn.Sequential(SpikePool(**pool))
    with Census(net, images=2) as census:
        out = net(torch.zeros(2, 3, 8, 8))
    assert census.tally.totals() == {("0", "digital-compare"): out.numel() * (pool["kernel_size"] ** 2 - 1)}
