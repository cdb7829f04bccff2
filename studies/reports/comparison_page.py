"""The page of a comparison: what was found first, what can be looked up folded away below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from memsim.energy.break_even import Balance
from memsim.studies.reports import (
    energy_findings,
    engine_findings,
    fault_findings,
    findings,
    line_findings,
)
from memsim.studies.reports.account import OF, Account
from memsim.studies.reports.bibliography import cite
from memsim.studies.reports.chip_sections import cells, every_number, own
from memsim.studies.reports.layer_table import layer_table
from memsim.studies.reports.methods import methods
from memsim.studies.reports.page import (
    Box,
    Bullets,
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
from memsim.studies.reports.quantities import count, duration, percent
from memsim.studies.reports.report_folder import listed
from memsim.studies.reports.table import Table
from memsim.studies.reports.worth_table import worth_table
from memsim.studies.running import provenance

Summary = Mapping[str, Any]
Figures = Mapping[str, Figure]

CAPTIONS = {
    "accuracy": "Accuracy of both executions. Filled marks: digital network and mean over chips, with 95 % "
    "intervals; rings: single chips. The two panels have axes of their own.",
    "spikes": "Spike rate: share of neuron steps with a spike. Spikes that differ: share of neuron steps in "
    "which one execution spikes and the other does not, over all images and chips.",
    "conductances": "Conductances of the weight devices of chip 0, all layers, as a read sees them. Of each "
    "pair one device holds the weight, the other rests near zero.",
    "energy": "Energy for an image. Above, on a logarithmic axis: squares are digital, circles the crossbars "
    "at the card's prices, thick lines the band from bottom-up parts to a published chip's column; below: "
    "what the crossbars' total at the card's prices is made of.",
    "break-even": "Crossbars win below a curve, digital above it. Cross: this run. Dashed: counts without "
    "memory, neurons and normalisation; where a curve is absent, crossbars do not win even for nothing. A "
    "baseline that pays for SRAM is held against crossbars whose inputs, sums, membranes and spikes lie in "
    "SRAM.",
    "attention-first": "Rows of a map are query tokens, columns key tokens; digital and written share one "
    "colour scale.",
    "attention-last": "The same of the last block.",
}
"""What stands below a figure."""


LEFT_OUT = (
    "Area leaves out row drivers, neurons, memory and wiring: no source was found for them.",
    "Energy leaves out leakage, control and the one-time programming of the weights; that of the crossbars "
    "also memory, except where it says SRAM.",
    "Temperature, faults that the card does not name, spread between converters that it does not name, and "
    "nonlinear currents beyond the chord of a cell's I-V curve are not modelled.",
    "This is a simulation of published device models; nothing in it was measured on a chip.",
)


def document(account: Account, drawn: Figures) -> tuple[Page, dict[str, Table]]:
    """Return the page, and its tables by their names as files."""
    summary = account.summary
    first = [results(summary, drawn), energy(summary, drawn)]
    first += [worth_of_attention(account.worth)] if account.worth else []
    first += [faults(summary), chip(account), left_out(summary)]
    more = [*details(account, drawn), *every_number(account.card)]
    found = [part for one in (*first, *more) for part in one.parts if isinstance(part, Table)]
    tables = {slug(table.title.lower()): table for table in found}
    references = Section(title="References", parts=[References()], folded=True)
    sections = [*first, again(account, tables), *more, references]
    losing = findings.losing(summary)
    boxes = [Box(title="Where the crossbars come off worse:", lines=losing)] if losing else []
    boxes += [Box(title=f"{words}.") for words in summary.get("cautions", ())]
    return (
        Page(
            kind=f"{summary['model']}, digital and on simulated crossbars",
            headline=findings.headline(summary),
            setting=setting(summary),
            sections=[section for section in sections if section.parts],
            boxes=boxes,
            foreign=True,
        ),
        tables,
    )


def setting(summary: Summary) -> str:
    """What was run, in a line."""
    words = [f"{summary['images']} images of {summary['dataset']}", f"seed {summary['seed']}"]
    if "chips" in summary:
        attention = f", attention on {summary['attention_cell']}" if "attention_cell" in summary else ""
        words = [
            f"{summary['chips']} chip{'' if summary['chips'] == 1 else 's'} of card {summary['card']}",
            f"weights on {summary['weights']}{attention}",
            f"read {duration(summary['time_after_write [s]'])} after programming",
            f"engine {summary['engine']}",
            *words,
        ]
    off = summary.get("off")
    return "; ".join([*words, *([f"switched off: {', '.join(off)}"] if off else [])]) + "."


def picture(name: str, drawn: Figures) -> list[Part]:
    """A figure with its caption, where it was drawn."""
    if name not in drawn:
        return []
    return [Pictures(pictures=[Picture(name=name, figure=drawn[name], says=CAPTIONS[name])])]


def results(summary: Summary, drawn: Figures) -> Section:
    """Accuracy, surer measures, time and size; two engines where two ran."""
    rows = [list(row.values()) for row in findings.results(summary)]
    note = (
        f"Brackets hold 95 % intervals: of the digital network Wilson's over images{cite('wilson1927')}, of "
        f"the crossbars Student's over chips, which all see the same images{cite('student1908')}; where it "
        "says so, over chips and images. Cross-entropy, margin and spikes move before accuracy does."
    )
    header = ["measure [unit]", "digital", "crossbars", "change"]
    parts: list[Part] = [Table(title="Results", header=header, rows=rows, note=note)]
    if found := engine_findings.engines(summary):
        header = ["engine", "data", "accuracy [95 %] over chips", "over chips and images [%]"]
        note = f"{engine_findings.verdict(summary)} Everything else in this report is of aihwkit's tiles."
        rows = [list(row) for row in found]
        title = "Two engines on one card"
        parts.append(Table(title=title, header=[*header, "same answer as digital"], rows=rows, note=note))
    return Section(title="Results", parts=[*parts, *picture("accuracy", drawn)])


def energy(summary: Summary, drawn: Figures) -> Section:
    """Each digital baseline against the crossbars, what rules these, and what the band means."""
    parts: list[Part] = []
    if rows := energy_findings.against(summary):
        header, lines = rows
        parts.append(Table(title="Energy", header=header, rows=lines, note=energy_findings.about(summary)))
    else:
        parts.append(Words(text=energy_findings.about(summary)))
    return Section(title="Energy", parts=[*parts, *picture("energy", drawn)])


def worth_of_attention(worth: Sequence[dict[str, Any]]) -> Section:
    """The same network with other attention."""
    header, rows = worth_table(worth)
    note = (
        "The same network, digitally, with other attention: trained alike from the same seed, and put into "
        "the trained STDP network at inference, matched to its mean weights on training images. Brackets "
        "hold 95 % intervals over images. Uniform attention with the right mean is the control that counts."
    )
    title = "What STDP attention is worth"
    return Section(title=title, parts=[Table(title=title, header=header, rows=rows, note=note)])


def faults(summary: Summary) -> Section:
    """Faulty devices and lines; without parts where there are none."""
    sentence, rows = fault_findings.faults(summary)
    if not rows:
        return Section(title="Yield", parts=[])
    note = (
        f"{sentence} Means over chips. A device is faulty that is stuck, corrupt or on an open line; a spare "
        "takes the place of a line where that does less harm."
    )
    header = fault_findings.HEADER
    return Section(title="Yield", parts=[Table(title="Yield", header=header, rows=rows, note=note)])


def chip(account: Account) -> Section:
    """The cells, and what is a user's own of the card."""
    return own(account.card, (cells(account.card),) if "chips" in account.summary else ())


