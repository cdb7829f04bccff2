"""`memsim compare --explain LAYER`: the bill of a layer within 80 columns, crossbars first.

Each event has its number, price, energy and share, and below it where the number comes from; sources are
listed once, by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memsim.energy.area import areas, known
from memsim.energy.baselines import BASELINES as BILLS
from memsim.energy.line import Line, total
from memsim.studies.evaluation.comparison import Comparison
from memsim.studies.reports.counts import how
from memsim.studies.reports.grid import Whole
from memsim.studies.reports.quantities import count, digits, percent, quantity
from memsim.studies.reports.screen import SHORT


class Sources:
    """Numbers sources in the order in which they are named."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, source: str) -> str:
        """Return the number of a source, in brackets."""
        return f"[{self.numbers.setdefault(source, len(self.numbers) + 1)}]"

    def listed(self) -> Iterator[Text]:
        """Yield every source, whole words to a line."""
        for source, number in self.numbers.items():
            yield Text(f"[{number}] {source}")


def explained(comparison: Comparison, layer: str) -> Group:
    """Return the bill of every layer of that name, or below it; ValueError where none has an event."""
    bills: dict[str, Sequence[Line]] = {}
    if comparison.chip is not None and comparison.measured.counted:
        bills["crossbar"] = comparison.chip.ledger.lines()
    bills |= {f"digital_{name}": lines(comparison.works, comparison.card) for name, lines in BILLS.items()}
    layers = dict.fromkeys(line.layer for lines in bills.values() for line in lines)
    chosen = [name for name in layers if _within(name, layer)]
    if not chosen:
        raise ValueError(f"--explain {layer!r}: no events there; layers with events: {', '.join(layers)}")
    sources, parts = Sources(), list[RenderableType]()
    if "crossbar" not in bills:
        parts.append(Text("The crossbars of this run have no bill; the digital counts are below."))
    for name in chosen:
        own = [line for line in bills.get("crossbar", ()) if line.layer == name and line.number]
        if own:
            parts += [_bill(own, comparison, sources), *_sizes(name, comparison)]
    if len(chosen) > 1 and "crossbar" in bills:
        joule = sum(line.energy for line in bills["crossbar"] if line.layer in chosen)
        parts.append(Text(f"{layer} in all: {quantity(joule, 'J')} for an image."))
    parts += [_digital(bills, chosen, sources), Text("sources"), *sources.listed()]
    return Group(*parts)


def _bill(lines: Sequence[Line], comparison: Comparison, sources: Sources) -> RenderableType:
    """Return events of one layer of the crossbars, each with the formula of its number below it."""
    chip, name = comparison.chip, lines[0].layer
    assert chip is not None
    work = next((work for work in comparison.works if work.name == name), None)
    whole = total(lines)
    table = _table(f"{name} on crossbars, for an image")
    counts = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    counts.add_column(no_wrap=True)
    counts.add_column()
    for line in sorted(lines, key=lambda line: -line.energy):
        _add(table, line, whole, sources)
        counts.add_row(Text(line.event), Text(how(line, work, chip)))
    table.add_row("sum", "", "", quantity(whole, "J"), percent(1.0, 0), "", style="bold")
    return Group(Padding(Whole(table), (1, 0, 0, 0)), Text("numbers come from"), counts)


def _table(title: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    table.add_column("event", no_wrap=True)
    for column in ("number", "price", "energy", "share"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    return table


def _add(table: Table, line: Line, whole: float, sources: Sources) -> None:
    share = percent(line.energy / whole, 1) if whole > 0 else ""
    price, joule = quantity(line.price, "J"), quantity(line.energy, "J")
    number = count(line.number) if line.number >= 10 else digits(line.number)
    table.add_row(Text(line.event), number, price, joule, share, Text(sources.number(line.source)))


def _sizes(name: str, comparison: Comparison) -> Iterator[Text]:
    """Yield the time and area of a layer, where it has them."""
    chip = comparison.chip
    assert chip is not None
    words = []
    if name in chip.ledger.latencies:
        words.append(f"time {quantity(chip.ledger.latencies[name], 's')}")
    built = [work for work in comparison.built if work.name == name]
    if built:
        area, missing = known(areas(built, comparison.card))
        words.append(f"area {digits(1e12 * area)} µm²" + f", without {', '.join(missing)}" * bool(missing))
    if words:
        yield Text(f"{name}: {'; '.join(words)}")


def _digital(bills: Mapping[str, Sequence[Line]], chosen: Sequence[str], sources: Sources) -> RenderableType:
    """Return what each digital baseline counts there."""
    table = Table(
        title=Text("the same layer, digitally", style="bold"), title_justify="left", box=None, pad_edge=False
    )
    table.add_column("baseline, event", no_wrap=True)
    for column in ("number", "price", "energy"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for bill, lines in bills.items():
        own = [line for line in lines if line.layer in chosen] if bill != "crossbar" else []
        if own:
            table.add_row(SHORT[bill], "", "", quantity(total(own), "J"), "", style="bold")
        for line in own:
            price, joule = quantity(line.price, "J"), quantity(line.energy, "J")
            words = (Text(f"  {line.event}"), count(line.number), price, joule)
            table.add_row(*words, Text(sources.number(line.source)))
    return Padding(Whole(table), (1, 0, 1, 0))


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")
