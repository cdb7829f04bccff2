"""Other networks used in a training: one with initial weights, and a teacher for distillation."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memsim.models.checkpoint import load
from memsim.models.networks.network import Network, NetworkConfig
from memsim.models.tensor_file import digest
from memsim.models.training.recipe import Recipe

TEACHER_WEIGHT, TEMPERATURE = 0.7, 2.0


def named(field: str, name: str | None, config: NetworkConfig | None) -> Network | None:
    """Load the network `name` for a field of a recipe; None if there is no name.

    Raises ValueError if it cannot be loaded or differs from `config` in image size or classes.
    """
    if name is None:
        return None
    try:
        net = load(name)
    except (ValueError, OSError) as error:
        raise ValueError(f"{field}={name!r}: {error}") from error
    if config is not None:
        theirs, ours = (f"images {c.in_shape} of {c.num_classes} classes" for c in (net.config, config))
        if theirs != ours:
            raise ValueError(f"{field}={name!r} takes {theirs}, the network to train {ours}")
    return net


def identity(net: nn.Module | None) -> str:
    """Return a digest of the weights of a network, 16 hexadecimal digits; "" for None."""
    return "" if net is None else digest(net.state_dict(), type(net).__qualname__)[:16]


@torch.no_grad()
def begin_with(net: nn.Module, other: nn.Module, name: str) -> None:
    """Copy parameters and buffers of `other` with the same name and shape to a network.

    Vectors and buffers that `other` lacks keep their values. Raises ValueError if it lacks a weight matrix.
    """
    theirs, weights = other.state_dict(), dict(net.named_parameters())
    for key, mine in net.state_dict().items():
        found = theirs.get(key)
        if found is not None and found.shape == mine.shape:
            mine.copy_(found)
        elif mine.ndim > 1 and key in weights:
            shape = "none" if found is None else str(tuple(found.shape))
            raise ValueError(
                f"start={name!r} has no weights for {key} {tuple(mine.shape)}: there is {shape}. Widths, "
                "layers and names must be the same, as those of 'vit' and 's2tdpt' are"
            )


def loss_of(recipe: Recipe, teacher: nn.Module | None) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the loss as a function of logits (B, classes), labels (B) and images.

    It is the cross-entropy with label smoothing or, with a teacher,

        (1 - w) cross-entropy + w tau^2 KL(softmax(teacher / tau) || softmax(logits / tau))

    with w = teacher_weight and tau = temperature. Source: Hinton et al., arXiv:1503.02531 (2015).
    """
    plain = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    if teacher is None:
        return lambda logits, labels, images: plain(logits, labels)
    weight, tau = recipe.teacher_weight or TEACHER_WEIGHT, recipe.temperature or TEMPERATURE
    teacher.requires_grad_(False).eval()

    def distilled(logits: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16, recipe.precision == "bf16"):
            soft = (teacher(images).float() / tau).softmax(-1)
        learned = F.kl_div((logits / tau).log_softmax(-1), soft, reduction="batchmean")
        return (1 - weight) * plain(logits, labels) + weight * tau**2 * learned

    return distilled
