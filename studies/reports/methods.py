"""The methods of a study in words: the network, the chips and every number of the card, each with its source.

Sentences are made from the setting and the card alone, so that none can say what was not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import memsim
from memsim import devices, models
from memsim.card.converters import AdcSection, DacSection
from memsim.card.faults import FaultSection
from memsim.card.fields import ARRAY_EFFECTS
from memsim.studies.evaluation.net_file import NetFile
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports.bibliography import cite, mentioned
from memsim.studies.reports.line_findings import in_full_tile, unsimulated
from memsim.studies.reports.quantities import digits, duration, percent, quantity
from memsim.studies.reports.table import Table
from memsim.studies.running import provenance
from memsim.studies.running.provenance import TABLES

DATA_SETS = {"digits": "alpaydin1998", "digits-hard": "alpaydin1998", "fashion-mnist": "xiao2017"}
"""The works that published the data sets."""

BESIDE = {"pcm-joshi2020": ("nandakumar2019",)}
"""Further sources of the model of a cell, besides the one that the cell names."""

UNITS = {"rotation": "degrees", "shift": "pixels", "warmup": "epochs"}
"""Units of the numbers of a training recipe."""

NOT_SIMULATED = (
    "The simulation does not include: {}; faults and converter errors that the card does not name; errors of "
    "the reads from which drift compensation is computed; nonlinear currents beyond the chord of the I-V "
    "curve of a cell; and changes of temperature. Energies do not include clock, control and references. "
    "Nothing here was measured on a chip."
)


def methods(setting: Setting, card: memsim.ChipCard, *, named: bool = True) -> list[str]:
    """Return paragraphs on what was simulated; a study that varies something says so itself.

    named: whether the setting names the network; a study that brings its own speaks of it itself.
    """
    return [
        *([network(setting)] if named else []),
        chips(setting, card),
        weights(card),
        attention(card),
        effects(card),
        intervals(),
        f"{NOT_SIMULATED.format(unsimulated(card))} {in_full_tile(card)}",
    ]


def intervals() -> str:
    """Return what the intervals are over."""
    return (
        f"All intervals are 95 % intervals: Student's t{cite('student1908')} for means over chips, "
        f"Wilson's{cite('wilson1927')} for shares of images, and those of crossed random effects, with two "
        f"correct and two wrong images added{cite('satterthwaite1946')}{cite('agresti1998')}, for means over "
        "chips and images. The best of k candidates has an interval at 1 - 5 %/k. Comparisons are paired: "
        "both sides ran on the same chips and images."
    )


def network(setting: Setting) -> str:
    """Return which network, how it was trained, and what it is tested on."""
    if setting.net is not None:
        return _own_network(setting, setting.net)
    try:
        net = models.load(setting.model)
    except ValueError:
        config, record = None, {}
    else:
        config, record = net.config, net.record
    shape = ""
    if isinstance(config, models.S2TDPTConfig):
        shape = (
            f", an S2TDPT{cite('mondal2025')} with {config.layers} blocks of width {config.dim}, "
            f"{config.heads} heads, {config.steps} time steps and attention of kind {config.attention}; "
            f"details that the paper does not give are taken from Spikingformer{cite('zhou2023')}"
        )
    trained = _training(record) if record else "Its training record is not available."
    data = setting.dataset or record.get("dataset", "the data set it was trained on")
    whole = record.get("images", {}).get("test") if data == record.get("dataset") else None
    images = f"the first {setting.images}" if setting.images else f"all {whole}" if whole else "all"
    return (
        f"The network is {setting.model}{shape}. {trained} It is tested on "
        f"{images} test images of {data}{_data_source(data)}."
    )


def _own_network(setting: Setting, net: NetFile) -> str:
    """Return a user's own network: its file by content; the file is not run for a report."""
    images = f"the first {setting.images}" if setting.images else "all"
    return (
        f"The network is the result of {net.function}() in {net.name} (SHA-256 of its text: "
        f"{net.digest}...). It is tested on {images} test inputs of "
        f"{setting.dataset}{_data_source(str(setting.dataset))}."
    )


def _data_source(name: str) -> str:
    return cite(DATA_SETS[name]) if name in DATA_SETS else ""


def _training(record: Mapping[str, Any]) -> str:
    """Return a training record in a sentence: data, recipe, what came out."""
    parts, recipe = record.get("images", {}), dict(record.get("recipe", {}))
    augmentation = recipe.pop("augmentation", {})
    numbers = ", ".join([*_numbers(recipe), *_numbers(augmentation)])
    found = record.get("test_accuracy")
    reached = "" if found is None else f"; its digital test accuracy was {percent(found)}"
    return (
        f"memsim trained it on {parts.get('train', 'the')} images of {record.get('dataset', 'its data set')}"
        f"{_data_source(str(record.get('dataset')))} ({parts.get('val', 'some')} for validation; seed "
        f"{record.get('seed', 'unknown')}; {numbers}){reached}."
    )