def left_out(summary: Summary) -> Section:
    """What nothing of is simulated, and what wires do."""
    sentence, _ = line_findings.wires(summary)
    wires = (
        "kappa = r n g_max N² says how much wires matter (r: one segment, n: devices for each weight, N: "
        "longer side of an array): below 0.3 they change currents by a few per cent, above 1 they rule. "
    )
    lines = [f"{wires}{sentence}"] if sentence else []
    return Section(title="What was left out", parts=[Bullets(lines=[*lines, *LEFT_OUT])])


def again(account: Account, tables: Mapping[str, Table]) -> Section:
    """The command, and what it ran on."""
    versions = account.environment
    note = (
        "Run it in this report's folder, which holds the resolved card (card.toml), numbers (result.json) "
        "and every answer (run.json). Random streams are keyed by seed and by names of chips, layers and "
        f"images, never by order or batch size. {listed(tables)}"
    )
    environment = Table(title="Environment", header=list(versions), rows=[list(versions.values())])
    command = Code(text=provenance.command(account.setting, worth=bool(account.worth)))
    return Section(title="Do it again", parts=[command, environment, Words(text=note, quiet=True)])


def details(account: Account, drawn: Figures) -> Iterator[Section]:
    """What is looked up: layers, break-even, spikes, attention, conductances, lifetime, methods."""
    summary = account.summary
    found = layer_table(summary)
    for title, parts in {
        "Layers": [*([found] if found.rows else []), *notes(account.notes)],
        "Break-even": break_even(account.balance, drawn),
        "Spikes": picture("spikes", drawn),
        "Attention": attention(account.sample, drawn),
        "Conductances": picture("conductances", drawn),
        "Lifetime": lifetime(summary),
        "Methods": [Words(text=text) for text in said(account)],
    }.items():
        yield Section(title=title, parts=parts, folded=True)


