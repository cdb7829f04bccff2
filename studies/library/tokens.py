"""Tokens: energy, writes and wear per token of a written memory, against the length of its context.

The memory has one head of 64 features.  With lines, each token writes one line and reads all lines; with a
leaky state, it writes the whole state; STDP attention writes N x N weights in each of four time steps.
Digital int8 memories are the baseline: products only, or with keys and values from SRAM or DRAM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

import memsim
from memsim import devices
from memsim.studies.evaluation import sequences
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.token_memories import MEMORIES, RATE
from memsim.studies.reports.figure_style import COLUMN, LINES, drawn
from memsim.studies.reports.quantities import digits, duration, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running.task import Task, blocks

title = "The cost of a token"

TOKENS = (64, 256, 1024, 4096)
WEAR = ("devices written", "cycles a token", "life")
RIVALS = {"products": "digital products", "SRAM": "reads of an SRAM", "DRAM": "reads of a DRAM"}
"""Parts of a digital memory, by their names in rows, as a sentence names them."""
DIGITAL = tuple(RIVALS)
NOTE = (
    "Energy for one token and one head of 64 features, means over chips. Softmax (N exponentials and a "
    "quotient) is digital in all cases and not counted. Digital memories: 2 N D products of int8 numbers, "
    "and 2 N D bytes from an SRAM of 8 KB or from LPDDR4. Life: usual and best published endurance of the "
    "technology at a thousand tokens per second."
)


def methods(setting: Setting) -> str:
    """Return a paragraph on the methods."""
    return (
        "Inputs are random. Every memory is executed on its arrays, and its events are counted: the last "
        "eight tokens of a context of lines, eight tokens of a state, and one image of STDP attention "
        f"divided by its number of tokens. {sequences.UNWIRED}"
    )


def tasks(setting: Setting) -> Iterator[Task]:
    """Yield tasks for every memory and length, on each block of chips."""
    card = sequences.card_of(setting, "tokens")
    for chips in blocks(setting.chips):
        for name, memory in MEMORIES.items():
            cell: dict[str, Any] = {"cell": memory.cell}
            changed = (
                card.replace(weights=cell | {"g_max": None})
                if memory.write == "verify"
                else card.replace(attention=cell)
            )
            for tokens in TOKENS:
                if tokens <= memory.longest:
                    shared = {
                        "network": {"memory": name, "change": {}}, "engine": "memsim", "chips": chips,
                        "images": setting.images or 0, "seed": setting.seed, "card": dump(changed),
                    }  # fmt: skip
                    labels = {"memory": name, "tokens": tokens}
                    yield Task(study="tokens", labels=labels, shared=shared, own={"tokens": tokens})


def prepare(shared: Mapping[str, Any], data: str = "data") -> Mapping[str, Any]:
    """Return the shared values; nothing has to be prepared."""
    return shared


def measure(prepared: Mapping[str, Any], own: Mapping[str, Any]) -> Result:
    """Run a memory and return the entries of its ledger."""
    from memsim.studies.evaluation import token_work

    card = memsim.ChipCard.parse(dict(prepared["card"]))
    memory = MEMORIES[prepared["network"]["memory"]]
    spent = token_work.RUNS[memory.kind](
        card, memory.write, own["tokens"], prepared["chips"], prepared["seed"]
    )
    ledger = spent.ledger
    return Result(
        total={
            "energy [J]": ledger.energy, "breakdown [J]": ledger.breakdown(), "latency [s]": ledger.latency,
            "digital energy [J]": token_work.digital(card, own["tokens"]),
            "devices written": spent.writes, "cycles": spent.cycles,
        }
    )  # fmt: skip


def by_memory(points: Sequence[Point]) -> dict[str, dict[int, Point]]:
    """Return points by memory, then by number of tokens."""
    out: dict[str, dict[int, Point]] = {}
    for name in MEMORIES:
        for point in sorted(points, key=lambda p: p.labels["tokens"]):
            if point.labels["memory"] == name:
                out.setdefault(name, {})[point.labels["tokens"]] = point
    return out


def _lengths(points: Sequence[Point]) -> list[int]:
    return sorted({point.labels["tokens"] for point in points})


def tables(points: Sequence[Point]) -> dict[str, Table]:
    """Return tables of energy by memory and length, of writes and lifetime, and of energy by component."""
    if not points:
        return {}
    lengths, found = _lengths(points), by_memory(points)
    rows = [[name, *(_energy(of.get(n)) for n in lengths)] for name, of in found.items()]
    rows += [[f"digital, {kind}", *(_digital(points, n, kind) for n in lengths)] for kind in DIGITAL]
    header = ["memory", *(f"{n} tokens" for n in lengths)]
    wear = [[name, str(n), *_wear(name, p)] for name, of in found.items() for n, p in of.items()]
    made = {
        "energy": ("Energy per token", header, rows),
        "writes": ("Writes and lifetime", ["memory", "tokens", *WEAR], wear),
        "parts": ("Energy per token by part", ["memory", "tokens", "parts"], _parts(found)),
    }
    return {
        name: Table(title=title, header=header, rows=rows, note=NOTE)
        for name, (title, header, rows) in made.items()
    }


def _energy(point: Point | None) -> str:
    return quantity(point.total["energy [J]"], "J") if point and "energy [J]" in point.total else ""


def _digital(points: Sequence[Point], tokens: int, kind: str) -> str:
    for point in points:
        found = point.total.get("digital energy [J]", {})
        if point.labels["tokens"] == tokens and kind in found:
            return quantity(found[kind], "J")
    return ""


def _wear(name: str, point: Point) -> list[str]:
    """Return the number of devices written, the cycles of a device per token, and its lifetime, as text."""
    if "cycles" not in point.total:
        return ["", "", ""]
    cycles = point.total["cycles"]
    known = devices.get(MEMORIES[name].cell).endurance_range
    life = ""
    if known is not None:
        low, high = (duration(n / (cycles * RATE)) for n in (known.low, known.high))
        life = f"{low} to {high}"
    return [digits(point.total["devices written"]), digits(cycles), life]


def _parts(found: Mapping[str, Mapping[int, Point]]) -> list[list[str]]:
    out = []
    for name, of in found.items():
        for n, point in of.items():
            parts = sorted(point.total.get("breakdown [J]", {}).items(), key=lambda item: -item[1])
            out.append([name, str(n), ", ".join(f"{part} {quantity(x, 'J')}" for part, x in parts[:4] if x)])
    return out


def break_even(of: Mapping[int, Point], kind: str) -> float | None:
    """Return the number of tokens from which a memory takes less energy than a digital one; None: never.

    The energy is interpolated linearly between the shortest and the longest context: E = a + b N on arrays
    and c N digitally give N = a / (c - b).
    """
    there = [n for n, p in of.items() if kind in p.total.get("digital energy [J]", {})]
    if len(there) < 2:
        return None
    low, high = min(there), max(there)
    ours = {n: of[n].total["energy [J]"] for n in (low, high)}
    slope = (ours[high] - ours[low]) / (high - low)
    each = of[high].total["digital energy [J]"][kind] / high
    fixed = ours[low] - slope * low
    return fixed / (each - slope) if each > slope else None


@drawn
def _figure(found: Mapping[str, Mapping[int, Point]], points: Sequence[Point], caption: str) -> Figure:
    figure = Figure(figsize=(COLUMN, 3.2))
    ax = figure.subplots()
    for number, (name, of) in enumerate(found.items()):
        there = [(n, p.total["energy [J]"]) for n, p in of.items() if "energy [J]" in p.total]
        ax.plot(*zip(*there or [(64, float("nan"))], strict=True), "o-", label=name, markersize=3,
                linewidth=1, color=LINES[number % len(LINES)])  # fmt: skip
    for kind, line in zip(DIGITAL, (":", "--", "-."), strict=True):
        there = [
            (p.labels["tokens"], p.total["digital energy [J]"][kind])
            for p in points
            if kind in p.total.get("digital energy [J]", {})
        ]
        if there:
            along = zip(*sorted(set(there)), strict=True)
            ax.plot(*along, linestyle=line, color="0.4", linewidth=0.9, label=f"digital, {kind}")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlabel("tokens of the context")
    ax.set_ylabel("energy per token [J]")
    figure.legend(loc="outside upper center", ncols=1, fontsize=6)
    figure.set_label(caption)
    return figure


def figures(points: Sequence[Point]) -> dict[str, Figure]:
    """Return a figure of the energy against the length of the context for each sort of memory."""
    out = {}
    for sort in ("lines", "state", "rewriting"):
        found = {name: of for name, of in by_memory(points).items() if name.startswith(sort)}
        if found:
            out[sort] = _figure(found, points, f"Energy per token of {sort}, and of digital memories.")
    return out


def findings(points: Sequence[Point]) -> list[str]:
    """Return sentences on the length from which lines take less energy than digital memories."""
    out = []
    for name, of in by_memory(points).items():
        for kind in DIGITAL if name.startswith("lines") else ():
            even = break_even(of, kind)
            if even is not None:
                out.append(
                    f"On {name}, a token takes less energy than {RIVALS[kind]} from {even:,.0f} tokens on."
                )
    return out or (["No lines have two lengths and a digital price yet."] if points else [])
