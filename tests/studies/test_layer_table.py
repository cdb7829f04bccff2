"""The layers of a report in one table."""

from memsim.studies.reports.layer_table import layer_table

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
