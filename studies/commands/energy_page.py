"""Writes docs/energy.md and its pictures: python -m memsim.studies.commands.energy_page.

Every figure is computed: the energy that the S2TDPT paper states and what it leaves out, the break-even of
crossbars and digital baselines, and the energy of a whole tile against published chips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import memsim
from memsim.energy import baselines, estimate, neurram
from memsim.energy.band import conversion
from memsim.energy.break_even import Balance
from memsim.energy.line import Line
from memsim.energy.moving import MEMORY, buffers
from memsim.energy.nodes import node
from memsim.energy.tile import HERMES, OTHERS, Published, Tile, anchored
from memsim.energy.work import Attention, Matrix, Work, scaled
from memsim.models.networks import s2tdpt_counts as counts
from memsim.models.registry import configure
from memsim.studies.reports import energy_findings
from memsim.studies.reports.break_even import break_even
from memsim.studies.reports.figures import png
from memsim.studies.reports.page import environment
from memsim.studies.reports.quantities import digits, percent, quantity

DOCS = Path(__file__).resolve().parents[2] / "docs"

CLAIM, ANN, SPIKFORMER = 0.49e-3, 4.25e-3, 0.79e-3
"""Energies on CIFAR-100 [J] in the paper's Table 3 (Mondal & Kumar, arXiv:2511.14691)."""

HELD = {
    "default": estimate.Held(pulses=6.9, weight=4.8e-6, attention=37e-6),
    "hermes": estimate.Held(pulses=7.6, weight=4.4e-6, attention=4.3e-6),
    "neurram-wan2022": estimate.Held(pulses=6.8, weight=12e-6, attention=37e-6),
}
"""Card -> pulses for each cell and mean conductances [S]: rounded from the digits network on two chips."""

DIGITS_RATE = 0.24
"""Mean spike rate of the digits network [1], rounded from the same run."""


def paper(rate: float) -> list[Work]:
    """Return the paper's network on CIFAR-100, with the 12 heads of Spikingformer's CIFAR-10 code."""
    return counts.works(configure("s2tdpt-4-384", num_classes=100), rate)


def implied_rate(works: Sequence[Work], card: memsim.ChipCard, passes: int = 1) -> float:
    """Return the spike rate [1] at which the papers' count of works (given at rate 1) has the claimed energy.

    passes: number of time steps in which the encoder runs.
    """
    encoder = baselines.total(baselines.sop(works[:1], card))
    fixed, whole = (baselines.total(baselines.sop(scaled(works, f), card)) for f in (0.0, 1.0))
    return (CLAIM - fixed - (passes - 1) * encoder) / (whole - fixed)


def balances(card: memsim.ChipCard) -> dict[str, Balance]:
    """Return the balance of crossbars of a card and digital baselines, by network: the paper's network at the
    spike rate that its claim implies, and the digits network at its measured rate.
    """
    claimed = implied_rate(paper(1.0), memsim.ChipCard.load("default"))
    networks = {
        "s2tdpt-4-384": paper(claimed),
        "s2tdpt-digits": counts.works(configure("s2tdpt-digits"), DIGITS_RATE),
    }
    return {
        name: Balance(lines=estimate.crossbar(works, card, HELD[card.name]), works=works, card=card)
        for name, works in networks.items()
    }


def text() -> str:
    """Return the page."""
    found = balances(memsim.ChipCard.load("default"))
    one = found["s2tdpt-4-384"]
    share = baselines.qnn_break_even(one.works)
    return (
        environment(escaped=False)
        .get_template("energy.md.j2")
        .render(
            claim=_claim(one),
            left_out=list(_left_out(one)),
            rivals=list(_rivals(one)),
            spent=list(_spent(one)),
            cards=list(HELD),
            beside=list(_beside()),
            nodes=[_node(name) for name in HELD],
            column=_column(),
            qnn={
                "bits": baselines.activation_bits(one.works),
                "rate": percent(share, 1),
                "side": "above" if one.rate > share else "below",
            },
            networks=[
                {
                    "name": name,
                    "picture": f"break-even-{name}",
                    "rows": list(energy_findings.break_even(balance)),
                }
                for name, balance in found.items()
            ],
            tile=_tile(),
            chips=list(_chips()),
            neurram=neurram.table(),
            neurram_header=neurram.HEADER,
        )
        + "\n"
    )


