"""Deletion and insertion: does a map find what the answer rests on?

Places are erased in the order of the map, the highest first, or inserted into an erased picture; after each
step the probability of the class is taken.  A good map makes deletion fall soon and insertion rise soon: its
area under the curve is far from that of a random order.  Source: Petsiuk et al., BMVC 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from memsim.devices import stream
from memsim.models.seeing.view import PASS, View


class Curves(NamedTuple):
    """Probabilities of the class (chips, images, steps + 1) while a share of places is erased or shown."""

    share: Tensor  #: of places, (steps + 1), from 0 to 1
    deletion: Tensor
    insertion: Tensor

    @property
    def areas(self) -> tuple[Tensor, Tensor]:
        """Areas under both curves (chips, images) [1]: deletion small and insertion large for a good map."""
        down, up = (torch.trapezoid(y, self.share) for y in (self.deletion, self.insertion))
        return down, up


def order(maps: Tensor, names: Sequence[int], seed: int = 0) -> Tensor:
    """Places (B, N) of maps (B, h, w), the highest first; those that tie in a random order of their image."""
    values = maps.double().flatten(1)
    keys = stream(seed, "seeing", "order").uniform((values.shape[1],), image=list(names)).to(values.device)
    mixed = keys.argsort(-1)
    return mixed.gather(1, values.gather(1, mixed).argsort(dim=-1, descending=True, stable=True))


@torch.no_grad()
def curves(
    view: View,
    images: Tensor,
    maps: Tensor,
    classes: Tensor,
    *,
    steps: int = 16,
    fill: float | None = None,
    seed: int = 0,
    names: Sequence[int] | None = None,
) -> Curves:
    """Erase and insert images (B, ..., H, W) along maps (B, h, w), in steps of equal numbers of places.

    fill: what stands at an erased place (default: the mean of the image's channel).  A map without any order
    gives the curves of a random one.  Raises ValueError for steps below 1.
    """
    if steps < 1:
        raise ValueError(f"steps = {steps}: at least one")
    names = range(len(images)) if names is None else names
    places, (h, w) = maps[0].numel(), maps.shape[1:]
    ranks = order(maps, names, seed).argsort(-1)  # when each place comes
    counts = [round(places * step / steps) for step in range(steps + 1)]
    blank = images.mean((-2, -1), keepdim=True) if fill is None else torch.full_like(images, fill)
    down, up = [], []
    for count in counts:
        gone = (ranks < count).to(images.dtype).view(-1, 1, h, w)
        gone = interpolate(gone, images.shape[-2:], mode="nearest")
        gone = gone.view(len(images), *[1] * (images.dim() - 3), *images.shape[-2:]).bool()
        down.append(_probability(view, torch.where(gone, blank, images), classes, names))
        up.append(_probability(view, torch.where(gone, images, blank), classes, names))
    share = torch.tensor(counts, dtype=torch.float64) / places
    return Curves(share, torch.stack(down, -1).double(), torch.stack(up, -1).double())


def _probability(view: View, images: Tensor, classes: Tensor, names: Sequence[int]) -> Tensor:
    """Softmax of each image's class (chips, images)."""
    size, found = max(1, PASS // view.chips), []
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        p = view.run(images[part].movedim(0, view.batch_axis), names[part]).softmax(-1)
        found.append(p.gather(-1, classes[part].expand(len(p), -1)[..., None])[..., 0])
    return torch.cat(found, 1)
