"""The base classes of networks and their configurations, and what a network may offer besides."""

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationInfo, field_validator
from torch import Tensor, nn

from memsim.models.parts.attention import AbstractAttention

NUMERIC = (
    int,
    float,
    int | None,
    float | None,
    tuple[int, int, int],
    tuple[int, ...],
    tuple[PositiveInt, ...],
)
"""Types of fields that hold numbers."""
MOST_CLASSES = 1_000_000
LARGEST = 65536  #: side of a picture [pixels], or number of its channels


class NetworkConfig(BaseModel):
    """Everything that fixes a network but its weights; a network adds fields of its own.

    Frozen; ValueError on unknown fields, NaN, infinity (but tau = inf is no leak), text for numbers, and
    shapes that are none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    in_shape: tuple[int, int, int] = Field(
        default=(3, 32, 32), description="channels, height, width of an image"
    )
    num_classes: int = Field(default=10, ge=2, le=MOST_CLASSES, description="classes of the head")

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse text and truth values where numbers are needed: names by size do not understand them."""
        numeric = cls.model_fields[str(info.field_name)].annotation in NUMERIC
        parts = value if isinstance(value, (tuple, list)) else (value,)
        if numeric and any(isinstance(part, (str, bytes, bool)) for part in parts):
            raise ValueError("numbers are needed, without quotes")
        return value

    @field_validator("tau", mode="before", check_fields=False)
    @classmethod
    def _no_leak(cls, value: Any) -> Any:
        """Store an infinite time constant as None, no leak, which a checkpoint can hold."""
        return None if isinstance(value, float) and value == inf else value

    @field_validator("in_shape")
    @classmethod
    def _fits_a_picture(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(1 <= side <= LARGEST for side in shape):
            raise ValueError(f"channels, height and width are each from 1 to {LARGEST}")
        return shape


class Network(nn.Module):
    """A network that is built by name, trained and saved: images (B, C, H, W) -> logits (B, classes).

    `config` holds every choice; `record` is the training record (empty until trained); `calibration_images`
    are training images that set a chip's converters (None until trained).
    """

    config: NetworkConfig

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.record: dict[str, Any] = {}
        self.calibration_images: Tensor | None = None


class AttentionLayer(Protocol):
    """A layer whose attention can be exchanged: `core` is the attention leaf."""

    core: AbstractAttention


@runtime_checkable
class HasAttention(Protocol):
    """A network that lists its attention layers in order."""

    def attention_layers(self) -> Sequence[AttentionLayer]: ...


def attention_layers(net: nn.Module) -> Sequence[AttentionLayer]:
    """Return the attention layers of a network, in order; ValueError for a network that lists none."""
    if not isinstance(net, HasAttention):
        raise ValueError(f"{type(net).__name__} has no attention to exchange: it lacks attention_layers()")
    return net.attention_layers()


def check_image(image: Tensor, in_shape: tuple[int, int, int]) -> None:
    """Refuse, with ValueError, images of a wrong shape, with NaN, or with pixels outside [0, 1]."""
    if image.ndim != 4 or tuple(image.shape[1:]) != tuple(in_shape):
        slip = "; did you forget the batch axis?" if tuple(image.shape) == tuple(in_shape) else ""
        raise ValueError(
            f"image has shape {tuple(image.shape)}, needed (batch, {', '.join(map(str, in_shape))}){slip}"
        )
    if image.numel() == 0 or image.is_meta:  # nothing to look at
        return
    low, high = (float(value) for value in image.detach().aminmax())
    if not (low >= 0 and high <= 1):
        if low != low or high != high:
            which = int(image.detach().isnan().flatten(1).any(1).nonzero()[0])
            raise ValueError(
                f"image {which} holds NaN, allowed are pixels in [0, 1]; was something divided by 0 before?"
            )
        slip = "; are these bytes? Divide by 255" if high > 1 else "; were they normalised? Pass raw pixels"
        raise ValueError(f"image has pixels from {low:.6g} to {high:.6g}, allowed is [0, 1]{slip}")


def check_input(x: Tensor, in_shape: tuple[int, int, int], steps: int | None = None) -> None:
    """Refuse, with ValueError, what is neither images (B, C, H, W) nor event frames (T, B, C, H, W).

    Pixels lie in [0, 1]; frames hold counts or presence of events, finite numbers >= 0. steps: the number of
    frames, where the network has one for a fixed number of them alone.
    """
    if x.ndim != 5:
        return check_image(x, in_shape)
    if tuple(x.shape[2:]) != tuple(in_shape) or len(x) == 0:
        raise ValueError(
            f"frames have shape {tuple(x.shape)}, needed (steps, batch, {', '.join(map(str, in_shape))})"
        )
    if steps is not None and len(x) != steps:
        raise ValueError(
            f"{len(x)} event frames, needed steps={steps}: this network has weights for each time step; "
            "is the batch axis first? Frames are (steps, batch, channels, height, width)"
        )
    if x.numel() == 0 or x.is_meta:
        return
    low, high = (float(value) for value in x.detach().aminmax())
    if not (low >= 0 and high < float("inf")):
        raise ValueError(f"frames hold values from {low:.6g} to {high:.6g}, allowed are finite counts >= 0")
