"""Attention that looks at nothing, matched to an STDP network's weights by layer and head."""

import torch
from job import MATCHED, Job
from measures import attention_moments
from network import Net
from torch import Tensor

IMAGES = 2_048  #: images to learn from that mean and spread are measured on


def given(job: Job, done: dict[str, Net], images: Tensor) -> list[dict[str, Tensor]] | None:
    """Return the buffers of attention that is matched to an STDP network's weights, by layer."""
    if job.mixer not in MATCHED:
        return None
    found = attention_moments(done[job.moments], images[:IMAGES])
    if job.mixer == "uniform-matched":
        return [{"level": mean.float()} for mean, _ in found]
    out = []
    for layer, (mean, spread) in enumerate(found):
        generator = torch.Generator().manual_seed(job.seed * 1000 + layer)
        draw = torch.rand(len(mean), 64, 64, generator=generator, dtype=torch.float64)
        draw = (draw - draw.mean((1, 2), keepdim=True)) / draw.std((1, 2), keepdim=True, correction=0)
        out.append({"weight": (mean[:, None, None] + spread[:, None, None] * draw).float()})
    return out
