"""A training recipe, and those of the known data sets."""

from math import cos, isclose, pi
from typing import Literal, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memsim.models.known import fold_of
from memsim.models.training.augment import Augmentation


@final
class Recipe(BaseModel):
    """How to train: chosen on the validation part of `digits`, good for small sets; larger ones want fewer
    epochs (`RECIPES`).

    The fields from `precision` on make a training faster or its network better; docs/training.md measures
    each. ValueError on unknown fields, on values out of range, and on one that has no effect.
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
    precision: Literal["fp32", "fp32-fused", "bf16"] = Field(
        default="fp32",
        description="of products and spikes; fp32-fused: norms and neurons in one kernel, equal to rounding",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon: for matrices but the last, AdamW for the rest"
    )
    matrix_rate: float | None = Field(default=None, gt=0, description="Muon's rate at the top; None: 0.12")
    steps: tuple[tuple[int, float], ...] | None = Field(
        default=None, description="time steps T and the share of the training they have, one after another"
    )
    start: str | None = Field(
        default=None, description="begin with the weights of this network, bundled or a file: the ANN twin"
    )
    teacher: str | None = Field(default=None, description="learn from this network's answers, too")
    teacher_weight: float | None = Field(
        default=None, gt=0, le=1, description="share of the teacher in the loss; None: 0.7"
    )
    temperature: float | None = Field(
        default=None, gt=0, description="that both answers are divided by; None: 2"
    )
    average: float | None = Field(
        default=None, gt=0, lt=1, description="decay a step of the mean weights, over the last third"
    )
    minutes: float | None = Field(
        default=None, gt=0, description="end after these by the clock, if that is before the last epoch"
    )

    @model_validator(mode="after")
    def _has_effect(self) -> "Recipe":
        if self.matrix_rate is not None and self.optimizer != "muon":
            raise ValueError(
                f"matrix_rate={self.matrix_rate} has no effect with optimizer={self.optimizer!r}; "
                "optimizer='muon', or did you mean learning_rate?"
            )
        for name in ("teacher_weight", "temperature"):
            if getattr(self, name) is not None and self.teacher is None:
                raise ValueError(f"{name}={getattr(self, name)} has no effect without a teacher: name one")
        if self.steps is not None:
            if any(T < 1 or not 0 < share <= 1 for T, share in self.steps):
                raise ValueError(
                    f"steps={self.steps}: pairs of time steps, at least 1, and a share in (0, 1]"
                )
            total = sum(share for _, share in self.steps)
            if not isclose(total, 1, abs_tol=1e-6):
                raise ValueError(f"steps={self.steps}: shares add up to {total:g}, needed is 1")
        return self

    def rate(self, epoch: float) -> float:
        """Learning rate at a (fractional) epoch."""
        if epoch < self.warmup:
            return self.learning_rate * (epoch + 1e-3) / self.warmup
        part = (epoch - self.warmup) / max(self.epochs - self.warmup, 1)
        return self.final_rate + (self.learning_rate - self.final_rate) * (1 + cos(pi * part)) / 2

    def steps_at(self, epoch: float) -> int | None:
        """Time steps at a (fractional) epoch; None: the network's own."""
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


def recipe_for(dataset: str) -> Recipe:
    """Return the recipe of a data set by its name; a fold of it has the same."""
    return RECIPES.get(fold_of(dataset)[0], Recipe())
