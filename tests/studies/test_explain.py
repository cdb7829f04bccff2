"""The bill of a layer: on the terminal with the formula of each count, and line by line for machines."""

import math
from io import StringIO

import pytest
from rich.console import Console

import memsim
from memsim.energy.line import total
from memsim.studies.reports import counts
from memsim.studies.reports.explained import explained


@pytest.fixture(scope="module")
def found() -> memsim.studies.evaluation.comparison.Comparison:
    return memsim.compare("s2tdpt-digits", "default", images=4, chips=2)


def printed(comparison, layer: str) -> list[str]:
    console = Console(width=80, color_system=None, record=True, file=StringIO())
    console.print(explained(comparison, layer))
    return console.export_text().splitlines()


def test_ledger_and_layers_of_the_summary_add_up_to_its_energy_time_and_area(found):
    summary = found.summary()
    joule = summary["energy"]["crossbar"]
    assert sum(line["energy [J]"] for line in summary["ledger"]) == pytest.approx(joule, rel=1e-12)
    layers = summary["layers"]
    for key, whole in (("energy [J]", joule), ("latency [s]", summary["latency [s/image]"])):
        assert sum(one.get(key, 0.0) for one in layers.values()) == pytest.approx(whole, rel=1e-12)
    parts = [one["area [m2]"] for one in layers.values() if "area [m2]" in one]
    for part, area in summary["area [m2]"].items():
        assert sum(one.get(part, 0.0) for one in parts) == pytest.approx(area, rel=1e-12)
    for line in summary["ledger"]:
        assert line["energy [J]"] == pytest.approx(line["number"] * line["price [J]"], rel=1e-12)
        assert line["source"] and line["layer"] in layers


def test_the_formula_of_a_count_is_that_of_the_arrays(found):
    works = {work.name: work for work in found.works}
    lines = {(line.layer, line.event): line for line in found.chip.ledger.lines()}

    def said(layer: str, event: str) -> str:
        return counts.how(lines[layer, event], works.get(layer), found.chip)

    core, fc1 = "blocks.0.attention.core", "blocks.0.mlp.fc1.linear"
    assert said(core, "adc-8b") == "16 word lines x 16 features x 4 heads x 4 steps"
    assert said(core, "reset-reram") == "16 rows x 16 columns x 4 heads x 4 steps"
    assert said(fc1, "adc-8b") == "256 columns x 1 row tile x 16 positions x 4 steps"
    assert said(fc1, "digital-add") == "256 biases x 16 positions x 4 steps"
    assert said("blocks.0.mlp.lif1", "neuron-step") == "1,024 neurons x 4 steps"
    assert said(fc1, "row-drive") == counts.COUNTED  # spikes decide
    told = [counts.how(line, works.get(line.layer), found.chip) == counts.COUNTED for line in lines.values()]
    assert sum(told) < 0.25 * len(told)


def test_a_product_that_does_not_give_the_number_is_not_shown(found):
    from dataclasses import replace

    core = "blocks.0.attention.core"
    work = next(work for work in found.works if work.name == core)
    line = next(l for l in found.chip.ledger.lines() if (l.layer, l.event) == (core, "adc-8b"))
    assert counts.how(replace(line, number=1.01 * line.number), work, found.chip) == counts.COUNTED


def test_reads_are_told_by_voltage_time_and_conductance(found):
    line = next(l for l in found.chip.ledger.lines() if l.event == "array-read")
    card = found.card.weights
    siemens = line.energy / (card.read_voltage**2 * card.read_time)
    said = counts.how(line, None, found.chip)
    assert said.startswith("V 200 mV, t 10.0 ns, sum of G ")
    assert math.isclose(float(said.split()[-2]) * 1e-3, siemens, rel_tol=5e-3) or siemens >= 1


def test_a_layer_is_explained_crossbars_first_with_sum_and_shares_in_80_columns(found):
    lines = printed(found, "blocks.0.attention.core")
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert text.index("on crossbars") < text.index("digitally") < text.index("sources")
    own = [l for l in found.chip.ledger.lines() if l.layer == "blocks.0.attention.core"]
    rows = {line.split()[0]: line for line in lines if line and line[0] != " "}
    assert "100 %" in rows["sum"] and f"{1e9 * total(own):.1f} nJ" in rows["sum"]
    for line in own:
        assert line.event in rows


def test_a_folder_of_layers_is_explained_one_by_one_with_a_sum(found):
    text = "\n".join(printed(found, "blocks.0.mlp"))
    assert text.count("on crossbars, for an image") == 6  # two of matrices, norms and neurons each
    joule = sum(line.energy for line in found.chip.ledger.lines() if line.layer.startswith("blocks.0.mlp."))
    assert f"blocks.0.mlp in all: {1e9 * joule:.1f} nJ" in text


def test_a_layer_without_events_names_those_with_events(found):
    with pytest.raises(ValueError, match=r"no events there; layers with events: .*blocks\.0"):
        explained(found, "blocks.0.attention.drop")
