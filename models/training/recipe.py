"""A training recipe, and those of the known data sets."""

from math import cos, pi
from typing import final

from pydantic import BaseModel, ConfigDict, Field

from memsim.models.training.augment import Augmentation


@final
class Recipe(BaseModel):
    """How to train: chosen on the validation part of `digits`, good for small sets; larger ones want fewer
    epochs (`RECIPES`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=100, ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=3e-3, gt=0, description="at the top, after the warm-up")
    final_rate: float = Field(default=1e-5, ge=0, description="at the end of the cosine")
    warmup: int = Field(default=5, ge=0, description="epochs of linear rise")
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    augmentation: Augmentation = Field(default=Augmentation())
    half: bool = Field(default=False, description="round the trained network to float16, to half its file")

    def rate(self, epoch: float) -> float:
        """Learning rate at a (fractional) epoch."""
        if epoch < self.warmup:
            return self.learning_rate * (epoch + 1e-3) / self.warmup
        part = (epoch - self.warmup) / max(self.epochs - self.warmup, 1)
        return self.final_rate + (self.learning_rate - self.final_rate) * (1 + cos(pi * part)) / 2


_EVENTS = Recipe(
    epochs=12,
    batch=32,
    learning_rate=4e-3,
    warmup=1,
    augmentation=Augmentation(rotation=10, zoom=0.1, shift=1.5, noise=0),
    half=True,
)

RECIPES = {
    "digits": Recipe(),
    "digits-saccade": _EVENTS,
    "n-mnist": _EVENTS,
    "fashion-mnist": Recipe(
        epochs=10,
        batch=64,
        learning_rate=2.5e-3,
        warmup=0,
        weight_decay=0.02,
        label_smoothing=0.05,
        augmentation=Augmentation(rotation=0, zoom=0, shift=0, noise=0, mirror=True),
        half=True,
    ),
}
"""The recipe of a data set; any other gets the default."""
