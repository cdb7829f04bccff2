"""A tabulated STDP window, from spike waveforms on a device or from a measurement."""

from typing import Annotated, final

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

Part = Annotated[float, Field(ge=-1, le=1)]


@final
class WindowTable(BaseModel):
    """Table of f(|dt|), relative to the largest change A, for potentiation (dt < 0) and depression (dt >= 0).

    f is interpolated linearly between the delays and constant after the last one. A negative f changes the
    weight in the direction opposite to its branch. `devices.stdp_window(...).table()` returns all fields
    except `time_unit`. Raises ValueError unless the delays increase from 0, all three lists are equally long,
    and the largest |f| is 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: tuple[float, ...] = Field(min_length=2, description="|dt| on the device [s], increasing from 0")
    potentiation: tuple[Part, ...] = Field(description="f at these delays if the query spike comes first")
    depression: tuple[Part, ...] = Field(description="f if the query spike comes last, and for ties")
    time_unit: float = Field(gt=0, description="device time of one unit of first-spike time [s]")

    @model_validator(mode="after")
    def _is_a_window(self) -> "WindowTable":
        count = len(self.delay)
        for name in ("potentiation", "depression"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name} has {len(getattr(self, name))} values for {count} delays")
        if self.delay[0] != 0 or any(b <= a for a, b in zip(self.delay, self.delay[1:], strict=False)):
            raise ValueError("delay must increase from 0 s; the sign of dt is given by the two branches")
        largest = max(map(abs, (*self.potentiation, *self.depression)))
        if largest != 1:
            raise ValueError(f"potentiation and depression: the largest |f| is {largest:g}; it must be 1")
        return self

    def part(self, distance: Tensor, early: Tensor) -> Tensor:
        """Return f at |dt| = distance, of the branch of potentiation where `early` is true, else of
        depression.

        distance is in units of first-spike time; the result has its shape and type. It is differentiable,
        with the slope of the table; at a delay, the slope to its right.
        """
        x = (distance * self.time_unit).clamp(max=self.delay[-1])
        delay, *branches = (
            torch.tensor(values, dtype=x.dtype, device=x.device)
            for values in (self.delay, self.potentiation, self.depression)
        )
        left = torch.searchsorted(delay, x.detach().contiguous(), right=True).sub_(1)
        left = left.clamp_(0, len(delay) - 2)
        rise = (x - delay[left]) / (delay[left + 1] - delay[left])
        up, down = (f[left] + rise * (f[left + 1] - f[left]) for f in branches)
        return torch.where(early, up, down)