def _claim(one: Balance) -> dict[str, Any]:
    card, all_at_one = one.card, paper(1.0)
    matrices = [work for work in one.works if isinstance(work, Matrix)]
    core = [work for work in one.works if isinstance(work, Attention)]
    dense = sum(m.dense for m in matrices)
    products = sum(2 * w.heads * w.tokens**2 * w.width for w in core)
    spent, low, high = (
        baselines.total(baselines.sop(scaled(core, rate / one.rate), card)) for rate in (one.rate, 0.05, 0.2)
    )
    without = [work for work in all_at_one if not isinstance(work, Attention)]
    ac, mac = (card.price(event).energy for event in ("sop-ac", "sop-mac"))
    return {
        "energy": f"{1e3 * CLAIM:g} mJ",
        "ac": f"{1e12 * ac:g} pJ",
        "mac": f"{1e12 * mac:g} pJ",
        "ann_macs": digits(ANN / mac / 1e9),
        "ann": f"{1e3 * ANN:g} mJ",
        "dense": digits(dense / 1e6, 4),
        "all": digits((dense + products) / 1e9),
        "attention": digits(products / 1e6),
        "rate": percent(implied_rate(all_at_one, card), 1),
        "rate_matrices": percent(implied_rate(without, card), 1),
        "rate_held": percent(implied_rate(without, card, passes=4), 1),
        "encoder": quantity(baselines.total(baselines.sop(one.works[:1], card)), "J"),
        "share": percent(products / (dense + products)),
        "spent": quantity(spent, "J"),
        "spent_share": percent(spent / CLAIM, 1),
        "low": quantity(low, "J"),
        "high": quantity(high, "J"),
        "saved": percent(1 - CLAIM / SPIKFORMER, 0),
        "writes": f"{core[0].steps:.0f}",
        "images": f"{1e6 / core[0].steps:,.0f}",
    }


def _left_out(one: Balance) -> Iterator[tuple[str, str, str]]:
    works, card = one.works, one.card
    core = [work for work in works if isinstance(work, Attention)]
    writes = sum(work.pairs for work in core)
    counting = sum(work.q + work.k for work in core)
    times = sum(2 * work.steps * work.heads * work.tokens for work in core)
    for words, number, event in (
        ("counting query and key spikes", counting, "digital-add"),
        ("first-spike times", times, "digital-compare"),
    ):
        yield words, f"{number:,.0f}", quantity(number * card.price(event).energy, "J")
    for pico in (1, 100, 1000):
        words = f"writing the attention weights at {pico} pJ"
        yield words, f"{writes:,.0f} writes", quantity(writes * pico * 1e-12, "J")
    dram = baselines.weights_from_dram(works, card)
    for words, lines in (
        ("SRAM, event-driven", baselines.memory(works, card)),
        ("SRAM, dense with reuse", baselines.dense(works, card)),
        ("weights from LPDDR4, once", dram),
    ):
        moved = [line for line in lines if line.component == MEMORY]
        megabytes = sum(line.number for line in moved) / 8e6
        yield words, f"{megabytes:,.1f} MB", quantity(baselines.total(moved), "J")


def _rivals(one: Balance) -> Iterator[tuple[str, ...]]:
    for key, baseline in energy_findings.BASELINES.items():
        name = key.removeprefix("digital_")
        digital, ours = one.digital(name, one.rate), one.band(name)
        times, wins = energy_findings.ratio(ours, digital), energy_findings.WINS[ours.against(digital)]
        yield baseline.short, quantity(digital, "J"), energy_findings.span(ours), times, wins


