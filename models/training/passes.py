"""The forward pass of training: the network as it is, or a faster equivalent, with any number of time steps.

Every option is checked before the training begins; options that a network does not support, or that would
have no effect, are refused.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from memsim.models.datasets.dataset import Dataset, time_first
from memsim.models.networks.network import Network
from memsim.models.networks.row_pass import has_row_pass, row_pass
from memsim.models.training.recipe import Recipe

Forward = Callable[[Tensor, int], Tensor]
"""Function (images, number) -> logits (B, classes): images (B, C, H, W) or event frames (T, B, C, H, W), and
the number of the batch since the beginning of the training.
"""
Pass = Callable[[Tensor, int, int | None], Tensor]
"""Function (images, number, T) -> logits: as `Forward`, with T time steps of an image; None: the
network's T.
"""


def pass_of(net: nn.Module, recipe: Recipe, dataset: Dataset, forward: Forward | None) -> Pass:
    """Return the function that computes logits in training.

    Raises ValueError for a precision or a schedule of time steps that the network does not support.
    """
    if forward is not None:
        for name, usual in (("precision", "fp32"), ("steps", None)):
            if getattr(recipe, name) != usual:
                raise ValueError(
                    f"{name}={getattr(recipe, name)!r} has no effect if a `forward` is given, which "
                    "computes the logits itself: leave one of them out"
                )
        return lambda images, number, T: forward(images, number)
    if recipe.steps is not None:
        _check_steps(net, recipe, dataset)
    config: Any = getattr(net, "config", None)
    own: int = config.steps if _has_steps(net) else 1
    if recipe.precision == "fp32":
        return lambda images, _, T: net(held(images, T, own))
    device = next(net.parameters()).device.type
    if any(p.dtype != torch.float32 for p in net.parameters()):
        raise ValueError(f"precision={recipe.precision!r} is for float32 parameters: call .float() first")
    if has_row_pass(net) and device == "cpu":
        kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
        return lambda images, _, T: row_pass(net, images, steps=T or own, kind=kind)  # type: ignore[arg-type]
    if recipe.precision == "fp32-fused":
        raise ValueError(
            f"precision='fp32-fused' is for S2TDPT and Spikingformer networks on the CPU, "
            f"not for {type(net).__name__} on {device}: use 'fp32' or 'bf16'"
        )
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def short(images: Tensor, _: int, T: int | None) -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            return net(held(images, T, own)).float()

    return short


def held(images: Tensor, T: int | None, own: int) -> Tensor:
    """Return images for T steps, expanded to frames (T, B, C, H, W) if the network's own number differs."""
    return images if T is None or T == own or images.ndim == 5 else images.expand(T, *images.shape)


def _has_steps(net: nn.Module) -> bool:
    """Return whether a network presents each image for a configurable number of time steps."""
    return isinstance(net, Network) and "steps" in type(net.config).model_fields


def _check_steps(net: nn.Module, recipe: Recipe, dataset: Dataset) -> None:
    """Raise ValueError for a schedule of time steps that the data or the network does not support."""
    if dataset.steps is not None:
        raise ValueError(
            f"steps={recipe.steps} has no effect: samples of {dataset.name} have {dataset.steps} frames each"
        )
    if not _has_steps(net):
        raise ValueError(
            f"steps={recipe.steps} has no effect on {type(net).__name__}: it has no time steps (config.steps)"
        )
    config: Any = net.config
    own, images = config.steps, time_first(dataset.x_train[:2])
    training, device = net.training, next(net.parameters()).device
    net.eval()
    try:
        for T, _ in recipe.steps or ():
            with torch.no_grad():
                net(held(images.to(device), T, own))
    except ValueError as error:
        raise ValueError(f"steps={recipe.steps}: the network does not run with them: {error}") from error
    finally:
        net.train(training)
