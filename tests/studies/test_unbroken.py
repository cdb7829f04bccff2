"""Intervals, ranges, and numbers with a unit stay on one line of the report."""

import pytest

from memsim.studies.reports.page import Citations


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("0.074 to 2.8", "0.074_to_2.8"),
        ("98.44 [97.7, 99.2]", "98.44 [97.7,_99.2]"),
        ("−1.3 to −0.6 points", "−1.3_to_−0.6_points"),
        ("1.29 µJ, 3 %", "1.29_µJ, 3_%"),
        ("ReRAM, written once", "ReRAM, written once"),
    ],
)
def test_a_line_ends_between_values_alone(text: str, held: str) -> None:
    assert Citations().html(text).replace("\u00a0", "_") == held
