"""A run's study.json with other contents: it is read, or refused in one short message that names the file."""

import json
import random
from pathlib import Path

import pytest

from memsim.devices.toml_file import CardError
from memsim.studies.evaluation.setting import Setting
from memsim.studies.reports.dossier import recall
from memsim.studies.running.folder import claim
from memsim.studies.running.study import load
from tests.mutations import STRANGE, mutant
from tests.studies import tiny
from tests.studies.test_dossier import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("run") / "out")


def outcome(folder: Path, text: str):
    """What is recalled, and None where it is refused as it should be."""
    (folder / "study.json").write_text(text, "utf-8")
    try:
        recorded = recall(folder, trust=True)
    except ValueError as error:
        assert 0 < len(str(error)) <= 2000 and str(folder) in str(error)
        return None
    try:
        return recorded, recorded.card
    except CardError as error:
        assert 0 < len(str(error)) <= 2000
        return None


def test_strange_values_of_every_field_are_refused_or_read(folder):
    """Every strange value in the place of every field: what is read has fields of their types."""
    text = (folder / "study.json").read_text("utf-8")
    about, kept = json.loads(text), 0
    for name in about["setting"]:
        for value in STRANGE:
            if isinstance(value, bytes):
                continue
            other = about | {"setting": about["setting"] | {name: value}}
            found = outcome(folder, json.dumps(other))
            if found is not None:
                kept += 1
                setting = found[0].setting
                assert type(setting.chips) is int and setting.chips >= 1 and type(setting.seed) is int
                assert isinstance(setting.model, str) and isinstance(setting.data, str)
                assert 0 <= setting.time < float("inf")
    (folder / "study.json").write_text(text, "utf-8")
    assert 0 < kept < len(STRANGE) * len(about["setting"]) / 2


@pytest.mark.slow
def test_three_hundred_mutants_are_refused_or_read(folder):
    draw, text = random.Random(5), (folder / "study.json").read_text("utf-8")
    about = json.loads(text)
    found = [outcome(folder, json.dumps(mutant(about, draw), default=str)) for _ in range(300)]
    (folder / "study.json").write_text(text, "utf-8")
    assert any(one is None for one in found) and any(one is not None for one in found)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("chips", "3", "chips = '3': a whole number"), ("chips", True, "chips = True"),
        ("seed", 1.5, "seed = 1.5"), ("time", "a day", "time = 'a day': a number"),
        ("time", -1.0, "0 or more"),
        ("images", 0, "1 or more"),
    ],
)  # fmt: skip
def test_a_run_that_goes_on_names_a_field_of_another_type(field, value, told, tmp_path):
    study, out = load(tiny.study(tmp_path, 0).path), tmp_path / "out"
    claim(study, Setting(), out)
    about = json.loads((out / "study.json").read_text("utf-8"))
    about["setting"][field] = value
    (out / "study.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(ValueError, match=r"study\.json is damaged") as refused:
        claim(study, Setting(), out)
    assert told in str(refused.value)
