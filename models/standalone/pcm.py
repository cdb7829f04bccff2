"""Weights as chips of phase-change memory hold them, for training: the law of memsim's cell `pcm-joshi2020`.

A weight is a pair of devices, G = G_max |w| / top in the one and nothing in the other; `top` is the largest
weight of a column of a tile. x = G / G_max, times in seconds:

    programming     x_P = max(0, x + s(x) xi),     s = (0.26348 + 1.9650 x - 1.1731 x^2) / 25
    drift           x_P ((t + 20) / 20)^-nu,       nu = |mu(x) + s(x) xi|
    1/f noise       (1 + Q sqrt(ln((t + 20) / 5e-7)) xi),      Q = min(0.2, 0.0088 x_P^-0.65)
    compensation    mean |x+ - x-| after the write over that at t, one factor for a layer

Source: Joshi et al., Nat. Commun. 11, 2473 (2020); Nandakumar et al., ICECS 2019. Noise of single reads,
converters, wires and the writing of attention are not here: `memsim.models.harden` has them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = 256  #: of a tile
T_0, T_READ = 20.0, 250e-9  #: of drift and of a read [s]


class Chip:
    """A chip that no batch has met before: every product of a training step takes its weights from it.

    age: time since its programming [s], a tensor of one number, set before a step.
    strength: a factor on every error, 1: as measured.
    """

    def __init__(self, age: Tensor, strength: float):
        self.age, self.strength = age, strength

    def holds(self, weight: Tensor) -> Tensor:
        """Return a weight (out, ...) as it is read, with gradients straight through to the weight itself."""
        return weight + (self._read(weight.detach()) - weight.detach())

    def _read(self, weight: Tensor) -> Tensor:
        columns = tiles(weight)
        top = columns.abs().amax(-1, keepdim=True).clamp(min=1e-12)
        share, inside = columns / top, tiles(torch.ones_like(weight))
        (plus, plus_now), (minus, minus_now) = (self._device(x.clamp(min=0)) for x in (share, -share))
        written, now = (plus - minus) * inside, (plus_now - minus_now) * inside
        factor = written.abs().sum() / now.abs().sum()
        return untiled(now * top * factor, weight)

    def _device(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a device of target x (in shares of G_max) holds after the write, and now."""
        normal = torch.randn((3, *x.shape), device=x.device)
        spread = (0.26348 + 1.9650 * x - 1.1731 * x * x) / 25
        written = (x + self.strength * spread * normal[0]).clamp(min=0)
        ln = x.clamp(min=1e-7).log()
        mean = (-0.0155 * ln + 0.0244).clamp(0.049, 0.1)
        nu = (mean + self.strength * (-0.0125 * ln - 0.0059).clamp(0.008, 0.045) * normal[1]).abs()
        share = (0.0088 * written.clamp(min=1e-7).pow(-0.65)).clamp(max=0.2)
        noise = share * ((self.age + T_0) / (2 * T_READ)).log().sqrt()
        decay = (-(self.age / T_0).log1p() * nu).exp()
        return written, (written * decay * (1 + self.strength * noise * normal[2])).clamp(min=0)


def tiles(weight: Tensor) -> Tensor:
    """Split the inputs of a weight (out, ...) over tiles, filled up with zeros: (out, tiles, rows)."""
    flat = weight.float().flatten(1)
    count = -(-flat.shape[1] // ROWS)
    rows = -(-flat.shape[1] // count)
    return F.pad(flat, (0, count * rows - flat.shape[1])).view(len(flat), count, rows)


def untiled(columns: Tensor, like: Tensor) -> Tensor:
    """Turn `tiles` back into a weight of the shape of `like`."""
    return columns.flatten(1)[:, : like[0].numel()].reshape(like.shape).to(like.dtype)


@torch.no_grad()
def clip_columns(weight: Tensor, clip: float) -> None:
    """Keep every weight of a column of a tile within `clip` times their root mean square, in place.

    The largest sets the scale of all, and errors count in shares of it.
    """
    columns, inside = tiles(weight), tiles(torch.ones_like(weight))
    limit = clip * (columns.square().sum(-1, keepdim=True) / inside.sum(-1, keepdim=True)).sqrt()
    weight.copy_(untiled(columns.clamp(-limit, limit), weight))
