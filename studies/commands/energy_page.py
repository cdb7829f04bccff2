"""docs/energy.md and its pictures, every figure computed: what the S2TDPT paper's energy says and leaves out,
where crossbars break even, a whole tile against chips.

python -m memsim.studies.commands.energy_page writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import memsim
from memsim.energy import baselines, estimate
from memsim.energy.break_even import Balance
from memsim.energy.tile import HERMES, OTHERS, Tile
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

HELD = estimate.Held(pulses=7.0, weight=6e-6, attention=40e-6)
"""Pulses for each cell and mean conductances [S]: rounded from `memsim compare` on the digits network."""

DIGITS_RATE = 0.24
"""Mean spike rate of the digits network [1], rounded from the same run."""


def paper(rate: float) -> list[Work]:
    """The paper's network on CIFAR-100 with the 12 heads of Spikingformer's CIFAR-10 code."""
    return counts.works(configure("s2tdpt-4-384", num_classes=100), rate)


def implied_rate(works: Sequence[Work], card: memsim.ChipCard, passes: int = 1) -> float:
    """The one spike rate at which the papers' count of works (at rate 1) gives the claimed energy [1], the
    encoder running in that many passes.
    """
    encoder = baselines.total(baselines.sop(works[:1], card))
    fixed, whole = (baselines.total(baselines.sop(scaled(works, f), card)) for f in (0.0, 1.0))
    return (CLAIM - fixed - (passes - 1) * encoder) / (whole - fixed)


def balances(card: memsim.ChipCard) -> dict[str, Balance]:
    """Crossbars against the baselines: the paper's network at the implied rate, and digits at its own."""
    networks = {
        "s2tdpt-4-384": paper(implied_rate(paper(1.0), card)),
        "s2tdpt-digits": counts.works(configure("s2tdpt-digits"), DIGITS_RATE),
    }
    return {
        name: Balance(lines=estimate.crossbar(works, card, HELD), works=works, card=card)
        for name, works in networks.items()
    }


def text() -> str:
    """The page."""
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
        moved = [line for line in lines if line.component == baselines.MEMORY]
        megabytes = sum(line.number for line in moved) / 8e6
        yield words, f"{megabytes:,.1f} MB", quantity(baselines.total(moved), "J")


def _rivals(one: Balance) -> Iterator[tuple[str, ...]]:
    for key, baseline in energy_findings.BASELINES.items():
        name = key.removeprefix("digital_")
        digital, ours = one.digital(name, one.rate), one.crossbar(name, one.rate)
        yield baseline.short, quantity(digital, "J"), quantity(ours, "J"), digits(ours / digital, 2)


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
    card = memsim.Technology.load("hermes")
    for chip in OTHERS:
        energy = chip.predicted(card)
        off = energy / chip.energy - 1
        within = "yes" if abs(off) <= 0.3 else "**no**"
        reported = quantity(chip.energy, "J")
        yield chip.name, chip.source, reported, quantity(energy, "J"), percent(off, 0), within


def write(folder: Path = DOCS) -> None:
    """Write the page and its pictures into a folder."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / "energy.md").write_text(text(), "utf-8")
    for name, balance in balances(memsim.ChipCard.load("default")).items():
        picture = folder / "pictures" / f"break-even-{name}.png"
        picture.write_bytes(png(break_even(balance, f"{name}: break-even")))


if __name__ == "__main__":
    write()
