"""Training recipes: the settings of a training, and those of the known data sets."""

from collections.abc import Mapping
from math import cos, isclose, pi
from typing import Any, Literal, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memsim.models.known import fold_of
from memsim.models.training.augment import Augmentation


@final
class Recipe(BaseModel):
    """Settings of a training.

    The defaults were chosen on the validation part of `digits` and suit small data sets; larger ones need
    fewer epochs (`RECIPES`). The fields from `precision` on make a training faster or its result better;
    docs/training.md has measurements of each. Raises ValueError for unknown fields, values out of range, and
    fields that would have no effect.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=100, ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=3e-3, gt=0, description="peak learning rate, after the warm-up")
    final_rate: float = Field(default=1e-5, ge=0, description="learning rate at the end of the cosine")
    warmup: int = Field(default=5, ge=0, description="epochs of linear warm-up")
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    augmentation: Augmentation = Field(default=Augmentation())
    half: bool = Field(default=False, description="round the weights to float16, which halves the file")
    precision: Literal["fp32", "fp32-fused", "bf16"] = Field(
        default="fp32",
        description="number format; fp32-fused: norms and neurons in one kernel, equal except for rounding",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon: Muon for matrices except the last, AdamW for all other parameters"
    )
    matrix_rate: float | None = Field(
        default=None, gt=0, description="peak learning rate of Muon; None: 0.12"
    )
    steps: tuple[tuple[int, float], ...] | None = Field(
        default=None, description="schedule: pairs of time steps T and the share of the training with that T"
    )
    start: str | None = Field(
        default=None, description="network (bundled or a file) whose weights are the initial weights"
    )
    teacher: str | None = Field(
        default=None, description="network whose outputs are learned as well (distillation)"
    )
    teacher_weight: float | None = Field(
        default=None, gt=0, le=1, description="weight of the distillation in the loss; None: 0.7"
    )
    temperature: float | None = Field(
        default=None, gt=0, description="temperature of the distillation; None: 2"
    )
    average: float | None = Field(
        default=None, gt=0, lt=1, description="decay per step of the weight average over the last third"
    )
    minutes: float | None = Field(
        default=None, gt=0, description="end the training after this wall time, at the latest [min]"
    )

    @model_validator(mode="after")
    def _has_effect(self) -> "Recipe":
        if self.matrix_rate is not None and self.optimizer != "muon":
            raise ValueError(
                f"matrix_rate={self.matrix_rate} has no effect with optimizer={self.optimizer!r}; "
                "use optimizer='muon', or did you mean learning_rate?"
            )
        for name in ("teacher_weight", "temperature"):
            if getattr(self, name) is not None and self.teacher is None:
                raise ValueError(f"{name}={getattr(self, name)} has no effect without a teacher: name one")
        if self.steps is not None:
            if any(T < 1 or not 0 < share <= 1 for T, share in self.steps):
                raise ValueError(
                    f"steps={self.steps}: pairs of time steps, at least 1, and a share in (0, 1] are needed"
                )
            total = sum(share for _, share in self.steps)
            if not isclose(total, 1, abs_tol=1e-6):
                raise ValueError(f"steps={self.steps}: the shares add up to {total:g}; they must add up to 1")
        return self

    def rate(self, epoch: float) -> float:
        """Return the learning rate at a (fractional) epoch."""
        if epoch < self.warmup:
            return self.learning_rate * (epoch + 1e-3) / self.warmup
        part = (epoch - self.warmup) / max(self.epochs - self.warmup, 1)
        return self.final_rate + (self.learning_rate - self.final_rate) * (1 + cos(pi * part)) / 2

    def steps_at(self, epoch: float) -> int | None:
        """Return the number of time steps at a (fractional) epoch; None: that of the network."""
        if self.steps is None:
            return None
        ended, part = 0.0, epoch / self.epochs
        for T, share in self.steps:
            ended += share
            if part < ended - 1e-9:
                return T
        return self.steps[-1][0]


_EVENTS = Recipe(
    epochs=12,
    batch=32,
    learning_rate=4e-3,
    warmup=1,
    augmentation=Augmentation(rotation=10, zoom=0.1, shift=1.5, noise=0),
    half=True,
)

_PHOTOGRAPHS = Recipe(augmentation=Augmentation(rotation=0, zoom=0, shift=4, noise=0, mirror=True))

RECIPES = {
    "digits": Recipe(),
    "digits-saccade": _EVENTS,
    "n-mnist": _EVENTS,
    "cifar10": _PHOTOGRAPHS,
    "cifar100": _PHOTOGRAPHS,
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
"""Recipes by the name of the data set; all other data sets use the default."""

UNCHANGED = Augmentation(rotation=0, zoom=0, shift=0, noise=0)


def augmentation_of(record: Mapping[str, Any]) -> Augmentation:
    """Return how the images were transformed that a network's norms were measured on, by its training record.

    Not at all where the record has no recipe: then the network was trained elsewhere.
    """
    recipe = record.get("recipe")
    return UNCHANGED if recipe is None else Augmentation(**recipe["augmentation"])


def recipe_for(dataset: str) -> Recipe:
    """Return the recipe for the name of a data set; folds use the recipe of the whole set."""
    return RECIPES.get(fold_of(dataset)[0], Recipe())
