"""What a comparison found, in sentences and table rows; every figure in them is computed from the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from memsim.energy.area import known
from memsim.energy.lifetime import lives
from memsim.studies.reports.energy_findings import BASELINES, Summary, band_of, mixture, span
from memsim.studies.reports.line_findings import warning
from memsim.studies.reports.quantities import count, digits, duration, percent, points, prefixed, quantity

Row = dict[str, str]

UNITS = {"cross_entropy": "nat", "margin": "logit"}
"""Units of measures whose key does not carry one."""


def sets_of(summary: Summary) -> dict[str, Summary]:
    """Return the plain set and the harder ones, by name."""
    harder = {key[8:-1]: part for key, part in summary.items() if key.startswith("harder (")}
    return {str(summary["dataset"]): summary, **harder}


def headline(summary: Summary) -> str:
    """Return the change from digital to crossbars in one sentence; another names a mixture of nodes."""
    sets = sets_of(summary)
    if "crossbar" not in summary:
        found = " and ".join(f"{percent(s['digital']['accuracy'])} of {name}" for name, s in sets.items())
        return f"The digital network classifies {found} correctly; no crossbars were requested."
    words: list[str] = []
    before = ("", "")
    for name, part in sets.items():
        verb, what = _change(part)
        same_verb, same = verb == before[0], (verb, what) == before
        words.append(name if same else f"{what} on {name}" if same_verb else f"{verb} {what} on {name}")
        before = verb, what
    age = f"{duration(summary['time_after_write [s]'])} after programming"
    found = f"{age}, simulated crossbars {' and '.join(words)}."
    return " ".join(filter(None, [found, warning(summary), mixture(summary)]))


def _change(part: Summary) -> tuple[str, str]:
    """Return verb and object: lose or gain accuracy, or no change that is significant at 95 %."""
    of, digital = part["crossbar"]["accuracy"], part["digital"]["accuracy"]
    difference = of["mean"] - digital
    if part.get("agreement") == 1.0:
        return "answer", "exactly as the digital network"
    verb, size = ("lose" if difference < 0 else "gain"), points(abs(difference)).lstrip("+")
    if len(of["per_chip"]) < 2:
        return verb, f"{size} points of accuracy (one chip, so no interval)"
    change = part["crossbar"]["change"]
    if change["low"] <= 1e-9 and change["high"] >= -1e-9:
        return "show", (
            f"no significant change of accuracy with {len(of['per_chip'])} chips "
            f"({points(difference)} points)"
        )
    task = change["task"]
    only = " (significant for these images only)"
    return verb, f"{size} points of accuracy" + only * (task["low"] <= 0 <= task["high"])


def losing(summary: Summary) -> list[str]:
    """Return a sentence for each measure in which the crossbars are worse than digital execution."""
    if "crossbar" not in summary:
        return []
    out = []
    for name, part in sets_of(summary).items():
        of, digital, ours = part["crossbar"]["accuracy"], part["digital"], part["crossbar"]
        if of["mean"] < digital["accuracy"] - 1e-9:
            lost = points(digital["accuracy"] - of["mean"]).lstrip("+")
            worst = points(min(of["per_chip"]) - digital["accuracy"])
            which = (
                f"the chips lose {lost} points of accuracy on average; the worst chip: {worst} points"
                if len(of["per_chip"]) > 1
                else f"the chip loses {lost} points of accuracy"
            )
            out.append(f"{name}: {which}.")
        before, after = digits(digital["cross_entropy"]), digits(ours["cross_entropy"])
        if ours["cross_entropy"] > digital["cross_entropy"] and before != after:
            out.append(
                f"{name}: the cross-entropy rises from {before} to {after} nat, so the answers are less "
                "certain."
            )
    energy = summary.get("energy", {})
    for key, (words, _, rival) in BASELINES.items():
        if rival in energy and energy.get(key, 0.0) > 0:
            ours, theirs = band_of(summary, rival), quantity(energy[key], "J")
            kept = " with SRAM" if rival == "crossbar_memory" else ""
            if ours.against(energy[key]) == "digital":
                out.append(
                    f"Energy for an image: {span(ours)} on crossbars{kept}, {theirs} digitally: {words}."
                )
    return out


def results(summary: Summary) -> list[Row]:
    """Return the table at the top: measure and unit, digital, crossbars, change."""
    rows = [row for name, part in sets_of(summary).items() for row in _set_rows(name, part)]
    if "spike_mismatch" in summary:
        differ = summary["spike_mismatch"]
        worst = max(differ, key=lambda n: differ[n])
        mean = sum(differ.values()) / len(differ)
        rows.append(_row("spikes that differ, mean over layers", "%", "", percent(mean)))
        rows.append(_row(f"spikes that differ, layer with most ({worst})", "%", "", percent(differ[worst])))
    for what, key in (
        ("time for an image, arrays in series", "latency [s/image]"),
        ("time between images, layers in a pipeline", "interval [s/image]"),
    ):
        if key in summary:
            factor, unit = prefixed(summary[key], "s")
            rows.append(_row(what, unit, "", digits(factor * summary[key])))
    for key, of in AREAS.items():
        if key not in summary:
            continue
        parts = summary[key]
        area, missing = known(parts)
        shown = {part: one if part in missing else digits(1e6 * float(one)) for part, one in parts.items()}
        listed = ", ".join(f"{part} {one}" for part, one in shown.items())
        rows.append(_row(f"area of {', '.join(parts)}{of}", "mm²", "", f"{digits(1e6 * area)}: {listed}"))
    if "attention" in summary:
        for what, key in (("cells written", "writes_per_image"), ("pulses", "pulses_per_image")):
            rows.append(_row(f"{what} for an image", "1", "", count(summary["attention"][key])))
    return rows


AREAS = {"area [m2]": ", cells used", "area of whole tiles [m2]": ", whole tiles"}
"""Areas of a summary, and what they are of."""

LIFE_RATES = (30.0, 1000.0)
"""Images a second that the report has lifetimes for."""


def lifetime(summary: Summary) -> list[tuple[str, ...]]:
    """For each technology with a published endurance: cycles, images, and time at some rates of images."""
    cycles = summary.get("attention", {}).get("cycles_per_image")
    if not cycles:
        return []
    rows = []
    for life in lives(cycles):
        star = " (recalled)" if life.endurance.assumption else ""
        times = (map(duration, life.seconds(rate)) for rate in LIFE_RATES)
        ends = (
            f"{digits(life.endurance.low, 2)} to {life.endurance.high:.0e}{star}",
            _images(life.low, life.high),
        )
        rows.append((life.technology, *ends, *(" to ".join(ends) for ends in times)))
    return rows


def _images(low: float, high: float) -> str:
    return " to ".join(f"{x:.2g}" for x in (low, high))


def silence(summary: Summary) -> str:
    """Return the cost of silent tokens in pulses, energy and cycles in words; "" without such pulses."""
    found = summary.get("attention", {})
    pulses, silent = (found.get(f"{key}_per_image", 0.0) for key in ("pulses", "silent_pulses"))
    if not silent:
        return ""
    ties, cycles = found["silent_tie_pulses_per_image"], found["cycles_per_image"]
    joule = summary.get("breakdown", {}).get("attention pulses")
    spent = (
        "" if joule is None else f" ({quantity(joule * silent / pulses, 'J')} at the mean energy of a pulse)"
    )
    return (
        f"{percent(silent / pulses, 0)} of the pulses are written at silent tokens, which have no spike; at "
        f"{percent(ties / pulses, 0)} of all pulses both tokens are silent, a tie that takes a full write "
        f'down. With silent = "no-pulse" these pulses{spent} would be saved, and a device of the most worn '
        f"layer would go through {digits(cycles - found['silent_cycles_per_image'])} instead of "
        f"{digits(cycles)} cycles per image. These figures use the spikes of this run; the accuracy with "
        "this setting needs a network that was trained with it."
    )


def _set_rows(name: str, part: Summary) -> Iterator[Row]:
    digital, ours = part["digital"], part.get("crossbar")
    images = f"; {digital['images']} images" if "images" in digital else ""
    shown, chips, change = f"{interval(digital['accuracy'], digital)}{images}", "", ""
    if ours is not None:
        of, base = ours["accuracy"], digital["accuracy"]
        chips, change = f"{percent(of['mean'])}; one chip", f"{points(of['mean'] - base)} points"
        if len(of["per_chip"]) > 1:
            chips = f"{interval(of['mean'], of)}; {len(of['per_chip'])} chips"
            change += _ends(ours["change"])
    yield _row(f"accuracy, {name}", "%", shown, chips, change)
    if ours is not None:
        both = f"[{100 * of['task']['low']:.2f}, {100 * of['task']['high']:.2f}]"
        change = f"{_ends(ours['change']['task']).strip()} points"
        yield _row(f"accuracy, {name}, interval over chips and images", "%", "", both, change)
    for key, unit in UNITS.items():
        measure = f"{key.replace('_', '-')}, {name}"
        if ours is None:
            yield _row(measure, unit, digits(digital[key]), "")
        else:
            yield _row(
                measure, unit, digits(digital[key]), digits(ours[key]), _signed(ours[key] - digital[key])
            )
    if "agreement" in part:
        yield _row(f"same answer as digital, {name}", "%", "", percent(part["agreement"]))


def _ends(span: Mapping[str, float]) -> str:
    """Return the ends of a difference, in points."""
    return f" [{points(span['low'])}, {points(span['high'])}]"


def _row(measure: str, unit: str, digital: str, crossbars: str, change: str = "") -> Row:
    return {"measure": f"{measure} [{unit}]", "digital": digital, "crossbars": crossbars, "change": change}


def _signed(value: float) -> str:
    value = round(value, 9)  # what is left are the last bits of a float
    return ("+" if value > 0 else "") + digits(value)


def interval(mean: float, bounds: Mapping[str, float]) -> str:
    """Return a share with its interval: "91.64 % [90.16, 93.11]"."""
    return f"{percent(mean)} [{100 * bounds['low']:.2f}, {100 * bounds['high']:.2f}]"


def _mm2(parts: Mapping[str, float]) -> float:
    """Return the area of all parts [mm2]."""
    return 1e6 * sum(parts.values())


def map_errors(digital: Mapping[str, np.ndarray], written: Mapping[str, np.ndarray]) -> list[Row]:
    """Return attention weights of one image by layer [1]: means, and the root mean square of written -
    digital.
    """
    rows = []
    for layer in digital.keys() & written.keys():
        ours, theirs = (np.asarray(maps[layer], dtype=float) for maps in (written, digital))
        rms = float(np.sqrt(np.mean((ours - theirs) ** 2)))
        row = {"digital": float(theirs.mean()), "written": float(ours.mean()), "rms": rms}
        rows.append({"layer": layer} | {key: digits(value) for key, value in row.items()})
    return sorted(rows, key=lambda row: list(digital).index(row["layer"]))
