"""The kernels against the plain loops."""

import torch
import torch.nn.functional as F
from kernels import Fire, NormAdd, NormFire, StdpAttention
from plain import EPS, SCALE, plain_fire, plain_weights
from torch import Tensor


def check_kernels(device: str = "cuda") -> float:
    """Compare the kernels with the plain loops on a GPU; returns the largest relative error of a gradient.

    SystemExit where a spike differs though its membrane is further than .01 from the threshold, or a gradient
    by more than 2 %.
    """
    worst, generator = 0.0, torch.Generator(device).manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    for T, rows in ((4, 4), (4, 1), (1, 1)):
        x, g = normal(rows, 1000, 96).bfloat16().float(), normal(T, 1000, 96)
        weight, bias = normal(96).mul(0.2).add(1), normal(96).mul(0.2)
        found = []
        for plain in (True, False):
            leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
            if plain:
                normed = F.batch_norm(leaves[0].view(-1, 96), None, None, *leaves[1:], True, 0.0, EPS)
                s = plain_fire(normed.view(x.shape), T, 0.5, 2.0)
            else:
                s = NormFire.apply(leaves[0].bfloat16(), *leaves[1:], T, 0.5, 2.0).float()
            found.append((s, torch.autograd.grad((s * g.bfloat16().float()).sum(), leaves)))
        differ = float((found[0][0] != found[1][0]).float().mean())
        if differ > 1e-3:
            raise SystemExit(f"the kernel of batch norm and LIF fires otherwise in {differ:.2%} of places")
        worst = max(worst, *map(_apart, found[0][1], found[1][1]))
    x, u, g = normal(900, 96).bfloat16().float(), normal(900, 96), normal(900, 96)
    weight, bias, found = normal(96), normal(96), []
    for plain in (True, False):
        leaves = [t.clone().requires_grad_() for t in (x, weight, bias, u)]
        if plain:
            total = F.batch_norm(leaves[0], None, None, *leaves[1:3], True, 0.0, EPS) + leaves[3]
            out = plain_fire(total.view(4, 225, 96), 4, 0.5, 2.0).view(900, 96)
        else:
            total = NormAdd.apply(leaves[0].bfloat16(), *leaves[1:])
            out = Fire.apply(total.view(4, 225, 96), 0.5, 2.0).float().view(900, 96)
        found.append([total, *torch.autograd.grad((out * g.bfloat16().float()).sum(), leaves)])
    worst = max(worst, *map(_apart, *found))
    spikes = [(torch.rand(8, 64, 64, generator=generator, device=device) < 0.2).bfloat16() for _ in range(3)]
    g, found = normal(8, 64, 64), []
    for plain in (True, False):
        q, k, v = leaves = [
            s.float().requires_grad_() if plain else s.clone().requires_grad_() for s in spikes
        ]
        if plain:
            q, k, v = (x.view(8, 64, 2, 32).transpose(1, 2) for x in leaves)
            out = (SCALE * plain_weights(q, k) @ v).transpose(1, 2).reshape(8, 64, 64)
        else:
            out = StdpAttention.apply(q, k, v, 32)
        found.append([out, *torch.autograd.grad((out * g).sum(), leaves)])
    worst = max(worst, *map(_apart, *found))
    if not worst < 0.02:
        raise SystemExit(f"a gradient of the kernels is off by {worst:.2%}")
    return worst


def _apart(a: Tensor, b: Tensor) -> float:
    """Return |a - b| / |a|."""
    return float(((a - b.float()).norm() / a.norm()).detach())
