"""The layers of a report in one table, and the list of its sections."""

from memsim.studies.reports.layer_table import layer_table
from memsim.studies.reports.page import with_contents

LAYERS = {
    "fc1": {"energy [J]": 2e-8, "latency [s]": 1e-6, "area [m2]": {"ADC": 2e-9, "weight cells": 1e-9}},
    "fc2": {"energy [J]": 5e-10, "latency [s]": 2e-6, "area [m2]": {"ADC": "unknown", "weight cells": 1e-9}},
    "lif1": {"energy [J]": 3e-9},
    "lif2": {"energy [J]": 1e-9},
}


def test_each_array_has_a_row_each_column_one_unit_and_the_rest_one_sum():
    found = layer_table({"layers": LAYERS, "kappa": {"fc1": 0.5}, "utilisation": {"fc1": 0.25, "fc2": 0.5}})
    assert found.header == ["layer", "energy [nJ]", "time [µs]", "area [mm²]", "cells used [%]", "kappa [1]"]
    assert found.rows == [
        ["fc1", "20.0", "1.00", "0.00300", "25.0", "0.500"],
        ["fc2", "0.500", "2.00", "", "50.0", ""],
        ["other layers", "4.00", "", "", "", ""],
    ]


def test_a_run_without_a_bill_has_no_rows():
    assert layer_table({}).rows == [] and layer_table({"layers": {}, "kappa": {}}).rows == []


def test_the_list_of_sections_leads_to_each_of_them():
    page = "<header>h</header><section><h2>What it is</h2></section><section><h2>Energy</h2></section>"
    found = with_contents(page)
    links = '<a href="#what-it-is">What it is</a> · <a href="#energy">Energy</a>'
    assert f"{links}</nav>" in found and found.index("<nav") < found.index("</header>")
    assert '<section id="what-it-is"><h2>What it is</h2>' in found and '<section id="energy">' in found
