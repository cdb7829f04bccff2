"""A tabulated STDP window: what spike waveforms make on a device, or what somebody measured."""

from typing import Annotated, final

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

Part = Annotated[float, Field(ge=-1, le=1)]


@final
class WindowTable(BaseModel):
    """Parts f(|dt|) of the largest change A, for potentiation (dt < 0) and depression (dt >= 0) apart.

    f is interpolated linearly between the delays and stays at its last value beyond them. A negative part
    moves the weight against its branch's sign. `devices.stdp_window(...).table()` gives all but `time_unit`.
    ValueError unless delays ascend from 0 and the largest |f| is 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: tuple[float, ...] = Field(min_length=2, description="|dt| on the device [s], ascending from 0")
    potentiation: tuple[Part, ...] = Field(description="f at those delays where the query spike comes first")
    depression: tuple[Part, ...] = Field(description="f where it comes last, and at a tie")
    time_unit: float = Field(gt=0, description="device time of one unit of first-spike time [s]")

    @model_validator(mode="after")
    def _is_a_window(self) -> "WindowTable":
        count = len(self.delay)
        for name in ("potentiation", "depression"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name} has {len(getattr(self, name))} values for {count} delays")
        if self.delay[0] != 0 or any(b <= a for a, b in zip(self.delay, self.delay[1:], strict=False)):
            raise ValueError("delay must ascend from 0 s; whose sign it is, the two branches say")
        largest = max(map(abs, (*self.potentiation, *self.depression)))
        if largest != 1:
            raise ValueError(f"potentiation and depression: the largest of both is {largest:g}, it must be 1")
        return self

    def part(self, distance: Tensor, early: Tensor) -> Tensor:
        """f at |dt| = distance [first-spike time], of the potentiating branch where `early`; the shape and
        type of distance. Differentiable: the slope is that of the table, at a delay that to its right.
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
