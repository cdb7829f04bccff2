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
    "intervals; rings: single chips. Each panel has its own axis.",
    "spikes": "Spike rate: share of neuron steps with a spike. Spikes that differ: share of neuron steps in "
    "which one execution spikes and the other does not, over all images and chips.",
    "conductances": "Conductances of the weight devices of chip 0, all layers, as a read sees them. In each "
    "pair one device represents the weight, and the other rests near zero.",
    "energy": "Energy for an image. Top, on a logarithmic axis: squares are digital baselines, circles are "
    "crossbars at the prices of the card, and thick lines are the band from published parts to the whole "
    "column of a published chip. Bottom: the parts of the energy of crossbars at the prices of the card.",
    "break-even": "Crossbars take less energy below a curve, digital execution above it. Cross: this run. "
    "Dashed: baselines without memory, neurons and normalisation. If a curve is absent, crossbars take more "
    "energy at any price of pulses and conversions. A baseline that includes SRAM is compared with crossbars "
    "whose inputs, sums, membranes and spikes are in SRAM too.",
    "attention-first": "First block. Rows of a map are query tokens, columns are key tokens; the digital and "
    "the written map share one colour scale.",
    "attention-last": "Last block, drawn in the same way.",
}
"""Captions of the figures."""


LEFT_OUT = (
    "Area leaves out row drivers, neurons, memory and wiring: no source was found for them.",
    "Energy does not include clocks, control, references and the one-time programming of the weights; the "
    "upper end of the band contains those of a published column. Memory is included only where SRAM is "
    "named.",
    "Changes of temperature, faults and converter errors that the card does not name, and nonlinear currents "
    "beyond the chord of the I-V curve of a cell are not simulated.",
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
    boxes = [Box(title="Where the crossbars are worse:", lines=losing)] if losing else []
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
    """Return what was run, in a line."""
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
    """Return a figure with its caption, where it was drawn."""
    if name not in drawn:
        return []
    return [Pictures(pictures=[Picture(name=name, figure=drawn[name], says=CAPTIONS[name])])]


def results(summary: Summary, drawn: Figures) -> Section:
    """Return accuracy, more sensitive measures, time and area; and both engines if two ran."""
    rows = [list(row.values()) for row in findings.results(summary)]
    note = (
        "Brackets hold 95 % intervals. For the digital network they are Wilson intervals over images"
        f"{cite('wilson1927')}, for crossbars Student's t intervals over chips, which all see the same images"
        f"{cite('student1908')}; the rows that say so cover chips and images. Cross-entropy, margin and "
        "spikes change before the accuracy does."
    )
    header = ["measure [unit]", "digital", "crossbars", "change"]
    parts: list[Part] = [Table(title="Results", header=header, rows=rows, note=note)]
    if found := engine_findings.engines(summary):
        header = ["engine", "data", "accuracy [95 %] over chips", "over chips and images [%]"]
        note = f"{engine_findings.verdict(summary)} All other results in this report are those of aihwkit."
        rows = [list(row) for row in found]
        title = "Two engines on one card"
        parts.append(Table(title=title, header=[*header, "same answer as digital"], rows=rows, note=note))
    return Section(title="Results", parts=[*parts, *picture("accuracy", drawn)])


def energy(summary: Summary, drawn: Figures) -> Section:
    """Return each digital baseline against the crossbars, their largest part, and what the band means."""
    parts: list[Part] = []
    if rows := energy_findings.against(summary):
        header, lines = rows
        parts.append(Table(title="Energy", header=header, rows=lines, note=energy_findings.about(summary)))
    else:
        parts.append(Words(text=energy_findings.about(summary)))
    return Section(title="Energy", parts=[*parts, *picture("energy", drawn)])


def worth_of_attention(worth: Sequence[dict[str, Any]]) -> Section:
    """Return the same network with other attention."""
    header, rows = worth_table(worth)
    note = (
        "The same network, executed digitally, with other kinds of attention: either trained in the same "
        "way from the same seed, or exchanged at inference in the trained STDP network and matched to its "
        "mean attention weights on training images. Brackets hold 95 % intervals over images. The decisive "
        "control is uniform attention with the mean of STDP attention."
    )
    title = "STDP attention against other attention"
    return Section(title=title, parts=[Table(title=title, header=header, rows=rows, note=note)])


def faults(summary: Summary) -> Section:
    """Return faulty devices and lines; without parts where there are none."""
    sentence, rows = fault_findings.faults(summary)
    if not rows:
        return Section(title="Yield", parts=[])
    note = (
        f"{sentence} Values are means over chips. A device counts as faulty if it is stuck, corrupt or on an "
        "open line; a spare line replaces a line if that does less harm."
    )
    header = fault_findings.HEADER
    return Section(title="Yield", parts=[Table(title="Yield", header=header, rows=rows, note=note)])


def chip(account: Account) -> Section:
    """Return the cells, and what is a user's own of the card."""
    return own(account.card, (cells(account.card),) if "chips" in account.summary else ())


def left_out(summary: Summary) -> Section:
    """Return what the simulation leaves out, and the effect of wires."""
    sentence, _ = line_findings.wires(summary)
    wires = (
        "kappa = r n g_max N² measures the effect of the resistance of wires (r: resistance of one segment, "
        "n: devices for each weight, N²: mean of the squares of rows and columns). Below 0.3, wires change "
        "currents by a few per cent; above 1 they dominate. "
    )
    lines = [f"{wires}{sentence}"] if sentence else []
    return Section(title="What the simulation leaves out", parts=[Bullets(lines=[*lines, *LEFT_OUT])])


def again(account: Account, tables: Mapping[str, Table]) -> Section:
    """Return the command, and what it ran on."""
    versions = account.environment
    note = (
        "Run this command in the folder of this report, which contains the whole card (card.toml), all "
        "numbers (result.json) and the answer to every image (run.json). Random numbers depend on the seed "
        f"and on the names of chips, layers and images, never on order or batch size. {listed(tables)}"
    )
    environment = Table(title="Environment", header=list(versions), rows=[list(versions.values())])
    command = Code(text=provenance.command(account.setting, worth=bool(account.worth)))
    return Section(title="How to repeat this run", parts=[command, environment, Words(text=note, quiet=True)])


def details(account: Account, drawn: Figures) -> Iterator[Section]:
    """Return the folded sections: layers, break-even, spikes, attention, conductances, lifetime, methods."""
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
    """Return paragraphs on what was simulated; none where no chips were."""
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
    note = (
        "Each column gives the value at which crossbars and the baseline take the same energy, with all "
        "other quantities as in this run, at both ends of the band of the energy of crossbars. “none”: "
        "there is no such value. “below 0”: crossbars take more energy even at a price of 0."
    )
    table = Table(title="Break-even", header=[*header, "bits of the card's ADC [1]"], rows=rows, note=note)
    return [*picture("break-even", drawn), table]


def attention(sample: Mapping[str, Any], drawn: Figures) -> list[Part]:
    """Return written and digital attention weights."""
    rows = sample.get("map errors", [])
    if not rows:
        return []
    note = (
        "Attention weights of the first test image over all heads and time steps, digital and as written by "
        "pulses on chip 0. The difference contains errors of the devices, and the effect of spikes that "
        "already differ in earlier layers."
    )
    header = ["layer", "mean, digital [1]", "mean, written [1]", "rms difference [1]"]
    table = Table(title="Attention", header=header, rows=[list(row.values()) for row in rows], note=note)
    return [table, *picture("attention-first", drawn), *picture("attention-last", drawn)]


def lifetime(summary: Summary) -> list[Part]:
    """Return the cost of silent tokens, and the lifetime of cells of each technology."""
    silence, rows = findings.silence(summary), [list(row) for row in findings.lifetime(summary)]
    times = [f"at {rate:.0f} images a second [time]" for rate in findings.LIFE_RATES]
    header = ["technology", "endurance [cycles]", "images [1]", *times]
    note = (
        "The published endurance, from the usual to the best value, divided by the cycles per image in the "
        "most worn attention layer of this run. A reset is one cycle, a pulse the fraction of the range by "
        "which it moves the device. No device of these technologies was tested with this load; if few "
        "devices take most of the wear, they fail first. Weight arrays are written once."
    )
    parts: list[Part] = [Words(text=silence)] if silence else []
    return [*parts, *([Table(title="Lifetime", header=header, rows=rows, note=note)] if rows else [])]


def notes(noted: Mapping[str, Mapping[str, float]]) -> list[Part]:
    """Return events without a price, such as clipped conversions, over all layers for one image and chip."""
    rows = []
    for what, found in noted.items():
        whole, words = found.get("of"), OF.get(what, ("", ""))[1]
        share = f"{percent(found['number'] / whole)} of {words}" if whole else ""
        rows.append([what, count(found["number"]), share])
    header = ["event", "number for an image [1]", "share"]
    return [Table(title="Counted without a price", header=header, rows=rows)] if rows else []
