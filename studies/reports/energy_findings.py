"""What a comparison found about energy: each digital baseline beside the crossbars, in words, and where they
break even.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from memsim.energy.break_even import WITH_MEMORY, Balance
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
BASELINES = {
    f"digital_{name}": Baseline(*words, "crossbar_memory" if name in WITH_MEMORY else "crossbar")
    for name, words in _WORDS.items()
}


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
    ratio = digits(energy["crossbar"] / energy["digital_sop"])
    found = f"An image takes the crossbars {ratio} times the energy of the papers' digital count (float sums)"
    if energy.get("digital_sop_integer"):
        ratio = digits(energy["crossbar"] / energy["digital_sop_integer"])
        found += f"; {ratio} times that of the same count with integer sums"
    return f"{found}."


DIFFERENT_WORK = (
    "The papers' count prices one accumulate for each spike and synapse, without memory, neurons or "
    "normalisation; the crossbars' ledger holds converters, drivers, writes, neurons and all digital "
    "arithmetic, but no memory. All digital work in integers, with attention by table, is the rival that "
    "covers the same."
)
"""Why energies must not be divided without a word."""


def energy_verdict(summary: Summary) -> str:
    """Which wins by these counts, and what rules the crossbars' energy."""
    energy = summary.get("energy", {})
    if "digital_sop" not in energy:
        return "No work of this network was counted, so nothing is known of its energy."
    digital = quantity(energy["digital_sop"], "J")
    if "crossbar" not in energy:
        return (
            f"The papers' digital count (float sums) is {digital} for an image. {no_energy(summary)}".strip()
        )
    ours = quantity(energy["crossbar"], "J")
    wins = "digital wins" if energy["crossbar"] > energy["digital_sop"] else "the crossbars win"
    out = [
        f"Against the papers' count, which prices float sums, {wins}: {ours} against {digital} for an image."
    ]
    if energy.get("digital_sop_integer"):
        lost = energy["crossbar"] > energy["digital_sop_integer"]
        out.append(
            "With sums and products priced as integers, like the crossbars' own digital work, digital needs "
            f"{quantity(energy['digital_sop_integer'], 'J')}: "
            f"{'digital wins' if lost else 'the crossbars win'}."
        )
    for key, (words, _, rival) in BASELINES.items():
        if key not in ("digital_sop", "digital_sop_integer") and key in energy and rival in energy:
            who = "digital wins" if energy[rival] > energy[key] else "the crossbars win"
            theirs, ours = quantity(energy[key], "J"), quantity(energy[rival], "J")
            out.append(f"{_capital(words)}: {theirs} against {ours}: {who}.")
    part, joule = max(summary["breakdown"].items(), key=lambda item: item[1])
    out.append(
        f"The largest part of the crossbars' energy: {part}, {percent(joule / energy['crossbar'], 0)}."
    )
    return " ".join([*out, DIFFERENT_WORK])


def break_even(balance: Balance) -> Iterator[tuple[str, ...]]:
    """For each baseline the spike rate, the energy of a pulse and of a conversion and the bits of the card's
    converters at which crossbars cost the same; each alone, all else as today.
    """
    for key, (words, *_) in BASELINES.items():
        name = key.removeprefix("digital_")
        rate, bits = balance.even_rate(name), balance.even_bits(name, balance.rate)
        pulse, conversion = (
            balance.even_pulse(name, balance.rate),
            balance.even_conversion(name, balance.rate),
        )
        most = max(balance.converter.energy)
        yield (
            words,
            "none" if rate is None else percent(rate, 1),
            _even(pulse),
            _even(conversion),
            "none" if bits is None else f"{most} or more" if bits == most else digits(bits, 2),
        )


def _even(joule: float) -> str:
    return "none" if joule != joule else quantity(joule, "J") if joule > 0 else "not even 0"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
