"""Tables of studies on narrow screens: every value and interval stays in one piece."""

import io
import random

import pytest
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from memsim.studies.reports.grid import ScreenTable, Whole
from memsim.studies.reports.table import Table

FOLDS = Table(
    title="Accuracy [%] by fold",
    header=["fold", "test samples", "digital", "after 1 s", "after 1 day", "after 1 year"],
    rows=[
        ["1", "220", "89.55", "90.28 [89.14, 91.43]", "89.38 [87.15, 91.60]", "86.19 [83.33, 89.06]"],
        ["all", "1100", "91.18 [89.36, 92.72]", "90.15 [88.46, 91.83]", "89.70", "88.30 [86.14, 90.45]"],
    ],
    note="Brackets hold 95 % intervals.",
)


def printed(table: Table, width: int) -> list[str]:
    console = Console(width=width, force_terminal=False)
    with console.capture() as screen:
        console.print(ScreenTable(table))
    return screen.get().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_value_and_no_interval_is_broken(width: int) -> None:
    lines = printed(FOLDS, width)
    assert all(len(line) <= width for line in lines)
    for row in FOLDS.rows:
        for cell in row:
            for piece in cell.replace(" [", "\n[").split("\n"):
                assert any(piece in line for line in lines), (piece, width)
    assert not any("…" in line for line in lines)


def test_a_wide_screen_keeps_intervals_beside_their_numbers_and_a_narrow_one_repeats_the_rows() -> None:
    wide, narrow = printed(FOLDS, 140), printed(FOLDS, 40)
    assert any("89.55" in line and "90.28 [89.14, 91.43]" in line for line in wide)
    assert (
        sum(line.startswith("fold") for line in narrow) == 4
        and sum(line.startswith("all") for line in narrow) == 4
    )


def test_tables_drawn_at_random_fit_and_lose_nothing() -> None:
    draw = random.Random(7)
    for _ in range(40):
        columns = draw.randint(1, 9)
        header = [
            draw.choice(("accuracy [%]", "energy [nJ]", "cell", "change, harder: accuracy [points]"))
            for _ in range(columns)
        ]
        rows = [
            [
                draw.choice(("reram-om by pulses", "", "99.17 [88.6, 100.0]", "−0.004", "1.3 µJ"))
                for _ in range(columns)
            ]
            for _ in range(draw.randint(0, 4))
        ]
        lines = printed(Table(title="t", header=header, rows=rows), 80)
        assert all(len(line) <= 80 for line in lines)
        words = " ".join(lines).split()
        for cell in (cell for row in rows for cell in row):
            assert all(word in words for word in cell.split()), (cell, lines)


def shown(part: Whole | Grid, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(part)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_a_grid_of_a_command_loses_no_value_on_a_narrow_screen() -> None:
    """Where it fits it is as it was; where not, its columns follow one another, each value in one piece."""
    grid = Grid(title=Text("events", style="bold"), box=None, pad_edge=False)
    for column in ("event", "number", "price", "energy", "source"):
        grid.add_column(column, no_wrap=True)
    cells = ["column-second", "4,096", "2.61\u00a0pJ", "10.7\u00a0nJ", "[1]"]
    grid.add_row(Text(cells[0]), *cells[1:4], Text(cells[4]))
    assert shown(Whole(grid), 80) == shown(grid, 80)
    assert any("…" in line for line in shown(grid, 30))
    for width in (44, 30, 24):
        lines = shown(Whole(grid), width)
        assert all(len(line) <= width for line in lines)
        assert not any("…" in line for line in lines)
        assert all(any(cell in line for line in lines) for cell in cells), lines
        assert any("events" in line for line in lines)
