"""A sweep in TOML: tasks are every combination on every block of chips; what is wrong is refused by name."""

from pathlib import Path

import pytest

import memsim
from memsim.studies.evaluation.points import points
from memsim.studies.evaluation.result import Result
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.running.study import Study, load

SWEEP = """
title = "Fewer bits"
times = ["1s", "1d"]

[vary]
"weights.adc_bits" = [4, 6]
"strengths.device-spread" = [1.0, 2.0]
digital = [[], ["head"]]

[fixed]
"weights.tile_rows" = 128
"""
CARD = dump(memsim.ChipCard.load("default"))


def sweep(folder: Path, text: str) -> Study:
    file = folder / "bits.toml"
    file.write_text(text, "utf-8")
    return load(file)


def test_every_combination_on_every_block_at_every_time(tmp_path: Path) -> None:
    study = sweep(tmp_path, SWEEP)
    tasks = list(study.tasks(Setting(card=CARD, chips=6)))
    assert study.module.title == "Fewer bits" and {task.study for task in tasks} == {"bits"}
    assert len(tasks) == len({task.id for task in tasks}) == 2 * 2 * 2 * 2 * 2
    assert [task.shared["chips"] for task in tasks[:4]] == [[0, 1, 2, 3]] * 2 + [[4, 5]] * 2
    assert [task.own["time [s]"] for task in tasks[:2]] == [1.0, 86400.0]
    assert tasks[-1].labels == {
        "weights.adc_bits": 6, "strengths.device-spread": 2.0, "digital": ["head"], "time [s]": 86400.0
    }  # fmt: skip
    for task in tasks:
        card = memsim.ChipCard.parse(dict(task.shared["card"]))
        assert card.weights.tile_rows == 128
        assert card.weights.adc_bits == task.labels["weights.adc_bits"]
        assert card.strengths["device-spread"] == task.labels["strengths.device-spread"]
        assert list(card.digital) == task.labels["digital"]
    rows = [{"id": t.id, "labels": t.labels, "shared": t.shared, "result": Result().json()} for t in tasks]
    assert [p.chips for p in points(rows)] == [list(range(6))] * 16


def test_without_times_the_settings_time_and_without_a_title_the_files_name(tmp_path: Path) -> None:
    study = sweep(tmp_path, '[vary]\n"attention.n_max" = [8]\n')
    (task,) = study.tasks(Setting(card=CARD, chips=1, time=60.0))
    assert task.own == {"time [s]": 60.0} and study.module.title == "bits"
    assert task.shared["card"]["attention"]["n_max"] == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vary = ", "not valid TOML"),
        ("varied = 1\n" + SWEEP, "unknown key 'varied'; known: title, times, vary, fixed"),
        ("title = 'x'\n", r"\[vary\] needs card fields with lists of values"),
        ("[vary]\n", r"\[vary\] needs card fields with lists of values"),
        ("vary = 3\n", r"\[vary\] needs card fields with lists of values"),
        ('[vary]\n"weights.adc_bits" = []\n', r"\[vary\] needs card fields with lists"),
        ('[vary]\n"weights.adc_bits" = 4\n', r"\[vary\] needs card fields with lists"),
        ("[vary.weights]\nadc_bits = [4]\n", r"\[vary\] needs card fields with lists"),
        ('[vary]\n"weights.adc_bits" = [4, 4]\n', "weights.adc_bits = .* has a value twice"),
        ('fixed = 1\n[vary]\n"weights.adc_bits" = [4]\n', r"\[fixed\] needs card fields"),
        ('times = "1d"\n[vary]\n"weights.adc_bits" = [4]\n', "times = '1d' needs a list"),
        ('times = ["soon"]\n[vary]\n"weights.adc_bits" = [4]\n', "times: 'soon': a number and one of s, min"),
    ],
)
def test_a_sweep_that_is_wrong_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"sweep .*bits.toml: {message}"):
        _ = sweep(tmp_path, text).module


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weights.adc_bitz", "4", "weights.adc_bitz.*did you mean 'adc_bits'"),
        ("wights.adc_bits", "4", "a card has no section 'wights'"),
        ("colour", "4", "unknown key 'colour'"),
        ("weights.adc_bits", "-3", "weights.adc_bits = -3"),
        ("weights.adc_bits", "'many'", "weights.adc_bits = 'many'"),
        ("weights.cell", "'gold'", "gold"),
        ("strengths.nothing", "1.0", "unknown effect 'nothing'"),
        ("off", "['nothing']", "unknown effect 'nothing'"),
    ],
)
@pytest.mark.parametrize("table", ["vary", "fixed"])
def test_a_field_or_value_no_card_has_is_refused_by_name(
    table: str, field: str, value: str, message: str, tmp_path: Path
) -> None:
    one = f'"{field}" = ' + (f"[{value}]" if table == "vary" else value)
    text = f"[{table}]\n{one}\n" + ('[vary]\n"weights.tile_rows" = [64]\n' if table == "fixed" else "")
    with pytest.raises(ValueError, match=message):
        list(sweep(tmp_path, text).tasks(Setting(card=CARD, chips=1)))