def said(account: Account) -> list[str]:
    """Paragraphs on what was simulated; none where no chips were."""
    summary = account.summary
    if "chips" not in summary:
        return []
    tested = replace(account.setting, dataset=summary["dataset"], images=summary["images"])
    return methods(tested, account.card)


def break_even(balance: Balance | None, drawn: Figures) -> list[Part]:
    """At which prices and rates crossbars and each baseline take the same energy."""
    if balance is None:
        return []
    rows = [list(row) for row in energy_findings.break_even(balance)]
    header = ["digital baseline", "spike rate [%]", "energy of a pulse [J]", "energy of a conversion [J]"]
    note = "Each quantity alone, all else as in this run, at both ends of the band of the crossbars' energy."
    table = Table(title="Break-even", header=[*header, "bits of the card's ADC [1]"], rows=rows, note=note)
    return [*picture("break-even", drawn), table]


def attention(sample: Mapping[str, Any], drawn: Figures) -> list[Part]:
    """Written attention weights beside the digital ones."""
    rows = sample.get("map errors", [])
    if not rows:
        return []
    note = (
        "Of the first test image, over all heads and time steps: digital, and as the pulses wrote them on "
        "chip 0. The difference holds the devices' errors and spikes that already differ further up."
    )
    header = ["layer", "mean, digital [1]", "mean, written [1]", "rms difference [1]"]
    table = Table(title="Attention", header=header, rows=[list(row.values()) for row in rows], note=note)
    return [table, *picture("attention-first", drawn), *picture("attention-last", drawn)]


def lifetime(summary: Summary) -> list[Part]:
    """What silent tokens cost, and how long cells of each technology live."""
    silence, rows = findings.silence(summary), [list(row) for row in findings.lifetime(summary)]
    times = [f"at {rate:.0f} images a second [time]" for rate in findings.LIFE_RATES]
    header = ["technology", "endurance [cycles]", "images [1]", *times]
    note = (
        "Published endurance, from the usual to the best, over the cycles of an image in the most worn "
        "attention layer of this run: a reset is one, a pulse the part of the range it moves. No device of "
        "these technologies was tested with this load; where few devices take the wear, these fail first. "
        "Weight arrays are written once."
    )
    parts: list[Part] = [Words(text=silence)] if silence else []
    return [*parts, *([Table(title="Lifetime", header=header, rows=rows, note=note)] if rows else [])]


def notes(noted: Mapping[str, Mapping[str, float]]) -> list[Part]:
    """Events without a price over all layers, for an image and chip: clipped conversions and the like."""
    rows = []
    for what, found in noted.items():
        whole, words = found.get("of"), OF.get(what, ("", ""))[1]
        share = f"{percent(found['number'] / whole)} of {words}" if whole else ""
        rows.append([what, count(found["number"]), share])
    header = ["event", "number for an image [1]", "share"]
    return [Table(title="Counted without a price", header=header, rows=rows)] if rows else []
