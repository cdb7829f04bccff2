"""The fast loops against the plain ones, with bf16 inputs on both sides."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from loops import Loops
from plain import EPS, SCALE, plain_fire, plain_weights
from torch import Tensor

THRESHOLD, ALPHA = 0.5, 2.0
SPIKES, GRADIENT = 1e-3, 0.02  #: share of spikes that may differ; relative error of a gradient
Function = Callable[..., Tensor]


def check(loops: Loops, device: str = "cuda") -> float:
    """Compare loops with the plain ones; returns the largest relative error of a gradient.

    ValueError where more than one spike in a thousand differs (bf16 leaves ties), or a gradient by over 2 %.
    """
    generator = torch.Generator(device).manual_seed(0)
    worst = max(
        *(_norm_fire(loops, T, held, generator) for T, held in ((4, False), (4, True), (1, False))),
        _norm_add(loops, generator),
        _attention(loops, generator),
    )
    if not worst < GRADIENT:
        raise ValueError(f"a gradient is off by {worst:.2%}, allowed is {GRADIENT:.0%}")
    return worst


def _norm_fire(loops: Loops, T: int, held: bool, generator: torch.Generator) -> float:
    """Check batch norm and LIF over T steps, with a current for each step or one that is held."""
    x = _normal(generator, 1 if held else T, 300, 96)
    weight, bias = _normal(generator, 96).mul(0.2).add(1), _normal(generator, 96).mul(0.2)

    def plain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        normed = F.batch_norm(x.view(-1, 96), None, None, weight, bias, True, 0.0, EPS)
        return plain_fire(normed.view(x.shape), T, THRESHOLD, ALPHA)

    def fast(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return loops.norm_fire(x.bfloat16(), weight, bias, T, THRESHOLD, ALPHA).float()

    return _compare(plain, fast, [x, weight, bias], _normal(generator, T, 300, 96), spikes=True)


def _norm_add(loops: Loops, generator: torch.Generator) -> float:
    """Check batch norm added to a membrane, and the neurons behind it."""
    x, u = _normal(generator, 900, 96), _normal(generator, 900, 96)
    weight, bias = _normal(generator, 96), _normal(generator, 96)

    def plain(x: Tensor, weight: Tensor, bias: Tensor, u: Tensor) -> Tensor:
        total = F.batch_norm(x, None, None, weight, bias, True, 0.0, EPS) + u
        return plain_fire(total.view(4, 225, 96), 4, THRESHOLD, ALPHA)

    def fast(x: Tensor, weight: Tensor, bias: Tensor, u: Tensor) -> Tensor:
        total = loops.norm_add(x.bfloat16(), weight, bias, u)
        return loops.fire(total.view(4, 225, 96), THRESHOLD, ALPHA).float()

    return _compare(plain, fast, [x, weight, bias, u], _normal(generator, 4, 225, 96), spikes=True)


def _attention(loops: Loops, generator: torch.Generator) -> float:
    """Check STDP attention of two heads."""
    device = generator.device
    spikes = [(torch.rand(2, 64, 64, generator=generator, device=device) < 0.2).float() for _ in range(3)]

    def plain(*spikes: Tensor) -> Tensor:
        q, k, v = (s.view(2, 64, 2, 32).transpose(1, 2) for s in spikes)
        return (SCALE * plain_weights(q, k) @ v).transpose(1, 2).reshape(2, 64, 64)

    def fast(*spikes: Tensor) -> Tensor:
        return loops.attention(*(s.bfloat16() for s in spikes), 32)

    return _compare(plain, fast, spikes, _normal(generator, 2, 64, 64), spikes=False)


def _compare(plain: Function, fast: Function, inputs: list[Tensor], grad: Tensor, *, spikes: bool) -> float:
    """Return the largest relative difference of two functions' gradients, and of values but spikes."""
    found = []
    for function in (plain, fast):
        leaves = [t.clone().requires_grad_() for t in inputs]
        out = function(*leaves)
        found.append((out, *torch.autograd.grad((out * grad).sum(), leaves)))
    (out, *grads), (other, *others) = found
    if not spikes:
        return max(map(_apart, (out, *grads), (other, *others)))
    differ = float((out != other).float().mean())
    if differ > SPIKES:
        raise ValueError(f"{differ:.2%} of spikes are not those of the plain loops")
    return max(map(_apart, grads, others))


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw normal numbers that bf16 holds exactly."""
    return torch.randn(shape, generator=generator, device=generator.device).bfloat16().float()


def _apart(a: Tensor, b: Tensor) -> float:
    """Return |a - b| / |a|."""
    return float(((a - b.float()).norm() / a.norm()).detach())
