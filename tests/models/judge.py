"""A network of SpikingJelly as the judge of one of ours: its weights copied over, all spikes side by side."""

from collections.abc import Iterable

import torch
from spikingjelly.activation_based import functional, neuron
from torch import Tensor, nn

from memsim.models.parts.neurons import LIF

Unit = tuple[nn.Module, nn.Module | None]


def units(modules: Iterable[nn.Module]) -> list[Unit]:
    """Layers with matrices, in the order of their definition, each with the batch norm behind it."""
    found: list[Unit] = []
    for module in (inner for one in modules for inner in one.modules()):
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            found.append((module, None))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            found[-1] = (found[-1][0], module)
    return found


def excite(net: nn.Module, gain: float) -> None:
    """Give norms gains and shifts that let neurons fire, in float64."""
    torch.manual_seed(2)
    for module in net.double().modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5 * gain, 1.5 * gain)
            nn.init.uniform_(module.bias, -0.2 * gain, 0.6 * gain)
            nn.init.normal_(module.running_mean, 0, 0.05)
            nn.init.uniform_(module.running_var, 0.1, 0.5)


def copy_weights(theirs: list[Unit], ours: list[Unit]) -> None:
    """Copy matrices, biases and norms; a matrix of theirs for Q, K and V is divided over three of ours.

    A bias of theirs where we have none goes into the mean of the norm behind it, which takes it away again.
    """
    left = list(ours)
    for layer, norm in theirs:
        rows = left[0][0].weight.shape[0]
        for start in range(0, layer.weight.shape[0], rows):
            part = slice(start, start + rows)
            mine, my_norm = left.pop(0)
            mine.weight.data = layer.weight.data[part].reshape(mine.weight.shape).clone()
            bias = torch.zeros(rows) if layer.bias is None else layer.bias.data[part]
            if mine.bias is not None:
                mine.bias.data = bias.to(mine.weight.dtype).clone()
            if norm is not None:
                for name, tensor in my_norm.state_dict(keep_vars=True).items():
                    if tensor.ndim:
                        tensor.data = norm.state_dict()[name][part].clone()
                if mine.bias is None:
                    my_norm.running_mean.data -= bias
    assert not left


def spikes(net: nn.Module, kinds: type[nn.Module], x: Tensor, tokens: bool) -> tuple[Tensor, list[Tensor]]:
    """Answer and spikes of all neurons, in the order of their calls, each (T, B, channels * places).

    tokens: whether a tensor of four axes has its features last.
    """
    found: list[Tensor] = []

    def keep(_: nn.Module, __: tuple, out: Tensor) -> None:
        found.append((out.transpose(2, 3) if tokens and out.ndim == 4 else out).flatten(2))

    handles = [one.register_forward_hook(keep) for one in net.modules() if isinstance(one, kinds)]
    with torch.no_grad():
        answer = net(x)
    for handle in handles:
        handle.remove()
    return answer, found


def compare(theirs: nn.Module, ours: nn.Module, x: Tensor, frames: Tensor, merge: int = 0) -> list[float]:
    """Assert equal spikes of both networks in every layer, and equal answers; returns the firing rates.

    x, frames: what goes into ours and into theirs. merge: where our Q, K and V spikes begin in a block of
    seven layers that follow the first `merge` ones; theirs are one layer.
    """
    functional.reset_net(theirs)
    wanted, judge = spikes(theirs.eval(), neuron.BaseNode, frames, tokens=False)
    found, own = spikes(ours.eval(), LIF, x, tokens=True)
    if merge:
        blocks = [own[start : start + 7] for start in range(merge, len(own), 7)]
        own = own[:merge] + [s for b in blocks for s in (torch.cat(b[:3], 2), *b[3:])]
    assert len(judge) == len(own)
    for number, (a, b) in enumerate(zip(judge, own, strict=True)):
        assert torch.equal(a, b), f"layer {number}: {int((a != b).sum())} of {a.numel()} spikes differ"
    wanted = wanted.mean(0) if wanted.ndim == 3 else wanted
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-10)
    return [float(s.mean()) for s in own]
