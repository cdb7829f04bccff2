"""Spike-timing-dependent plasticity as attention: spike counts and the window, Eq. (17)-(22).

The paper is Mondal & Kumar, arXiv:2511.14691 (2025). The query token is the pre-, the key token the
postsynaptic side. Its window is exponential; the linear and the rectangular one are what linear and
rectangular spike tails make on a memristor: Zamarreno-Ramos et al., Front. Neurosci. 5, 26 (2011). Any
other stands in a table (`memsim.models.parts.window_table`), say one that `devices.stdp_window` integrates.
"""

import math
from typing import Literal, final

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from memsim.models.parts.window_table import WindowTable

Silent = Literal["pulse", "no-pulse"]
Shape = Literal["exponential", "linear", "rectangular", "table"]

MAX_LEVELS = 1024
"""Most levels of a window [1]; float32 does not distinguish more of them reliably."""

_TIE = 1e-4  # of the distance of two levels: what is that near to the middle is in the middle, in any float


def spike_counts(spikes: Tensor) -> Tensor:
    """r = sum_d S(d), the spikes of a token in one head, (..., D) -> (...): Eq. (17)."""
    return spikes.sum(-1)


def stdp_attention(
    q_count: Tensor,
    k_count: Tensor,
    *,
    head_dim: int,
    A: float,
    tau: float,
    offset: float,
    t_max: float,
    silent: Silent = "pulse",
    shape: Shape = "exponential",
    levels: int | None = None,
    tabulated: WindowTable | None = None,
) -> Tensor:
    """Attention weights A_ij (..., N, N) of spike counts r_Q, r_K (..., N) in 0..D_H: Eq. (17)-(22).

        dt_ij = t_Q(i) - t_K(j) = t_max (r_K(j) - r_Q(i)) / D_H
        A_ij  = offset + A f(|dt_ij|)   where dt_ij <  0 (potentiation)
        A_ij  = offset - A f(|dt_ij|)   where dt_ij >= 0 (depression; ties belong here)
        f(x)  = exp(-x / tau)  |  max(0, 1 - x / (2 tau))  |  1 where x <= tau, else 0

    f is that of the shapes "exponential", "linear" and "rectangular", A tau the area under each; the shape
    "table" takes f from `tabulated`, an f for each branch, and has no tau. `levels` rounds the change to
    the nearest of that many equally spaced values from -A to A: one in the middle of two becomes the larger
    change, and 0, where that is no level, the smallest of its branch.

    Differentiable in the counts: both branches have the slope of f, (A / tau) exp(-|dt| / tau) or A / (2
    tau), the jump at 0 has none, and levels are passed straight through. A rectangular window is flat: it
    gives q and k no gradient, and only infers. `silent="no-pulse"` lets a token without spikes take part in
    no write: A_ij = offset where r_Q(i) = 0 or r_K(j) = 0. Counts of integer type give the default float
    type. Nothing is clipped. Raises ValueError for an unknown shape, and for "table" without one.
    """
    q, k = q_count.unsqueeze(-1), k_count.unsqueeze(-2)
    dt = (k - q) * (t_max / head_dim)
    early = dt < 0
    distance = torch.where(early, -dt, dt)
    if shape == "exponential":
        part = torch.exp(-distance / tau)
    elif shape == "linear":
        part = (1 - distance / (2 * tau)).clamp(min=0)
    elif shape == "rectangular":
        reach = math.floor(tau * head_dim / t_max + 1e-9) + 0.5  # in spikes, so that no rounding decides
        part = ((k - q).abs() <= reach).to(dt)
    elif shape == "table" and tabulated is not None:
        part = tabulated.part(distance, early)
    else:
        raise ValueError(f"no window shape {shape!r}; there are exponential, linear, rectangular, table")
    change = A * (part if levels is None else _nearest_level(part, levels))
    weight = offset + torch.where(early, change, -change)
    return weight if silent == "pulse" else torch.where((q == 0) | (k == 0), offset, weight)


