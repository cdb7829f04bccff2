"""What a comparison found about energy: each digital baseline beside the crossbars, in words, and where they
break even.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from memsim.energy.band import Band
from memsim.energy.break_even import Balance, rival
from memsim.energy.nodes import mixture_of
from memsim.studies.reports.quantities import digits, percent, prefixed, quantity

Summary = Mapping[str, Any]


class Baseline(NamedTuple):
    """A digital energy of a summary."""

    words: str  #: in a sentence
    short: str  #: in a figure
    rival: str  #: the crossbars' energy that covers the same work


_WORDS = {
    "sop": ("the papers' count of operations in floating point", "papers' count, floating point"),
    "sop_integer": ("the papers' count of operations in integers", "papers' count, integers"),
    "lut": ("all work in integers, attention from a lookup table", "all work, attention by table"),
    "memory": ("event-driven work in integers, with SRAM", "event-driven, with SRAM"),
    "dense": ("every synapse in every step, with SRAM", "dense with reuse, with SRAM"),
    "dram": ("every synapse in every step, weights once from DRAM", "dense, weights from DRAM"),
    "qnn": ("a quantised network without spikes, with SRAM", "without spikes, with SRAM"),
}
BASELINES = {f"digital_{name}": Baseline(*words, rival(name)) for name, words in _WORDS.items()}

WINS = {"digital": "digital wins", "crossbars": "the crossbars win", "not decided": "not decided"}
"""A verdict in words."""


def band_of(summary: Summary, key: str) -> Band:
    """Return a crossbars' energy of a summary [J]; its one value at both ends where the summary has no
    band.
    """
    joule = summary["energy"][key]
    return Band(**summary.get("energy_band", {}).get(key, {"low": joule, "high": joule}))


def span(band: Band) -> str:
    """Return a band of energies in words."""
    return between(*(quantity(end, "J") for end in band))


def ratio(band: Band, digital: float) -> str:
    """Return a band in multiples of a digital energy, which is not 0."""
    return between(*(digits(end / digital, 2) for end in band))


def between(low: str, high: str) -> str:
    """Return two ends in words, one of them where both are the same."""
    return low if low == high else f"{low} to {high}"


def mixture(summary: Summary) -> str:
    """Return a sentence that names a mixture of technology nodes; "" where all prices are of one."""
    return mixture_of(str(summary.get("node", "")), dict(summary.get("other_nodes", {})))


def no_energy(summary: Summary) -> str:
    """Return why the crossbars' energy of this run means nothing; "" where it means something."""
    if summary.get("weights") == summary.get("attention_cell", "ideal") == "ideal":
        return (
            "Writing ideal cells costs no energy and reading them needs no converters, so no hardware has "
            "this energy."
        )
    if summary.get("engine") == "aihwkit":
        return "The layers of aihwkit report no events, so the energy of crossbars is not known here."
    return ""


WHAT_A_BAND_IS = (
    "The energy of crossbars is a band. At its lower end a conversion has the energy of published converter "
    "parts, at its upper end that of the whole column of a published chip (HERMES), scaled to the same "
    "technology node. A comparison whose result differs between the two ends is not decided."
)
"""What the ends of the crossbars' energy are."""

DIFFERENT_WORK = (
    "The papers' count has one addition for each spike and synapse, without memory, neurons, transport or "
    "normalisation. The energy of crossbars includes converters, drivers, writes, neurons, bus, router and "
    "all digital arithmetic, but memory only where the baseline includes it too. The baseline with all "
    "digital work in integers and attention from a lookup table includes the same work as the crossbars."
)
"""What the counts include, which a reader must know with their ratios."""


def against(summary: Summary) -> tuple[list[str], list[list[str]]] | None:
    """Return each digital baseline against the crossbars, all in one unit: header and rows; None for no
    baseline.
    """
    energy = summary.get("energy", {})
    found = [(key, *BASELINES[key]) for key in BASELINES if key in energy]
    if not found:
        return None
    factor, unit = prefixed(max(energy[key] for key, *_ in found), "J")
    rows = []
    for key, words, _, ours_by in found:
        digital, cells = energy[key], ["", "", ""]
        if ours_by in energy:
            ours = band_of(summary, ours_by)
            times = f"{ratio(ours, digital)}" if digital > 0 else ""
            cells = [between(*(digits(end * factor) for end in ours)), times, WINS[ours.against(digital)]]
        rows.append([_capital(words), digits(digital * factor), *cells])
    return [
        "digital baseline",
        f"digital [{unit}]",
        f"crossbars [{unit}]",
        "ratio [1]",
        "verdict",
    ], rows


def about(summary: Summary) -> str:
    """Return in words the largest part of the crossbars' energy, and how to read the figures of `against`."""
    energy = summary.get("energy", {})
    if "digital_sop" not in energy:
        return "No work of this network was counted, so its energy is not known."
    if "crossbar" not in energy:
        return no_energy(summary)
    ours = band_of(summary, "crossbar")
    out = [mixture(summary), WHAT_A_BAND_IS if ours.low < ours.high else ""]
    if energy["crossbar"] > 0:
        part, joule = max(summary["breakdown"].items(), key=lambda item: item[1])
        share = percent(joule / energy["crossbar"], 0)
        out.append(
            f"At the prices of the card, the largest part of the energy of crossbars is {part} ({share})."
        )
    return " ".join([*(sentence for sentence in out if sentence), DIFFERENT_WORK])


def break_even(balance: Balance) -> Iterator[tuple[str, ...]]:
    """For each baseline the spike rate, the energy of a pulse and of a conversion and the bits of the
    converter at which crossbars cost the same; each alone, all else as today, at both ends of the band.
    """
    low, high = (list(_at_one_end(end)) for end in balance.ends)
    for (words, *_), below, above in zip(BASELINES.values(), low, high, strict=True):
        yield words, *(between(*pair) for pair in zip(below, above, strict=True))


def _at_one_end(balance: Balance) -> Iterator[tuple[str, ...]]:
    for key in BASELINES:
        name = key.removeprefix("digital_")
        rate, bits = balance.even_rate(name), balance.even_bits(name, balance.rate)
        pulse, conversion = (
            balance.even_pulse(name, balance.rate),
            balance.even_conversion(name, balance.rate),
        )
        most = max(balance.converter.energy)
        yield (
            "none" if rate is None else percent(rate, 1),
            _even(pulse),
            _even(conversion),
            "none" if bits is None else f"{most} or more" if bits == most else digits(bits, 2),
        )


def _even(joule: float) -> str:
    return "none" if joule != joule else quantity(joule, "J") if joule > 0 else "below 0"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
