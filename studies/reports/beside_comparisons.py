"""Two comparisons: what differs in their settings, accuracy with its change, energy, time and area."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from memsim.energy.area import known
from memsim.studies.evaluation.intervals import LEVEL, Estimate, Span, over_both
from memsim.studies.evaluation.marks import table
from memsim.studies.evaluation.unpaired import apart, mover, over_chips_and_images
from memsim.studies.reports import draw, figures
from memsim.studies.reports.comparison_page import CAPTIONS
from memsim.studies.reports.energy_findings import BASELINES, band_of, between
from memsim.studies.reports.field_differences import NAMES, differences, fields_of
from memsim.studies.reports.findings import AREAS, interval, sets_of
from memsim.studies.reports.page import (
    Box,
    Code,
    Page,
    Part,
    Picture,
    Pictures,
    References,
    Section,
    Words,
    slug,
)
from memsim.studies.reports.quantities import count, digits, points, prefixed
from memsim.studies.reports.report_folder import Files, listed, pages
from memsim.studies.reports.table import Table
from memsim.studies.running import provenance
from memsim.studies.running.comparison_file import Kept
from memsim.studies.running.source import source_of

MEASURED = ("accuracy [1]", "agreement [1]", "cross-entropy [nat]", "margin [1]")
"""Columns of the chips that are compared."""

SIZES = {
    "latency [s/image]": ("time for an image, arrays in series", "s"),
    "interval [s/image]": ("time between images, layers in a pipeline", "s"),
}


def files(a: Kept, b: Kept) -> Files:
    """Return everything the report consists of, by its path in the folder; the page last."""
    made, tables = document(a, b)
    return pages(made, tables)


def document(a: Kept, b: Kept) -> tuple[Page, dict[str, Table]]:
    """Return the page, and its tables by their names as files."""
    runs = dict(zip(NAMES, (a, b), strict=True))
    found = [differences(made_from(a), made_from(b)), accuracy(a, b), costs(a, b)]
    tables = {slug(one.title.lower()): one for one in found if one.rows}
    sections = [
        Section(title="Results", parts=[found[1], *pictures("accuracy", runs)]),
        Section(title="Energy, time and area", parts=[*found[2:], *pictures("energy", runs)]),
        Section(title="What differs", parts=[found[0]]),
        Section(
            title="How to repeat these runs", parts=[*commands(runs), Words(text=listed(tables), quiet=True)]
        ),
        Section(title="References", parts=[References()]),
    ]
    return (
        Page(
            kind="two comparisons",
            headline=headline(a, b),
            setting=" ".join(f"{name}: {line(run)}" for name, run in runs.items()),
            sections=sections,
            boxes=[Box(title=words) for words in cautions(a, b)],
            foreign=True,
        ),
        tables,
    )


def line(run: Kept) -> str:
    """Return what a run was, in a line."""
    s = run.summary
    on = f"{s['chips']} chips of card {s['card']}, engine {s['engine']}" if "chips" in s else "no chips"
    tested = f"{s['images']} images of {s['dataset']}"
    return f"{run.folder.resolve().name}: {s['model']}, {tested}, {on}, seed {s['seed']}."


def made_from(run: Kept) -> dict[str, Any]:
    """Return every field of the setting, and digests of what it cannot hold: network, data, source,
    packages.
    """
    fields = fields_of(run.setting)
    fields.pop("data", None)  # a folder: its content has a digest
    fields |= {"data set": run.summary["dataset"], "images tested [1]": run.summary["images"]}
    digests = {"digest of the network": run.record["network"], "digest of the data": run.record["data"]}
    packages = {f"version of {name}": version for name, version in run.made_by["with"].items()}
    return fields | digests | {"memsim": source_of(run.made_by)} | packages


def cautions(a: Kept, b: Kept) -> Iterator[str]:
    """Yield what makes the two differ besides what one wanted to compare."""
    if a.images != b.images:
        yield (
            "The test images differ, so images are not paired; intervals over chips hold only for the "
            "images of each run."
        )
    if source_of(a.made_by) != source_of(b.made_by) or a.made_by["with"] != b.made_by["with"]:
        yield ("The runs come from different versions of memsim or its packages, which may change numbers.")
    nodes = [run.summary.get("node") for run in (a, b)]
    if None not in nodes and nodes[0] != nodes[1]:
        yield (
            f"Prices of A are for {nodes[0]} and those of B for {nodes[1]}; energy ratios contain this "
            "difference."
        )


def paired(a: Kept, b: Kept) -> bool:
    """Return whether chips of one number drew from the same random numbers: same seed, same engine."""
    return (a.setting.seed, a.setting.engine) == (b.setting.seed, b.setting.engine)


def change(a: Kept, b: Kept, column: str) -> Estimate | None:
    """B minus A of a measure, chip by chip where chips are paired; None where a run lacks it."""
    ours, theirs = b.point, a.point
    if ours is None or theirs is None or not (column in ours.per_chip and column in theirs.per_chip):
        return None
    found = ours.against(theirs, column) if paired(a, b) else None
    if found is None:
        return apart(theirs, ours, column)
    return found if found.task else replace(found, task=over_chips_and_images(theirs, ours, column))


def digital_change(a: Kept, b: Kept, name: str) -> tuple[float, Span | None]:
    """B minus A of the digital accuracy on a set, with its interval over images (None: the same answers)."""
    texts = [run.record["digital"][name] for run in (a, b)]
    first, second = (table([text]) for text in texts)
    difference = float(second.mean() - first.mean())
    if a.images == b.images and first.shape == second.shape:
        return difference, None if texts[0] == texts[1] else over_both(second - first, share=False)
    spans = [over_both(one, share=True) for one in (first, second)]
    return difference, mover(float(first.mean()), spans[0], float(second.mean()), spans[1])


def accuracy(a: Kept, b: Kept) -> Table:
    """Return each measure on each test set that both have, digitally and on chips, and its change."""
    rows = [row for name, prefix in common_sets(a, b) for row in _rows(a, b, name, prefix)]
    how = (
        "Chips with the same number use the same random numbers in both runs and are compared in pairs, with "
        "Student's t interval of the differences [@student1908]."
        if paired(a, b)
        else "The runs have different chips, which are not paired; intervals are Welch's [@welch1947]."
    )
    note = (
        f"Brackets hold {LEVEL * 100:.0f} % intervals. {how} The last column holds for other images of the "
        "same kind, too. A change whose interval contains 0 is not significant."
    )
    if not rows:
        note = "The runs were tested on different data sets and have no measure in common."
    header = ["measure [unit]", *NAMES, "B − A", "B − A, over chips and images"]
    return Table(title="Results", header=header, rows=rows, note=note)


def common_sets(a: Kept, b: Kept) -> list[tuple[str, str]]:
    """Test sets that both ran, with the prefix of their columns; of a different plain set none."""
    if a.summary["dataset"] != b.summary["dataset"]:
        return []
    names = [name for name in sets_of(a.summary) if name in sets_of(b.summary)]
    return [(name, "" if name == a.summary["dataset"] else "harder ") for name in names]


def _rows(a: Kept, b: Kept, name: str, prefix: str) -> Iterator[list[str]]:
    parts = [sets_of(run.summary)[name]["digital"] for run in (a, b)]
    difference, span = digital_change(a, b, name)
    shown = f"{points(difference)} points"
    shown += " (same answers)" if span is None else f" [{points(span.low)}, {points(span.high)}] over images"
    yield [f"accuracy, digital, {name} [%]", *(interval(one["accuracy"], one) for one in parts), shown, ""]
    for column in MEASURED:
        found = change(a, b, f"{prefix}{column}")
        if found is None:
            continue
        cells = [draw.cell(run.point.estimate(f"{prefix}{column}"), column) for run in (a, b) if run.point]
        measure, _, unit = draw.MEASURES[column].partition(" [")
        label = f"{measure}, crossbars, {name} [{unit}"
        both = draw.change(found, column, task=True) if found.task else ""
        yield [label, *cells, draw.change(found, column), both]


def headline(a: Kept, b: Kept) -> str:
    """Return what changed in the accuracy on chips, on each set."""
    said = []
    for name, prefix in common_sets(a, b):
        found = change(a, b, f"{prefix}accuracy [1]")
        if found is None:
            continue
        sign, where = found.sure
        verb = {1: "gain", -1: "lose"}.get(sign)
        size = points(abs(found.mean)).lstrip("+")
        said.append(
            f"{verb} {size} points of accuracy on {name} ({where})"
            if verb
            else f"show no significant change on {name} ({points(found.mean)} points)"
        )
    names = [run.folder.resolve().name for run in (a, b)]
    if not said:
        return f"{names[0]} (A) and {names[1]} (B): no accuracy on chips in common."
    return f"From {names[0]} (A) to {names[1]} (B) the crossbars {' and '.join(said)}."


def costs(a: Kept, b: Kept) -> Table:
    """Return energies, times, areas, writes and pulses of an image, and how many times A's B's are."""
    rows = [row for row in (*_energies(a, b), *_sizes(a, b)) if any(row[1:3])]
    note = (
        "For one image on one chip. Two figures are the lower and the upper end of the band of the energy of "
        "crossbars, from published parts to the column of a published chip; ratios compare equal ends."
    )
    title = "Energy, time and area"
    return Table(title=title, header=["quantity [unit]", *NAMES, "B / A [1]"], rows=rows, note=note)


def _energies(a: Kept, b: Kept) -> Iterator[list[str]]:
    crossbars = {"crossbar": "crossbars", "crossbar_memory": "crossbars, with SRAM"}
    words = crossbars | {key: f"digital: {baseline.words}" for key, baseline in BASELINES.items()}
    found = [run.summary.get("energy", {}) for run in (a, b)]
    for key, name in words.items():
        bands = [
            band_of(run.summary, key) if key in one else None for run, one in zip((a, b), found, strict=True)
        ]
        yield _row(f"energy, {name}", "J", *(None if band is None else tuple(band) for band in bands))


def _sizes(a: Kept, b: Kept) -> Iterator[list[str]]:
    for key, (name, unit) in SIZES.items():
        yield _row(name, unit, *(_single(run.summary.get(key)) for run in (a, b)))
    for key, of in AREAS.items():
        areas = [known(run.summary[key]) if key in run.summary else None for run in (a, b)]
        missing = dict.fromkeys(part for one in areas if one for part in one[1])
        name = f"area{of}{f', without {chr(44).join(missing)}' if missing else ''}"
        yield _row(name, "mm²", *(None if one is None else _single(1e6 * one[0]) for one in areas))
    for key, name in (("writes_per_image", "cells written"), ("pulses_per_image", "pulses")):
        values = [run.summary.get("attention", {}).get(key) for run in (a, b)]
        shown = ["" if value is None else count(value) for value in values]
        yield [f"{name} for an image [1]", *shown, _times(*map(_single, values))]


def _single(value: float | None) -> tuple[float, ...] | None:
    return None if value is None else (value,)


def _row(name: str, unit: str, a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> list[str]:
    """Return a quantity of both runs in one unit, and its ratio; empty cells where a run lacks it."""
    factor, shown = (
        (1.0, unit) if unit == "mm²" else prefixed(max((*(a or ()), *(b or ())), default=0.0), unit)
    )
    cells = ["" if one is None else _ends([digits(factor * end) for end in one]) for one in (a, b)]
    return [f"{name} [{shown}]", *cells, _times(a, b)]


def _times(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> str:
    """B over A, end by end; nothing where one is absent or A is 0."""
    if a is None or b is None or not all(a):
        return ""
    return _ends([digits(theirs / ours) for ours, theirs in zip(a, b, strict=True)])


def _ends(shown: list[str]) -> str:
    return between(shown[0], shown[-1])


def pictures(name: str, runs: Mapping[str, Kept]) -> list[Part]:
    """Return the same figure of both runs beside each other, drawn from their numbers."""
    draws = {"accuracy": figures.accuracy, "energy": figures.energy}
    found = [
        Picture(
            name=f"{of}-{name}",
            figure=draws[name](run.summary),
            of=of,
            says=CAPTIONS[name] if of == NAMES[0] else "",
        )
        for of, run in runs.items()
        if name == "accuracy" or "energy" in run.summary
    ]
    return [Pictures(pictures=found)] if found else []


def commands(runs: Mapping[str, Kept]) -> Iterator[Part]:
    """Yield how each was measured."""
    for name, run in runs.items():
        digests = f"network {run.record['network']}, data {run.record['data']}"
        yield Words(text=f"{name}, in its folder; memsim {source_of(run.made_by)}, {digests}:")
        yield Code(text=provenance.command(run.setting, worth="worth" in run.summary))
