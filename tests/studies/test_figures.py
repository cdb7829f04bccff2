"""Figures: pure functions of their data, in units, drawn without the data that may be missing."""

import re
import sys
import xml.etree.ElementTree as ET
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from memsim.studies.reports import figures
from memsim.studies.reports.account import histogram, sample_of
from memsim.studies.reports.figure_style import drawn, svg
from memsim.studies.reports.powers_of_ten import plain
from memsim.studies.reports.quantities import count, digits, duration, percent, points, prefixed, quantity
from memsim.studies.reports.report import draw

ALL = {"accuracy", "spikes", "energy", "attention-first", "attention-last", "conductances"}
SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: Figure) -> list[str]:
    """Every text of a figure, a mathematical one joined from its pieces."""
    root = ET.fromstring(figures.svg(figure))
    return ["".join(node.itertext()).strip() for node in root.iter(f"{SVG}text")]


def test_every_figure_is_drawn_where_its_data_are(summary: dict, sample: dict) -> None:
    assert set(draw(summary, sample_of(sample))) == ALL
    assert set(draw(summary, {})) == {"accuracy", "spikes", "energy"}


@pytest.mark.slow
def test_the_same_data_give_the_same_bytes(summary: dict, sample: dict) -> None:
    """In either order: what one picture was drawn as before does not show in the next."""
    again = draw(summary, sample_of(sample))
    for name, figure in draw(summary, sample_of(sample)).items():
        first = figures.svg(figure), figures.png(figure)
        assert first == (figures.png(again[name]), figures.svg(again[name]))[::-1], name
        if name == "energy":
            assert first[0] == figures.svg(figure)


def test_other_data_give_another_figure(summary: dict) -> None:
    before = figures.svg(figures.accuracy(summary))
    summary["crossbar"]["accuracy"]["per_chip"][0] -= 0.001
    assert figures.svg(figures.accuracy(summary)) != before


def test_every_labelled_axis_carries_a_unit(summary: dict, sample: dict) -> None:
    """Pixels and tokens are counted, and say so; everything else has its unit in brackets."""
    for name, figure in draw(summary, sample_of(sample)).items():
        labels = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label]
        assert labels, name
        assert [label for label in labels if not re.search(r"\[[^\]]+\]|pixel|token", label)] == [], name


def test_a_figure_says_nothing_of_the_day_or_the_tool(summary: dict) -> None:
    text = figures.svg(figures.accuracy(summary))
    assert "<metadata>" not in text
    assert "http" not in text.replace("http://www.w3.org/", "")


def test_svg_text_is_text(summary: dict) -> None:
    """Letters are not drawn as paths: any sans-serif font shows them, and they can be searched."""
    found = texts(figures.accuracy(summary))
    assert {"digital", "crossbars", "digits", "digits-hard", "accuracy [%]"} <= set(found)


def test_png_is_fit_for_print(summary: dict, tmp_path: Any) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(figures.png(figures.accuracy(summary)))
    with Image.open(path) as image:
        assert image.width == 3.5 * 300


def test_a_users_settings_change_nothing(summary: dict) -> None:
    expected = figures.svg(figures.energy(summary))
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert figures.svg(figures.energy(summary)) == expected


def test_no_pyplot_and_no_lasting_settings(summary: dict) -> None:
    before = dict(matplotlib.rcParams)
    figures.png(figures.spikes(summary))
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_accuracy_shows_interval_bounds_and_every_chip(summary: dict) -> None:
    ax = figures.accuracy(summary).axes[0]
    chips = max(ax.collections, key=lambda c: len(c.get_offsets()))
    np.testing.assert_allclose(
        sorted(chips.get_offsets()[:, 1]), sorted(100 * np.array(summary["crossbar"]["accuracy"]["per_chip"]))
    )
    bars = [c for c in ax.collections if hasattr(c, "get_segments")]
    ends = [segment[:, 1] for bar in bars for segment in bar.get_segments()]
    np.testing.assert_allclose(np.sort(ends[0]), [98.5, 100.0])
    np.testing.assert_allclose(np.sort(ends[1]), [98.8, 99.2])


def test_one_chip_has_no_interval(summary: dict) -> None:
    summary["crossbar"]["accuracy"] = {"mean": 0.99, "low": 0.0, "high": 1.0, "per_chip": [0.99]}
    ax = figures.accuracy(summary).axes[0]
    assert len([c for c in ax.collections if hasattr(c, "get_segments")]) == 1  # the digital one
    assert ax.get_ylim()[0] > 50


