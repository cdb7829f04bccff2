"""The lines of an array: resistance of their segments, where they are driven, and what an idle row is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Idle = Literal["grounded", "floating", "off"]


@dataclass(frozen=True)
class Lines:
    """Word and bit lines of a crossbar of R rows and C columns.

    A word line is R_word from its driver to the first cell and between neighbours; a bit line is R_bit
    between neighbours and from the last row to the virtual ground that measures its current::

        V_i --R_word-- U_i0 --R_word-- U_i1 -- ...        B_0j --R_bit-- B_1j -- ... --R_bit-- 0 V
                         G_i0            G_i1
                         B_i0            B_i1

    `word_ends="both"` drives every row from its other end too, `bit_ends="both"` grounds every column at the
    first row too; the current of a column is then that of its two ends.  A row without voltage is `idle`:
    "grounded" (driven at 0 V), "floating" (no driver), or "off" (1T1R: its transistors are open, so that its
    devices conduct nothing).  A resistance of 0 makes the line one node.  Raises ValueError for a resistance
    below 0 or not finite, or an unknown word.
    """

    r_word: float = 0.0  #: a segment of a word line [ohm]
    r_bit: float = 0.0  #: a segment of a bit line [ohm]
    idle: Idle = "grounded"
    word_ends: Literal["first", "both"] = "first"
    bit_ends: Literal["last", "both"] = "last"

    def __post_init__(self) -> None:
        for name in ("r_word", "r_bit"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{name}={value:g} ohm: 0 or above is needed, for one segment, and finite")
        known = {"idle": get_args(Idle), "word_ends": ("first", "both"), "bit_ends": ("last", "both")}
        for name, words in known.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name}={getattr(self, name)!r}: one of {', '.join(words)} is needed")

    @property
    def g_word(self) -> float:
        """Conductance of a segment of a word line [S], infinite for 0 ohm."""
        return 1.0 / self.r_word if self.r_word > 0.0 else math.inf

    @property
    def g_bit(self) -> float:
        """Conductance of a segment of a bit line [S], infinite for 0 ohm."""
        return 1.0 / self.r_bit if self.r_bit > 0.0 else math.inf

    def kappa(self, conductance_RC: Tensor) -> float:
        """Return the largest (r_word C^2 + r_bit R^2) max G / 2 [1]: the size of the effect of wires, before
        solving.

        With one resistance and a square array it is r g_max N^2.
        """
        rows, columns = conductance_RC.shape[-2:]
        return 0.5 * float(conductance_RC.detach().max()) * (self.r_word * columns**2 + self.r_bit * rows**2)


class Network(NamedTuple):
    """N linear networks of devices between lines whose ends go to ground.

    Conductances [S]: `g` (N, R, C) of devices, `word` and `bit` of a segment (infinite: one node), `left`,
    `right` (N, R) and `top`, `bottom` (N, C) from the ends of the lines to ground (0: open).
    """

    g: Tensor
    word: float
    bit: float
    left: Tensor
    right: Tensor
    top: Tensor
    bottom: Tensor

    def transposed(self) -> Network:
        """Return the same networks with word and bit lines exchanged."""
        turned = self.g.transpose(-1, -2).contiguous()
        return Network(turned, self.bit, self.word, self.top, self.bottom, self.left, self.right)

    def with_devices(self, g: Tensor) -> Network:
        """Return the same lines between other devices."""
        return self._replace(g=g)


def network(lines: Lines, conductance_NRC: Tensor, active_NR: Tensor | None = None) -> Network:
    """Return the networks of conductances and of which rows are driven (all, where not given).

    Lines that the idle rows leave without any way to ground keep their driver, at 0 V: nothing flows there.
    """
    g = conductance_NRC.contiguous()
    rows, columns = g.shape[:-1], (g.shape[0], g.shape[2])
    both = lines.word_ends == "both"
    if active_NR is not None and lines.idle == "off":
        g = g * active_NR[..., None]
    if active_NR is not None and lines.idle == "floating":
        end = g.new_full((), lines.g_word)
        left = torch.where(active_NR | ~(g > 0).any(-1), end, 0.0)
        right = torch.where(active_NR, end, 0.0) if both else torch.zeros_like(left)
    else:
        left, right = g.new_full(rows, lines.g_word), g.new_full(rows, lines.g_word if both else 0.0)
    bottom = g.new_full(columns, lines.g_bit)
    top = g.new_full(columns, lines.g_bit if lines.bit_ends == "both" else 0.0)
    return Network(g, lines.g_word, lines.g_bit, left, right, top, bottom)
