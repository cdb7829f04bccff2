"""Numbers along logarithmic axes without mathematical markup: 10⁵, 2 × 10⁻⁶."""

from __future__ import annotations

import re

from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterMathtext, LogFormatterSciNotation

_RAISED = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class PowersOfTen(LogFormatterSciNotation):
    """Matplotlib's labels of a logarithmic axis as plain text, since a dollar in a figure is a dollar."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick, "" where it has none."""
        return plain(super().__call__(x, pos))


def plain(label: str) -> str:
    r"""Turn "$\mathdefault{2\times10^{-6}}$" into "2 × 10⁻⁶"; other text stays."""
    found = re.fullmatch(r"\$\\mathdefault\{(.*)\}\$", label)
    if found is None:
        return label
    text = found[1].replace(r"\times", " × ")
    return re.sub(r"\^\{([^}]*)\}", lambda power: power[1].translate(_RAISED), text)


def label_plainly(figure: Figure) -> None:
    """Give every logarithmic axis of a figure labels in plain text."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(old := axis.get_major_formatter(), LogFormatterMathtext):
                axis.set_major_formatter(PowersOfTen(labelOnlyBase=old.labelOnlyBase))
            if isinstance(old := axis.get_minor_formatter(), LogFormatterMathtext):
                axis.set_minor_formatter(PowersOfTen(labelOnlyBase=old.labelOnlyBase))