def test_energies_are_marks_on_a_logarithmic_axis_in_one_unit(summary: dict) -> None:
    summary["energy"] |= {"digital_memory": 1.7e-5, "crossbar_memory": 8e-7}
    figure = figures.energy(summary)
    ax = figure.axes[0]
    marks = [float(line.get_xdata()[0]) for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert marks == pytest.approx([1e6 * joule for joule in summary["energy"].values()])  # µJ
    low, high = ax.get_xlim()
    assert ax.get_xscale() == "log" and low < min(marks) and high > max(marks)
    assert "[µJ]" in ax.get_xlabel() and "17.0 µJ" in " ".join(texts(figure))


def test_components_add_up_to_the_crossbars_energy(summary: dict) -> None:
    figure = figures.energy(summary)
    widths = [bar.get_width() for bar in figure.axes[1].patches]  # nJ
    assert sum(widths) == pytest.approx(1e9 * summary["energy"]["crossbar"])
    assert "400 nJ" in " ".join(texts(figure)) and "3.00 µJ" in " ".join(texts(figure))


def test_an_energy_of_zero_has_no_mark(summary: dict) -> None:
    summary["energy"] = {"digital_sop": 0.0, "crossbar": 4e-7}
    ax = figures.energy(summary).axes[0]
    assert sum(len(line.get_xdata()) == 1 for line in ax.get_lines()) == 1


def test_maps_share_one_scale_and_differences_are_centred(sample: dict) -> None:
    layer = "blocks.0.attention.core"
    digital, written = sample["digital_maps"][layer][:, 0], sample["crossbar_maps"][layer][:, 0]
    figure = figures.attention(digital, written, sample["image"], layer=layer, step=0)
    limits = [ax.images[0].get_clim() for ax in figure.axes if ax.images and ax.get_title() != "input"]
    assert len(set(limits[:4])) == 1
    assert limits[4][0] == -limits[4][1]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), digital[0])


def test_histograms_count_every_device_of_both_sides(sample: dict) -> None:
    figure = figures.conductances(histogram(sample["before"], sample["after"]), time=3600.0)
    for ax in figure.axes:
        assert sum(p.get_height() for p in ax.patches[:60]) == 500
    assert figure.axes[1].patches[0].get_height() == 500  # resting devices in the lowest bin
    assert "after 1 hour" in texts(figure)


def test_a_digital_run_is_drawn_alone(summary: dict) -> None:
    alone = {k: summary[k] for k in ("dataset", "digital", "spike_rate")} | {"energy": {"digital_sop": 3e-6}}
    drawn = draw(alone, {})
    assert "crossbars" not in " ".join(t for figure in drawn.values() for t in texts(figure))


def test_numbers_read_as_people_write_them() -> None:
    assert quantity(3.21e-8, "J") == "32.1 nJ" and quantity(9.999e-10, "J") == "1.00 nJ"
    assert quantity(0, "J") == "0 J" and prefixed(3e-8, "J") == (pytest.approx(1e9), "nJ")
    assert digits(1234) == "1230" and digits(0.00123) == "0.00123" and digits(float("nan")) == "not finite"
    assert digits(-1.234e-12) == "−1.23e−12" and digits(1.2e-7) == "0.000000120"
    assert count(10766.25) == "10,766.2" and count(4096) == "4,096"
    assert percent(0.9911) == "99.11 %" and percent(1e-6) == "< 0.01 %" and percent(0) == "0.00 %"
    assert points(-0.0021) == "−0.21" and points(1e-7) == "0.00"
    times = (0, 30, 5400, 86400, 864000, 31536000)
    assert [duration(t) for t in times] == ["0 s", "30 s", "1.5 hours", "1 day", "10 days", "1 year"]


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        (r"$\mathdefault{10^{5}}$", "10⁵"),
        (r"$\mathdefault{2\times10^{-6}}$", "2 × 10⁻⁶"),
        ("a $5 cell", "a $5 cell"),
        ("", ""),
    ],
)
def test_powers_of_ten_are_plain_text(label: str, wanted: str) -> None:
    assert plain(label) == wanted


@pytest.mark.parametrize("span", [(1e-14, 1e-9), (0.2, 0.9), (3.0, 4e5)])
def test_logarithmic_axes_have_no_markup_and_a_dollar_stays_one(span: tuple[float, float]) -> None:
    @drawn
    def draw() -> Figure:
        figure = Figure(figsize=(3, 2))
        ax = figure.subplots()
        ax.plot(span, span)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title("costs $5, not $6")
        return figure

    text = svg(draw())
    assert "mathdefault" not in text and "costs $5, not $6" in text
    assert "10" in re.sub("<[^>]*>", "", text)
