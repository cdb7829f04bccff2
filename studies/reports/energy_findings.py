"""What a comparison found about energy: each digital baseline beside the crossbars, in words, and where they
break even.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from memsim.energy.band import Band
from memsim.energy.break_even import Balance, rival
from memsim.energy.nodes import mixture_of
from memsim.studies.reports.quantities import digits, percent, quantity

Summary = Mapping[str, Any]


class Baseline(NamedTuple):
    """A digital energy of a summary."""

    words: str  #: in a sentence
    short: str  #: in a figure
    rival: str  #: the crossbars' energy that covers the same work


_WORDS = {
    "sop": ("the papers' digital count (float sums)", "papers' count, fp32"),
    "sop_integer": ("the same count with integer sums", "papers' count, integers"),
    "lut": ("all digital work in integers, attention by table", "all work, table attention"),
    "memory": ("event-driven integers with SRAM", "event-driven, with SRAM"),
    "dense": ("every synapse in every step, with SRAM", "dense with reuse, with SRAM"),
    "dram": ("every synapse in every step, weights from DRAM once", "dense, weights from DRAM"),
    "qnn": ("a quantised ANN of the same shape, with SRAM", "quantised ANN, with SRAM"),
}
BASELINES = {f"digital_{name}": Baseline(*words, rival(name)) for name, words in _WORDS.items()}

WINS = {"digital": "digital wins", "crossbars": "the crossbars win", "not decided": "not decided"}
"""A verdict in words."""


def band_of(summary: Summary, key: str) -> Band:
    """A crossbars' energy of a summary [J]; its one value at both ends where the summary has no band."""
    joule = summary["energy"][key]
    return Band(**summary.get("energy_band", {}).get(key, {"low": joule, "high": joule}))


def span(band: Band) -> str:
    """A band of energies in words."""
    return between(*(quantity(end, "J") for end in band))


def ratio(band: Band, digital: float) -> str:
    """A band in multiples of a digital energy, which is not 0."""
    return between(*(digits(end / digital, 2) for end in band))


def between(low: str, high: str) -> str:
    """Two ends in words, one of them where both are the same."""
    return low if low == high else f"{low} to {high}"


def mixture(summary: Summary) -> str:
    """A sentence that names a mixture of technology nodes; "" where all prices are of one."""
    return mixture_of(str(summary.get("node", "")), dict(summary.get("other_nodes", {})))


def no_energy(summary: Summary) -> str:
    """Why the crossbars' energy of this run means nothing; "" where it means something."""
    if summary.get("weights") == summary.get("attention_cell", "ideal") == "ideal":
        return "Ideal cells are written for nothing and read without converters: no hardware has this energy."
    if summary.get("engine") == "aihwkit":
        return "aihwkit's own layers report no events, so the crossbars' energy of this engine is not known."
    return ""


def energy_ratio(summary: Summary) -> str:
    """The crossbars' energy in multiples of the digital counts, as a sentence; "" where it means nothing."""
    energy = summary.get("energy", {})
    if "crossbar" not in energy or not energy.get("digital_sop", 0.0) > 0:
        return ""
    ours = band_of(summary, "crossbar")
    times = ratio(ours, energy["digital_sop"])
    found = f"An image takes the crossbars {times} times the energy of the papers' digital count (float sums)"
    if energy.get("digital_sop_integer"):
        found += (
            f"; {ratio(ours, energy['digital_sop_integer'])} times that of the same count with integer sums"
        )
    return f"{found}. {WHAT_A_BAND_IS if ours.low < ours.high else ''}".strip()


WHAT_A_BAND_IS = (
    "The lower end has converters from published parts, the upper end the whole column of a published chip "
    "(HERMES), scaled to the same node; what changes sides between them is not decided."
)
"""What the ends of the crossbars' energy are."""

DIFFERENT_WORK = (
    "The papers' count prices one accumulate for each spike and synapse, without memory, neurons, transport "
    "or normalisation; the crossbars' ledger holds converters, drivers, writes, neurons, bus and router and "
    "all digital arithmetic, but no memory. All digital work in integers, with attention by table, is the "
    "rival that covers the same."
)
"""Why energies must not be divided without a word."""


def energy_verdict(summary: Summary) -> str:
    """Which takes less by each count, as far as the band decides it, and what rules the crossbars' energy."""
    energy = summary.get("energy", {})
    if "digital_sop" not in energy:
        return "No work of this network was counted, so nothing is known of its energy."
    digital = quantity(energy["digital_sop"], "J")
    if "crossbar" not in energy:
        return (
            f"The papers' digital count (float sums) is {digital} for an image. {no_energy(summary)}".strip()
        )
    out = [mixture(summary)]
    for key, (words, _, ours) in BASELINES.items():
        if key in energy and ours in energy:
            band, digital = band_of(summary, ours), energy[key]
            found = f"{span(band)} against {quantity(digital, 'J')}: {WINS[band.against(digital)]}"
            out.append(f"{_capital(words)}: {found}.")
    part, joule = max(summary["breakdown"].items(), key=lambda item: item[1])
    share = percent(joule / energy["crossbar"], 0)
    out.append(f"The largest part of the crossbars' energy at the card's prices: {part}, {share}.")
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
    return "none" if joule != joule else quantity(joule, "J") if joule > 0 else "not even 0"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
