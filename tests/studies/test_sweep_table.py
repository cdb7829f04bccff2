"""The first table of a sweep: a column for each field, one unit for each cost."""

import pytest
from rich.console import Console

from memsim.studies.evaluation.points import Point
from memsim.studies.reports.grid import ScreenTable
from memsim.studies.reports.sweep_table import sweep_table, tables

POINTS = [
    Point(
        labels={"weights.adc_bits": bits, "attention.n_max": 16, "time [s]": 86400.0},
        chips=[0, 1],
        per_chip={"accuracy [1]": [0.9, 0.92]},
        total={"energy [J]": 1e-7 * bits, "latency [s]": 3e-4, "area [m2]": 2e-7},
    )
    for bits in (4, 20)
]


def test_each_field_has_a_column_and_each_cost_one_unit():
    table = sweep_table(POINTS)
    head = ["adc_bits", "n_max", "time [s]", "accuracy [%]", "energy [µJ]", "latency [µs]", "area [mm²]"]
    assert table.header == head
    assert [row[:3] + row[4:] for row in table.rows] == [
        ["4", "16", "1 day", "0.400", "300", "0.200"],
        ["20", "16", "1 day", "2.00", "300", "0.200"],
    ]


def test_fields_of_one_name_in_two_sections_keep_their_section():
    points = [
        Point(
            labels={"weights.adc_bits": 4, "attention.adc_bits": 8}, chips=[0], per_chip={"gain [1]": [1.0]}
        )
    ]
    assert sweep_table(points).header == ["weights.adc_bits", "attention.adc_bits", "gain [1]"]


def test_what_one_point_lacks_is_empty_and_what_all_lack_has_no_column():
    bare = Point(labels={"weights.adc_bits": 8}, chips=[0], per_chip={"accuracy [1]": [0.9]})
    table = sweep_table([*POINTS, bare])
    assert table.rows[-1][1:3] == ["", ""] and table.rows[-1][4:] == ["", "", ""]
    assert sweep_table([bare]).header == ["adc_bits", "accuracy [%]"]


def test_it_comes_first_fits_the_screen_and_is_not_made_for_numbers_without_chips(tmp_path):
    found = tables(POINTS)
    assert list(found) == ["settings", "points"]
    console = Console(width=80, file=(tmp_path / "screen").open("w"), record=True)
    console.print(ScreenTable(found["settings"]))
    console.file.close()
    lines = console.export_text().splitlines()
    assert all(len(line) <= 80 and "…" not in line for line in lines)
    assert list(tables([Point(labels={"n": 1}, chips=[0], total={"x": 0.5})])) == ["points"]


@pytest.mark.parametrize("joule", [None, 0.0])
def test_an_energy_that_is_not_known_or_zero_is_shown_as_such(joule):
    total = {} if joule is None else {"energy [J]": joule}
    point = Point(labels={"n": 1}, chips=[0], per_chip={"accuracy [1]": [1.0]}, total=total)
    assert ("energy [J]" in sweep_table([point]).header) == (joule is not None)