def _nearest_level(part: Tensor, levels: int) -> Tensor:
    """The nearest of 1, 1 - 2 / (levels - 1), ... down to 0 to the size of a part in -1 .. 1, ties up; the
    part's sign, slope 1.
    """
    steps, plain = levels - 1, part.detach()
    down = ((1 - plain.abs()) * (steps / 2) - (0.5 + _TIE)).ceil().clamp(min=0)
    size = (steps - 2 * down) / steps
    return torch.where(plain < 0, -size, size) + (part - plain)


@final
class Window(BaseModel):
    """An STDP window, w(dt) = -A f(dt) for dt >= 0 and +A f(-dt) for dt < 0, and the offset added to it:

        f(x) = exp(-x / tau)  |  max(0, 1 - x / (2 tau))  |  1 where x <= tau, else 0

    f is that of the shapes "exponential", "linear" and "rectangular"; the shape "table" has the f of
    `tabulated`, one for each branch, and no use for tau. `levels` rounds w (`stdp_attention`).
    The paper has the exponential and states none of its values. `bounded` keeps every A_ij inside (0, 1), as
    its text says; `thirdparty` is what an independent re-implementation uses (range 0 to 1.8). A_ij has at
    most 2 D_H + 1 values, one for each difference r_K(j) - r_Q(i).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    A: float = Field(default=0.45, gt=0, description="largest change of a weight [1]")
    tau: float = Field(default=0.5, gt=0, description="time constant of the window, in units of t_max's")
    offset: float = Field(default=0.5, description="w_offset, added to every change [1]")
    t_max: float = Field(default=1.0, gt=0, description="first-spike time of a silent token, arbitrary unit")
    shape: Shape = Field(default="exponential", description="how a change fades with |dt|")
    levels: int | None = Field(
        default=None, ge=2, le=MAX_LEVELS, description="number of changes from -A to A; absent: any"
    )
    tabulated: WindowTable | None = Field(default=None, description="f of the shape 'table'")

    @model_validator(mode="after")
    def _table_and_shape(self) -> "Window":
        table = self.tabulated
        if (self.shape == "table") != (table is not None):
            raise ValueError(
                f"shape = {self.shape!r}: the shape 'table' goes with `tabulated`, no other does"
            )
        if table is not None:
            reach, end = self.t_max * table.time_unit, table.delay[-1]
            if reach > end * (1 + 1e-9) and (table.potentiation[-1] or table.depression[-1]):
                raise ValueError(
                    f"t_max = {self.t_max:g} is {reach:g} s on the device, but the table ends at {end:g} s"
                    " and not at 0; a smaller time_unit, or a longer table?"
                )
        return self

    @staticmethod
    def preset(name: str) -> "Window":
        """The preset `bounded` or `thirdparty`; ValueError on any other name."""
        if name not in WINDOWS:
            raise ValueError(f"no window preset {name!r}; there are {', '.join(WINDOWS)}")
        return WINDOWS[name]

    def attention(
        self, q_count: Tensor, k_count: Tensor, *, head_dim: int, silent: Silent = "pulse"
    ) -> Tensor:
        """`stdp_attention` with this window's values."""
        return stdp_attention(q_count, k_count, head_dim=head_dim, silent=silent, **dict(self))

    def table(self, head_dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """A_ij at the 2 D_H + 1 differences: entry D_H + (r_K - r_Q)."""
        difference = torch.arange(-head_dim, head_dim + 1, dtype=torch.float64)
        return self.attention(torch.zeros(1).double(), difference, head_dim=head_dim)[0].to(dtype)

    def matrix(self, head_dim: int, silent: Silent = "pulse", dtype: torch.dtype = torch.float64) -> Tensor:
        """A_ij by both counts, (D_H + 1, D_H + 1), rows r_Q and columns r_K: the table laid out, silence
        obeyed.
        """
        count = torch.arange(head_dim + 1, dtype=torch.float64)
        return self.attention(count, count, head_dim=head_dim, silent=silent).to(dtype)


WINDOWS = {
    "bounded": Window(A=0.45, tau=0.5, offset=0.5, t_max=1.0),
    "thirdparty": Window(A=0.9, tau=0.5, offset=0.9, t_max=1.0),
}
