"""One look for every picture: sizes, colours, and rendering that gives the same bytes for the same data.

Figures are matplotlib objects alone (no pyplot, no state), drawn so whatever the user's matplotlibrc says.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from memsim.studies.reports.powers_of_ten import label_plainly

COLUMN, PAGE = 3.5, 7.2
"""Widths [inch] of one column and of two on a journal page."""

DOTS = 300  #: an inch, of a picture of points

DIGITAL, CROSSBAR, QUIET = "#0072B2", "#D55E00", "#666666"
"""Digital is blue and crossbars are vermilion everywhere (Okabe & Ito 2008, safe for colour-blind eyes)."""

PARTS = ("#D55E00", "#E69F00", "#F0E442", "#009E73", "#56B4E9", "#CC79A7", "#999999", "#333333")
"""Okabe-Ito without the blue that means digital, for the components of an energy."""

LINES = (*(colour for colour in PARTS if colour != "#F0E442"), "#6A3D9A")
"""Colours of lines: yellow is too pale for one; a purple beside them."""

STYLE = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "memsim",
    "savefig.dpi": DOTS,
}
"""Sizes in points at printed size; text stays text, in whatever sans-serif font the reader has, and a
dollar in a name is a dollar.
"""

BARE = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""Metadata left out, so that a file depends on its data alone."""


def drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the style; then settle the layout and freeze it, so that every rendering is the same."""

    @wraps(draw)
    def settle(*args: Any, **kwargs: Any) -> Figure:
        with _style():
            figure = draw(*args, **kwargs)
            label_plainly(figure)
            for _ in range(2):  # the second pass sees the sizes that the first one gave
                if layout := figure.get_layout_engine():
                    layout.execute(figure)
            figure.set_layout_engine("none")
        return figure

    return settle


def _style() -> AbstractContextManager[None]:
    return matplotlib.style.context(["default", STYLE])


def svg(figure: Figure) -> str:
    """Return the figure as an SVG document.

    Its layout is settled, so that it is drawn once; `Figure.savefig` draws twice, to the same bytes.
    """
    out, dpi = io.StringIO(), figure.dpi
    with _style():
        FigureCanvasSVG(figure).print_svg(out, metadata=BARE)
    figure.dpi = dpi
    return re.sub(r"[ \t]+$", "", out.getvalue(), flags=re.MULTILINE)


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG of 300 dots an inch, drawn once likewise."""
    out, dpi = io.BytesIO(), figure.dpi
    with _style():
        figure.dpi = DOTS
        FigureCanvasAgg(figure).print_png(out, metadata={"Software": None})
    figure.dpi = dpi
    return out.getvalue()
