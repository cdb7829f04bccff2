"""e-prop against backpropagation, in float64."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from memsim.learning import delta_rule, eprop
from memsim.learning.learning_chip import learners, learning_chip
from memsim.models.learning.instant_lif import InstantLIF, decay_of, instant
from memsim.models.parts.neurons import LIF
from tests.learning.made import IDEAL, Spiking, spiking

T, B, R, C = 5, 7, 6, 4


def layer(scale: float = 1.0):
    """Inputs, weights, spikes, errors L psi and the gradient of backpropagation of one layer."""
    g = torch.Generator().manual_seed(3)
    x = (torch.rand(T, B, R, generator=g) < 0.5).double()
    w = (scale * torch.randn(R, C, generator=g, dtype=torch.float64)).requires_grad_()
    signal = torch.randn(T, B, C, generator=g, dtype=torch.float64)  # dE/dS of whatever follows
    lif = LIF(detach_reset=True)
    current = x @ w
    spikes = lif(current)
    (gradient,) = torch.autograd.grad((signal * spikes).sum(), w)
    psi = eprop.slope(lif.membrane(current.detach()), lif.v_threshold, lif.alpha)
    return x, spikes.detach(), signal * psi, gradient, lif.law.beta


def test_the_exact_trace_gives_the_gradient_of_backpropagation() -> None:
    x, spikes, error, gradient, beta = layer()
    assert 0.05 < spikes.mean() < 0.95
    assert torch.allclose(eprop.exact_change(x, error, spikes, beta), gradient, rtol=0, atol=1e-12)


def test_one_trace_a_row_differs_by_the_dropped_reset_alone() -> None:
    x, spikes, error, gradient, beta = layer()
    found = eprop.change(x, error, beta)
    assert (found - gradient).abs().max() > 1e-3
    never = torch.zeros_like(spikes)
    assert torch.allclose(found, eprop.exact_change(x, error, never, beta), rtol=0, atol=1e-12)
    assert torch.cosine_similarity(found.flatten(), gradient.flatten(), 0) > 0.8


def test_where_no_neuron_fires_both_are_the_gradient() -> None:
    x, spikes, error, gradient, beta = layer(scale=0.05)
    assert not spikes.any()
    assert torch.allclose(eprop.change(x, error, beta), gradient, rtol=0, atol=1e-12)


def test_traces_by_hand_and_without_decay() -> None:
    x = torch.tensor([[1.0], [0.0], [2.0]], dtype=torch.float64)
    assert eprop.traces(x, 0.5).flatten().tolist() == [1.0, 0.5, 2.25]
    assert eprop.traces(x, 0.0) is x
    assert eprop.traces(x[:1], 0.5) is not None and eprop.traces(x[:0], 0.5).shape == (0, 1)
    with pytest.raises(ValueError, match=r"decay = 2: 0 to 1 is allowed; beta"):
        eprop.traces(x, 2)


def test_neurons_of_an_instant_fire_alike_and_keep_errors_in_their_step() -> None:
    torch.manual_seed(0)
    current = torch.randn(4, 50, dtype=torch.float64, requires_grad=True)
    lif = LIF(v_threshold=0.7)
    found = InstantLIF(lif)(current)
    assert torch.equal(found, lif(current.detach()))
    (gradient,) = torch.autograd.grad(found[3].sum(), current)
    psi = eprop.slope(lif.membrane(current.detach()), 0.7, 4.0)
    assert not gradient[:3].any() and torch.allclose(gradient[3], psi[3], rtol=0, atol=1e-12)
    assert InstantLIF(lif).events((current,), found) == lif.events((current,), found)


def test_networks_without_neurons_or_with_two_sorts_are_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no LIF neurons"):
        instant(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"beta = \[0.5, 0.75\]"):
        decay_of(torch.nn.Sequential(LIF(), LIF(tau=4.0)))


def handles(rule: str) -> tuple[dict[str, torch.Tensor], Spiking, torch.Tensor, torch.Tensor]:
    """Gradients that the arrays of an ideal chip get, and the network, its images and labels in float64."""
    net, x, y = spiking()
    made = instant(net) if rule == "e-prop" else net
    chip = learning_chip(made, IDEAL, ["*"], chips=(0, 1)).program()
    arrays = learners(chip)
    for one in arrays.values():
        one.listen(decay_of(net) if rule == "e-prop" else 0.0)
    logits = chip(x)
    loss = cross_entropy(logits[0], y) + cross_entropy(logits[1], y)
    found = torch.autograd.grad(loss, [one.handle for one in arrays.values() if one.handle is not None])
    return dict(zip(arrays, found, strict=True)), net.double(), x.double(), y


def test_arrays_get_the_gradient_of_backpropagation_chip_by_chip() -> None:
    found, net, x, y = handles("bptt")
    cross_entropy(net(x), y).backward()
    for name, gradient in found.items():
        assert gradient.dtype == torch.float64
        wanted = dict(net.named_parameters())[f"{name}.weight"].grad
        assert wanted is not None
        assert wanted.abs().max() > 1e-4
        for chip in gradient:
            assert torch.allclose(chip, wanted.T, rtol=0, atol=1e-12), name


def test_eprop_of_a_network_is_the_rule_layer_by_layer() -> None:
    found, net, x, y = handles("e-prop")
    beta, law = decay_of(net), net.lif2.law
    first = net.lif1(net.first(x).expand(4, *x.shape[:-1], -1))
    current = net.second(first)
    spikes = net.lif2(current)
    wrong = delta_rule.error(net.head(spikes.mean(0)), y)
    psi = eprop.slope(net.lif2.membrane(current), law.v_threshold, law.alpha)
    signal = (wrong @ net.head.weight) / 4  # of the mean over four steps
    wanted = eprop.change(first, signal * psi, beta)
    assert torch.allclose(found["second"][1], wanted, rtol=0, atol=1e-12)
    assert torch.allclose(found["head"][1], delta_rule.change(spikes.mean(0), wrong), rtol=0, atol=1e-12)


def test_the_delta_rule_is_the_gradient_of_a_read_out() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(9, 5, dtype=torch.float64), torch.randint(3, (9,))
    w = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(cross_entropy(x @ w, y), w)
    found = delta_rule.change(x, delta_rule.error(x @ w, y).detach())
    assert torch.allclose(found, wanted, rtol=0, atol=1e-14)
