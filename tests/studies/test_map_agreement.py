"""Agreement of maps as a study measures it: that of `memsim see`, and absent where there is none."""

import pytest
import torch
from torch import nn

import memsim
from memsim import models
from memsim.studies.evaluation.crossbars import crossbars, measure, prepare
from memsim.studies.evaluation.map_agreement import DigitalMaps
from memsim.studies.evaluation.points import Point
from memsim.studies.evaluation.setting import Setting, dump
from memsim.studies.evaluation.subject import Subject
from memsim.studies.evaluation.test_data import test_data as load_data
from memsim.studies.library import drift
from memsim.studies.seeing.numbers import over_times
from memsim.studies.seeing.sight import sight

TIME = 86400.0
SETTING = Setting(card=dump(memsim.ChipCard.load("default")), chips=2, images=3, dataset="digits")


def test_a_study_measures_what_memsim_see_shows():
    trial = prepare(crossbars(SETTING, [0, 1]))
    found = measure(trial, {"time [s]": TIME, "maps": 64}).per_chip
    data = load_data("digits", images=3)
    card = memsim.ChipCard.load("default")
    shown = sight(Subject.load("s2tdpt-digits"), data, card, chips=2, times=[TIME])
    for name, table in over_times(shown)["class activation"][TIME].items():
        assert found[f"map {name}"] == pytest.approx(table.mean(1).tolist(), abs=1e-6)
    assert not [name for name in measure(trial, {"time [s]": TIME}).per_chip if name.startswith("map ")]


def test_every_task_of_the_drift_study_measures_maps():
    assert {task.own["maps"] for task in drift.tasks(SETTING)} == {drift.MAPS}


def test_the_drift_report_says_how_much_maps_change():
    def point(time, values):
        column = {drift.MAP: values, "accuracy [1]": [0.9, 0.92], "cross-entropy [nat]": [0.3, 0.31]}
        return Point(labels={"upkeep": "global", "time [s]": time}, chips=[0, 1], per_chip=column)

    found = [point(1.0, [0.80, 0.82]), point(3600.0, [0.7, 0.7]), point(86400.0, [0.60, 0.64])]
    (said,) = [one for one in drift.findings(found) if "maps" in one]
    assert said.startswith("Class-activation maps of the chips have a rank correlation of 0.810 [")
    assert "after 1 s and 0.620 [" in said and "a change of −0.190 [" in said
    assert drift.findings([found[0]]) == []
    assert set(drift.figures(found)) == {"accuracy", "before-accuracy", "maps"}
    assert "maps: rank correlation [1]" in drift.tables(found)["points"].header


def test_without_a_layer_that_a_linear_head_reads_there_are_none():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    labels = torch.zeros(3, dtype=torch.long)
    assert DigitalMaps.of(flat, torch.rand(3, 1, 8, 8), labels, 0, torch.float32) is None
    assert DigitalMaps.of(nn.Linear(64, 10), torch.rand(3, 64), labels, 0, torch.float32) is None
    masnn = models.build("masnn", in_shape=(2, 8, 8), steps=2, reduction_t=1).eval()
    assert DigitalMaps.of(masnn, torch.rand(3, 2, 2, 8, 8).round(), labels, 1, torch.float32) is None
