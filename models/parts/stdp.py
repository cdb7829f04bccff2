"""Spike-timing-dependent plasticity as attention: spike counts and the window, Eq. (17)-(22).

The paper is Mondal & Kumar, arXiv:2511.14691 (2025). The query token is the presynaptic side and the key
token the postsynaptic side. The window of the paper is exponential; linear and rectangular windows result
from linear and rectangular spike tails on a memristor (Zamarreno-Ramos et al., Front. Neurosci. 5, 26, 2011).
Any other window can be given as a table (`memsim.models.parts.window_table`), for example by
`devices.stdp_window`.
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
"""Largest number of levels of a window [1]; float32 does not distinguish more of them reliably."""

_TIE = 1e-4  # values this close to the middle of two levels (in distances of levels) count as ties


def spike_counts(spikes: Tensor) -> Tensor:
    """Return r = sum_d S(d), the spike count of a token in one head, (..., D) -> (...): Eq. (17)."""
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
    """Return attention weights A_ij (..., N, N) for spike counts r_Q, r_K (..., N) from 0 to D_H: Eq.
    (17)-(22).

        dt_ij = t_Q(i) - t_K(j) = t_max (r_K(j) - r_Q(i)) / D_H
        A_ij  = offset + A f(|dt_ij|)   if dt_ij <  0 (potentiation)
        A_ij  = offset - A f(|dt_ij|)   if dt_ij >= 0 (depression, including ties)
        f(x)  = exp(-x / tau)  |  max(0, 1 - x / (2 tau))  |  1 if x <= tau, else 0

    The three forms of f belong to the shapes "exponential", "linear" and "rectangular"; the area under each
    is tau. The shape "table" uses f of `tabulated`, one function for each branch, and ignores tau. tau and
    t_max are in the same unit. `levels` rounds the change to the nearest of this number of equally spaced
    values from -A to A; ties are rounded to the larger change, and if 0 is not a level, to the smallest one
    of the branch.

    The weights are differentiable in the counts: the slope is that of f, (A / tau) exp(-|dt| / tau) or A / (2
    tau) in both branches; the jump at 0 and the rounding to levels are ignored. A rectangular window has
    slope 0, so q and k cannot be trained with it. With `silent="no-pulse"` tokens without spikes are not
    written: A_ij = offset if r_Q(i) = 0 or r_K(j) = 0. For integer counts the result has the default float
    type. The weights are not clipped. Raises ValueError for an unknown shape, and for "table" without a
    table.
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
        reach = (
            math.floor(tau * head_dim / t_max + 1e-9) + 0.5
        )  # in spikes and between integers, so that rounding errors have no effect
        part = ((k - q).abs() <= reach).to(dt)
    elif shape == "table" and tabulated is not None:
        part = tabulated.part(distance, early)
    else:
        raise ValueError(
            f"shape = {shape!r}: one of exponential, linear, rectangular, table (with `tabulated`)"
        )
    change = A * (part if levels is None else _nearest_level(part, levels))
    weight = offset + torch.where(early, change, -change)
    return weight if silent == "pulse" else torch.where((q == 0) | (k == 0), offset, weight)


def _nearest_level(part: Tensor, levels: int) -> Tensor:
    """Round the magnitude of a part in -1 to 1 to the nearest of 1, 1 - 2 / (levels - 1), ... down to 0.

    Ties are rounded up; the sign is kept, and the derivative is 1 (straight-through estimator).
    """
    steps, plain = levels - 1, part.detach()
    down = ((1 - plain.abs()) * (steps / 2) - (0.5 + _TIE)).ceil().clamp(min=0)
    size = (steps - 2 * down) / steps
    return torch.where(plain < 0, -size, size) + (part - plain)


@final
class Window(BaseModel):
    """STDP window, w(dt) = -A f(dt) for dt >= 0 and +A f(-dt) for dt < 0, and the offset added to it.

        f(x) = exp(-x / tau)  |  max(0, 1 - x / (2 tau))  |  1 if x <= tau, else 0

    The three forms of f belong to the shapes "exponential", "linear" and "rectangular"; the shape "table"
    uses f of `tabulated`, one function for each branch, and ignores tau. `levels` rounds w
    (`stdp_attention`). A_ij has at most 2 D_H + 1 values, one for each difference r_K(j) - r_Q(i).

    The paper uses the exponential window and gives no values of its constants. The preset `bounded` keeps
    every A_ij within (0, 1), as the text of the paper says; `thirdparty` has the values of an independent
    re-implementation (range 0 to 1.8). Raises ValueError for values out of range, for `tabulated` without the
    shape "table" or the reverse, and for a table that ends before t_max at values other than 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    A: float = Field(default=0.45, gt=0, description="largest change of a weight [1]")
    tau: float = Field(default=0.5, gt=0, description="time constant of the window, in the unit of t_max")
    offset: float = Field(default=0.5, description="w_offset, added to every change [1]")
    t_max: float = Field(default=1.0, gt=0, description="first-spike time of a silent token, arbitrary unit")
    shape: Shape = Field(default="exponential", description="dependence of a change on |dt|")
    levels: int | None = Field(
        default=None, ge=2, le=MAX_LEVELS, description="number of levels from -A to A; absent: no rounding"
    )
    tabulated: WindowTable | None = Field(default=None, description="function f of the shape 'table'")

    @model_validator(mode="after")
    def _table_and_shape(self) -> "Window":
        table = self.tabulated
        if (self.shape == "table") != (table is not None):
            raise ValueError(
                f"shape = {self.shape!r}: the shape 'table' needs `tabulated`, and no other shape may have it"
            )
        if table is not None:
            reach, end = self.t_max * table.time_unit, table.delay[-1]
            if reach > end * (1 + 1e-9) and (table.potentiation[-1] or table.depression[-1]):
                raise ValueError(
                    f"t_max = {self.t_max:g} is {reach:g} s on the device, but the table ends at {end:g} s"
                    " with a value other than 0; use a smaller time_unit or a longer table"
                )
        return self

    @staticmethod
    def preset(name: str) -> "Window":
        """Return the preset `bounded` or `thirdparty`. Raises ValueError for another name."""
        if name not in WINDOWS:
            raise ValueError(f"window preset {name!r} does not exist; there are {', '.join(WINDOWS)}")
        return WINDOWS[name]

    def attention(
        self, q_count: Tensor, k_count: Tensor, *, head_dim: int, silent: Silent = "pulse"
    ) -> Tensor:
        """Return `stdp_attention` for this window, (..., N, N) for counts (..., N)."""
        return stdp_attention(q_count, k_count, head_dim=head_dim, silent=silent, **dict(self))

    def table(self, head_dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
        """Return A_ij for the 2 D_H + 1 possible differences, at index D_H + (r_K - r_Q)."""
        difference = torch.arange(-head_dim, head_dim + 1, dtype=torch.float64)
        return self.attention(torch.zeros(1).double(), difference, head_dim=head_dim)[0].to(dtype)

    def matrix(self, head_dim: int, silent: Silent = "pulse", dtype: torch.dtype = torch.float64) -> Tensor:
        """Return A_ij for all pairs of counts, (D_H + 1, D_H + 1) with rows r_Q and columns r_K.

        silent: treatment of tokens without spikes, as in `stdp_attention`.
        """
        count = torch.arange(head_dim + 1, dtype=torch.float64)
        return self.attention(count, count, head_dim=head_dim, silent=silent).to(dtype)


WINDOWS = {
    "bounded": Window(A=0.45, tau=0.5, offset=0.5, t_max=1.0),
    "thirdparty": Window(A=0.9, tau=0.5, offset=0.9, t_max=1.0),
}
