"""The study of folds: every fold's network on the samples that its training never met."""

import shutil
from pathlib import Path

import pytest

import memsim
from memsim.models.registry import BUNDLED
from memsim.models.training.folds import fold_file
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.library import folds

CARD = dump(memsim.ChipCard.load("default"))


def at(fold: int, digital: float, *right: float, time: float = 1.0, samples: int = 100) -> Point:
    labels = {"fold": fold, "time [s]": time, folds.RECORD: digital, folds.SAMPLES: samples}
    return Point(
        labels=labels, chips=[0, 1], per_chip={"accuracy [1]": list(right)}, total={"images": samples}
    )


POINTS = [at(1, 0.9, 0.8, 0.9), at(2, 0.8, 0.7, 0.7, samples=300), at(3, 1.0, 0.9, 0.95)]


def test_digital_is_over_samples_and_chips_over_folds() -> None:
    """430 of 500 by Wilson; 85, 70 and 92.5 % on chips have Student's t over three folds."""
    rows = folds.tables(POINTS)["folds"].rows
    assert [row[0] for row in rows] == ["1", "2", "3", "all"]
    assert rows[-1][1:3] == ["500", "86.00 [82.68, 88.77]"]
    assert rows[-1][3].startswith("82.50 [54.04, 100.00]")
    said = folds.findings(POINTS)
    assert "430" not in said[0] and "of 500 samples" in said[0]
    assert "−7.50 [" in said[1]


def test_a_missing_fold_is_refused_with_the_command(tmp_path: Path) -> None:
    setting = Setting(model="s2tdpt-digits", dataset="digits", card=CARD, data=str(tmp_path), chips=1)
    with pytest.raises(ValueError, match=r"training.folds s2tdpt-digits --dataset digits --folds 5"):
        list(folds.tasks(setting))
    with pytest.raises(ValueError, match="--dataset"):
        list(folds.tasks(Setting(model="s2tdpt-digits", card=CARD)))
    for number in (1, 3):
        shutil.copy(
            BUNDLED / "s2tdpt-digits.safetensors", fold_file(tmp_path, "s2tdpt-digits", "digits", number, 3)
        )
    with pytest.raises(ValueError, match=r"s2tdpt-digits-digits-2of3.safetensors not in"):
        list(folds.tasks(setting))


def test_each_fold_runs_on_its_own_test_part(tmp_path: Path) -> None:
    for number in (1, 2):
        shutil.copy(
            BUNDLED / "s2tdpt-digits.safetensors", fold_file(tmp_path, "s2tdpt-digits", "digits", number, 2)
        )
    setting = Setting(
        model="s2tdpt-digits", dataset="digits", card=CARD, data=str(tmp_path), chips=5, images=20
    )
    found = list(folds.tasks(setting))
    assert len(found) == 2 * 2 * len(folds.TIMES)
    assert {task.shared["dataset"]["name"] for task in found} == {"digits:1/2", "digits:2/2"}
    assert len({task.shared["dataset"]["digest"] for task in found}) == 2