def _numbers(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        shown = ("no", "yes")[value] if isinstance(value, bool) else f"{value:g}"
        yield " ".join(filter(None, (name.replace("_", " "), shown, UNITS.get(name))))


def chips(setting: Setting, card: memsim.ChipCard) -> str:
    """Return how many chips, which they are, and when they are read."""
    top = _fields(card, skip=("name", "description", *TABLES, "prices", "off", "strengths"))
    return (
        f"The simulation has {setting.chips} chip{'' if setting.chips == 1 else 's'} of card {card.name} "
        f"({top}), seed {setting.seed}. Random numbers depend on names, not on order{cite('salmon2011')}: a "
        "chip is the same whichever other chips are simulated. Chips differ only in their devices and see "
        f"the same images, {duration(setting.time)} after their weights were programmed unless the study "
        f"varies this time. Device models come from aihwkit{cite('rasch2021')} and from the papers that each "
        "cell names."
    )


def weights(card: memsim.ChipCard) -> str:
    """Return the weight arrays with every number."""
    coding, many = card.weights.coding, card.weights.devices_per_weight
    holders = "differential pairs" if coding.plain else coding.words(many)
    faults = _faults(card, card.weight_faults)
    return (
        f"Weights are represented by {holders} of {_cell(card.weight_cell)}. All numbers of these arrays: "
        f"{_fields(card.weights, skip=('cell',))}. DACs drive rows that carry numbers; a spike drives a row "
        f"as one bit.{faults}"
    )


def _faults(card: memsim.ChipCard, section: FaultSection) -> str:
    """Return the faults of one sort of arrays with every number; nothing where there are none."""
    if not (section.made and card.on("faults")):
        return ""
    return f" Some of their devices and lines are faulty after fabrication: {_fields(section, skip=())}."


def attention(card: memsim.ChipCard) -> str:
    """Return the attention arrays with every number."""
    cell = card.attention_cell
    unsaid = "" if card.attention.n_max else f", with at most {cell.n_max} pulses (the number of the preset)"
    worn = f" Their devices are worn: {_fields(card.wear, skip=())}." if card.wear.cycles_before else ""
    return (
        f"Spikes write the attention weights into {_cell(cell)}{unsaid}, anew for every image, layer, "
        f"head and time step. All numbers of these arrays: {_fields(card.attention, skip=('cell',))}."
        f"{_faults(card, card.attention_faults)}{worn}"
    )


def _cell(cell: devices.Cell) -> str:
    keys = [*mentioned(cell.source), *BESIDE.get(cell.name, ())]
    return f"{cell.name} ({cell.technology}; {cell.source}){cite(*keys)}"


def _fields(section: Any, skip: tuple[str, ...]) -> str:
    """Return every field of a part of a card: name, value and unit."""
    said = []
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, (AdcSection, DacSection)) and name not in skip:
            said.append(f"{name.upper()}: {_fields(value, skip=())}")
        elif name not in skip and value is not None:
            unit = re.search(r"\[(.*)\]", info.alias or "")
            words = re.sub(r"(?<!^g)_", " ", name).replace("adc", "ADC").replace("dac", "DAC")
            said.append(f"{words} {_shown(value, unit[1] if unit and unit[1] != '1' else '')}")
    return ", ".join(said)


def _shown(value: Any, unit: str) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    if isinstance(value, bool):
        return ("no", "yes")[value]
    if isinstance(value, float):
        return quantity(value, unit.replace("ohm", "Ω")) if unit else f"{value:g}"
    return str(value)


def effects(card: memsim.ChipCard) -> str:
    """Return effects that are on, at which strength where it is not the source's, and those that are off."""
    strength = {effect: _strength(card, effect) for effect in card.effects}
    on = [
        effect if factor == 1 else f"{effect} × {factor:g}" for effect, factor in strength.items() if factor
    ]
    off = [effect for effect, factor in strength.items() if not factor]
    return f"Effects simulated: {', '.join(on) or 'none'}; switched off: {', '.join(off) or 'none'}."


def _strength(card: memsim.ChipCard, effect: str) -> float:
    if effect in ARRAY_EFFECTS:
        return float(card.on(effect))
    return max(cell.strength(effect) for cell in (card.weight_cell, card.attention_cell))


def card_tables(card: memsim.ChipCard) -> list[Table]:
    """Return every field of the card with its meaning, and every price with its source."""
    fields = [[row["key"], row["value"], row["about"]] for row in provenance.card_rows(card)]
    prices = [
        [
            event,
            digits(1e12 * price.energy),
            f"{'assumption: ' if price.assumption else ''}{_cited(price.source)}",
        ]
        for event, price in card.all_prices.items()
    ]
    return [
        Table(title=f"Card {card.name}", header=["key [unit]", "value", "meaning and source"], rows=fields),
        Table(title="Prices", header=["event", "energy [pJ]", "source"], rows=prices),
    ]


def _cited(source: str) -> str:
    return source + cite(*mentioned(source))