def _beside() -> Iterator[tuple[str, ...]]:
    """For each baseline, on each card: digital, crossbars in multiples of it, which wins."""
    cards = [balances(memsim.ChipCard.load(name))["s2tdpt-4-384"] for name in HELD]
    for key, baseline in energy_findings.BASELINES.items():
        name = key.removeprefix("digital_")
        found = []
        for one in cards:
            digital, ours = one.digital(name, one.rate), one.band(name)
            wins = energy_findings.WINS[ours.against(digital)]
            found += [quantity(digital, "J"), f"× {energy_findings.ratio(ours, digital)}: {wins}"]
        yield baseline.short, *found


def _node(name: str) -> str:
    """Return a card, its node, its converter and the price of an 8-bit conversion at both ends."""
    card = memsim.ChipCard.load(name)
    price = energy_findings.between(*(quantity(one.energy, "J") for one in conversion(card, "adc-8b")))
    return f"`{name}` ({node(card).replace('nm', ' nm')}, {price} for a conversion of 8 bits)"


def _column() -> dict[str, str]:
    low, high = conversion(memsim.ChipCard.load("default"), "adc-8b")
    here = conversion(memsim.ChipCard.parse({"name": "bare", "technology": "14nm"}), "adc-8b")
    return {
        "low": quantity(low.energy, "J"),
        "high": quantity(high.energy, "J"),
        "low14": quantity(here[0].energy, "J"),
        "high14": quantity(here[1].energy, "J"),
    }


def _spent(one: Balance) -> Iterator[tuple[str, ...]]:
    """Yield for each component the energy of crossbars at both ends, and that of dense digital work."""
    bills = [end.lines for end in one.ends]
    bills = [[*lines, *buffers(one.works, one.card)] for lines in bills]
    bills.append(baselines.dense(one.works, one.card))
    sums = [_by_component(lines) for lines in bills]
    for part in sorted({*sums[0], *sums[2]}, key=lambda part: -max(s.get(part, 0.0) for s in sums)):
        low, high, digital = (s.get(part, 0.0) for s in sums)
        ours = energy_findings.between(quantity(low, "J"), quantity(high, "J")) if low else "-"
        yield part, ours, quantity(digital, "J") if digital else "-"


def _by_component(lines: Sequence[Line]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in lines:
        found[line.component] = found.get(line.component, 0.0) + line.energy
    return found


def _tile() -> dict[str, str]:
    bottom_up = memsim.Technology.load("14nm")
    parts = Tile(technology=bottom_up).product()
    return {
        "energy": quantity(HERMES.predicted(bottom_up), "J"),
        "ratio": digits(HERMES.predicted(bottom_up) / HERMES.energy, 2),
        "hermes": quantity(HERMES.energy, "J"),
        "parts": ", ".join(f"{part} {quantity(cost.energy, 'J')}" for part, cost in parts.items()),
        "columns": quantity(HERMES.energy / HERMES.columns / OTHERS[-1].rows, "J"),
        "cells": quantity(HERMES.energy / HERMES.columns / HERMES.rows, "J"),
    }


def _chips() -> Iterator[tuple[str, ...]]:
    """Yield for each chip its energy as predicted by a card that was set from another chip."""
    bottom_up = memsim.Technology.load("14nm")
    for chip in (HERMES, *OTHERS):
        other = OTHERS[0] if chip is HERMES else HERMES
        energy = chip.predicted(anchored(bottom_up, other))
        off = energy / chip.energy - 1
        within = "yes" if abs(off) <= 0.3 else "**no**"
        parts = _against(chip, chip.predicted(bottom_up))
        reported = (chip.name, chip.source, quantity(chip.energy, "J"))
        yield *reported, parts, other.name, quantity(energy, "J"), percent(off, 0), within


def _against(chip: Published, energy: float) -> str:
    return f"{quantity(energy, 'J')} (× {digits(energy / chip.energy, 2)})"


def write(folder: Path = DOCS) -> None:
    """Write the page and its pictures into a folder."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / "energy.md").write_text(text(), "utf-8")
    for name, balance in balances(memsim.ChipCard.load("default")).items():
        picture = folder / "pictures" / f"break-even-{name}.png"
        picture.write_bytes(png(break_even(balance, f"{name}: break-even")))


if __name__ == "__main__":
    write()
