"""Where a figure goes that a command draws: a file by its ending, or a PNG and an SVG in a folder."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from memsim.studies.reports.figure_style import png, svg
from memsim.studies.running.files import writable


def save(figure: Figure, place: Path, name: str) -> list[Path]:
    """Write the figure; ValueError for another kind than .png or .svg, OSError where none can be."""
    if place.suffix in (".png", ".svg"):
        paths = [writable(place.parent) / place.name]
    elif place.suffix and not place.is_dir():
        raise ValueError(f"{place}: figures are .png or .svg files, or go to a folder")
    else:
        paths = [writable(place) / f"{name}{suffix}" for suffix in (".png", ".svg")]
    for path in paths:
        path.write_bytes(png(figure) if path.suffix == ".png" else svg(figure).encode())
    return paths
